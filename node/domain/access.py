"""Who may open an association: a pure decision on AE titles and the peer's address."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address


@dataclass(frozen=True, slots=True)
class Caller:
    """A peer that may send films: its AE title (`*` for any) and the network it calls from.

    `assume_charset` is the Specific Character Set that its texts are really in, where it states
    another or none.
    """

    ae_title: str
    network: IPv4Network | IPv6Network
    assume_charset: str = ""


def may_call(callers: Sequence[Caller], ae_title: str, address: str) -> bool:
    """Return whether this AE title may call from this address.

    An empty list admits every AE title, from this machine alone.
    """
    peer = ip_address(address)
    # A socket for IPv6 and IPv4 alike gives an IPv4 peer as ::ffff:10.0.0.1.
    peer = getattr(peer, "ipv4_mapped", None) or peer
    if not callers:
        return peer.is_loopback
    return any(
        caller.ae_title in ("*", ae_title)
        and peer.version == caller.network.version
        and peer in caller.network
        for caller in callers
    )


def charset_of(callers: Sequence[Caller], ae_title: str) -> str:
    """Return the character set to assume for this AE title's films, empty to believe them.

    A caller of that very name goes before one of any name.
    """
    for name in (ae_title, "*"):
        for caller in callers:
            if caller.ae_title == name:
                return caller.assume_charset
    return ""
