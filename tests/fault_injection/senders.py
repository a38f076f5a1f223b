"""What senders do: the same film at once from many associations, other bytes under one UID."""

from concurrent.futures import ThreadPoolExecutor

from pydicom.dataset import FileDataset

from tests.fault_injection.catalogue import Done, Fault
from tests.fault_injection.house import House
from tests.fault_injection.traffic import store_until_taken
from tests.support.films import copy_film, copy_to_new_study, copy_with_first_pixel

_AT_ONCE = 12
_FILMS = 4
_CONTENTS = 3


def duplicates(house: House) -> Done:
    """Each film from a dozen associations at the same moment, and once more when it is done."""
    films = [copy_to_new_study(house.film) for _ in range(_FILMS)]
    for film in films:
        _at_once(house, [(film, "")] * _AT_ONCE)
    findings = house.findings()
    for film in films if not findings else ():
        store_until_taken(film, house.node.port, house.ledger)
    return Done(_FILMS, findings or house.findings())


def same_uid(house: House) -> Done:
    """Three different films under one UID at the same moment, each of them twice."""
    for _ in range(_FILMS):
        film = copy_to_new_study(house.film)
        contents = [(copy_with_first_pixel(film, n), str(n)) for n in range(1, _CONTENTS + 1)]
        _at_once(house, contents * 2)
    return Done(_FILMS, house.findings())


def _at_once(house: House, films: list[tuple[FileDataset, str]]) -> None:
    own = [(copy_film(film), content) for film, content in films]
    with ThreadPoolExecutor(len(films)) as pool:
        send = lambda one: store_until_taken(one[0], house.node.port, house.ledger, one[1])  # noqa: E731
        if not all(list(pool.map(send, own))):
            raise AssertionError("a sender was never answered 0x0000")


SENDERS = (
    Fault("duplicates", f"one film from {_AT_ONCE} associations at once, again later", duplicates),
    Fault("same UID, other bytes", f"{_CONTENTS} contents under one UID at once", same_uid),
)
