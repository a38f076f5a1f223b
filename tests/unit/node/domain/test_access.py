"""Who may open an association."""

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
def test_no_list_admits_this_machine_alone(address: str, allowed: bool) -> None:
    """A node that nobody has configured listens to nobody else, whatever it is bound to."""
    assert is_allowed_caller((), "ANYBODY", address) is allowed


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
    """Neither a known title from elsewhere nor an unknown one from the hospital is let in; a
    list, once there is one, is for this machine as well.
    """
    assert is_allowed_caller([Caller("XRAY1", HOSPITAL)], ae_title, address) is allowed


def test_they_must_match_in_one_entry() -> None:
    """A title of one entry from the network of another is not allowed by their sum."""
    callers = [Caller("XRAY1", HOSPITAL), Caller("XRAY2", ip_network("192.168.1.0/24"))]
    assert is_allowed_caller(callers, "XRAY2", "192.168.1.7")
    assert not is_allowed_caller(callers, "XRAY2", "10.1.2.3")


def test_a_star_is_any_title() -> None:
    """From its network only."""
    callers = [Caller("*", HOSPITAL)]
    assert is_allowed_caller(callers, "WHOEVER", "10.1.2.3")
    assert not is_allowed_caller(callers, "WHOEVER", "10.2.0.1")


def test_a_star_is_no_pattern() -> None:
    """An AE title that a peer chose is compared, never interpreted."""
    assert not is_allowed_caller([Caller("XRAY*", HOSPITAL)], "XRAY1", "10.1.2.3")
    assert not is_allowed_caller([Caller("XRAY1", HOSPITAL)], "*", "10.1.2.3")


def test_the_two_ip_versions_are_apart() -> None:
    """All of IPv4 says nothing of IPv6, and comparing them is no error."""
    assert not is_allowed_caller([Caller("*", ANYWHERE)], "XRAY1", "2001:db8::1")
    assert not is_allowed_caller([Caller("*", ip_network("::/0"))], "XRAY1", "10.1.2.3")
    assert is_allowed_caller([Caller("*", ip_network("2001:db8::/32"))], "XRAY1", "2001:db8::1")


def test_ipv4_on_a_socket_for_both_is_ipv4() -> None:
    """Bound to `::`, the kernel gives an IPv4 peer in its mapped form."""
    assert is_allowed_caller([Caller("XRAY1", HOSPITAL)], "XRAY1", "::ffff:10.1.2.3")
    assert not is_allowed_caller([Caller("XRAY1", HOSPITAL)], "XRAY1", "::ffff:10.2.0.1")


def test_a_senders_own_character_set_goes_before_that_of_all_others() -> None:
    callers = [
        Caller("*", HOSPITAL, "ISO_IR 100"),
        Caller("XRAY1", HOSPITAL, "GB18030"),
        Caller("XRAY2", HOSPITAL),
    ]
    assert assumed_charset(callers, "XRAY1") == "GB18030"
    assert assumed_charset(callers, "XRAY2") == ""
    assert assumed_charset(callers, "XRAY3") == "ISO_IR 100"
    assert assumed_charset([], "XRAY1") == ""
