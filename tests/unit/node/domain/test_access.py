"""The list of callers decides which peers may open an association."""

from ipaddress import ip_network

import pytest

from node.domain.access import Caller, assumed_charset, is_allowed_caller

HOSPITAL = ip_network("10.1.0.0/16")
ANYWHERE = ip_network("0.0.0.0/0")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.2.3", False),
        ("::ffff:10.1.2.3", False),
        ("2001:db8::1", False),
    ],
)
def test_an_empty_list_allows_loopback_addresses_only(address: str, allowed: bool) -> None:
    """An unconfigured node refuses other machines, even if it listens on all interfaces."""
    assert is_allowed_caller((), "CT7", address) is allowed


@pytest.mark.parametrize(
    ("ae_title", "address", "allowed"),
    [
        ("XRAY1", "10.1.2.3", True),
        ("XRAY1", "10.2.0.1", False),
        ("XRAY2", "10.1.2.3", False),
        ("xray1", "10.1.2.3", False),
        ("XRAY1", "127.0.0.1", False),
    ],
)
def test_title_and_network_must_both_match(ae_title: str, address: str, allowed: bool) -> None:
    """A list of callers also applies to loopback addresses."""
    assert is_allowed_caller([Caller("XRAY1", HOSPITAL)], ae_title, address) is allowed


def test_title_and_network_must_match_in_the_same_entry() -> None:
    """The title of one entry is not allowed from the network of another entry."""
    callers = [Caller("XRAY1", HOSPITAL), Caller("XRAY2", ip_network("192.168.1.0/24"))]
    assert is_allowed_caller(callers, "XRAY2", "192.168.1.7")
    assert not is_allowed_caller(callers, "XRAY2", "10.1.2.3")


def test_a_star_matches_any_title() -> None:
    """A star as title matches any AE title, but the network must still match."""
    callers = [Caller("*", HOSPITAL)]
    assert is_allowed_caller(callers, "CT7", "10.1.2.3")
    assert not is_allowed_caller(callers, "CT7", "10.2.0.1")


def test_a_star_is_no_pattern() -> None:
    """AE titles are compared literally, so a star within a title is no pattern."""
    assert not is_allowed_caller([Caller("XRAY*", HOSPITAL)], "XRAY1", "10.1.2.3")
    assert not is_allowed_caller([Caller("XRAY1", HOSPITAL)], "*", "10.1.2.3")


def test_an_ipv4_network_does_not_match_ipv6() -> None:
    """The comparison of an IPv6 address with an IPv4 network raises no error."""
    assert not is_allowed_caller([Caller("*", ANYWHERE)], "XRAY1", "2001:db8::1")
    assert not is_allowed_caller([Caller("*", ip_network("::/0"))], "XRAY1", "10.1.2.3")
    assert is_allowed_caller([Caller("*", ip_network("2001:db8::/32"))], "XRAY1", "2001:db8::1")


def test_a_mapped_ipv4_address_matches_an_ipv4_network() -> None:
    """A socket bound to `::` reports IPv4 peers in the mapped form."""
    assert is_allowed_caller([Caller("XRAY1", HOSPITAL)], "XRAY1", "::ffff:10.1.2.3")
    assert not is_allowed_caller([Caller("XRAY1", HOSPITAL)], "XRAY1", "::ffff:10.2.0.1")


def test_the_entry_of_a_title_has_priority_for_the_character_set() -> None:
    """A star applies to AE titles that have no entry of their own."""
    callers = [
        Caller("*", HOSPITAL, "ISO_IR 100"),
        Caller("XRAY1", HOSPITAL, "GB18030"),
        Caller("XRAY2", HOSPITAL),
    ]
    assert assumed_charset(callers, "XRAY1") == "GB18030"
    assert assumed_charset(callers, "XRAY2") == ""
    assert assumed_charset(callers, "XRAY3") == "ISO_IR 100"
    assert assumed_charset([], "XRAY1") == ""
