"""Decide by AE title and address which peers may open an association."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address


@dataclass(frozen=True, slots=True)
class Caller:
    """An allowed sender, with AE title (`*` for any) and network.

    `assume_charset`, if not empty, replaces the Specific Character Set of the sender's films.
    """

    ae_title: str
    network: IPv4Network | IPv6Network
    assume_charset: str = ""


def is_allowed_caller(callers: Sequence[Caller], ae_title: str, address: str) -> bool:
    """Return whether this AE title may call from this address.

    An empty list allows every AE title from the loopback address only.
    """
    peer = ip_address(address)
    # A dual-stack socket reports an IPv4 peer as ::ffff:10.0.0.1.
    peer = getattr(peer, "ipv4_mapped", None) or peer
    if not callers:
        return peer.is_loopback
    return any(
        caller.ae_title in ("*", ae_title)
        and peer.version == caller.network.version
        and peer in caller.network
        for caller in callers
    )


def assumed_charset(callers: Sequence[Caller], ae_title: str) -> str:
    """Return the character set to assume for a sender's films, or "" without an assumption.

    An entry with this AE title has priority over an entry with `*`.
    """
    by_priority = (c for name in (ae_title, "*") for c in callers if c.ae_title == name)
    caller = next(by_priority, None)
    return "" if caller is None else caller.assume_charset
