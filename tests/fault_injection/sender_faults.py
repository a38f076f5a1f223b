"""Faults of senders: duplicate transfers, and different films with the same SOP Instance UID."""

from concurrent.futures import ThreadPoolExecutor

from pydicom.dataset import FileDataset

from tests.fault_injection.environment import Environment
from tests.fault_injection.fault import Fault, FaultResult
from tests.fault_injection.traffic import send_until_accepted
from tests.support.films import copy_film, copy_to_new_study, copy_with_first_pixel

_ASSOCIATIONS = 12
_FILMS = 4
_CONTENTS = 3


def duplicates(environment: Environment) -> FaultResult:
    """Send each film from 12 associations at the same time, and again when its job is done."""
    films = [copy_to_new_study(environment.film) for _ in range(_FILMS)]
    for film in films:
        _send_concurrently(environment, [(film, "")] * _ASSOCIATIONS)
    violations = environment.find_violations()
    for film in films if not violations else ():
        send_until_accepted(film, environment.node.port, environment.acknowledgements)
    return FaultResult(_FILMS, violations or environment.find_violations())


def same_uid(environment: Environment) -> FaultResult:
    """Send three different films with the same UID at the same time, each film twice."""
    for _ in range(_FILMS):
        film = copy_to_new_study(environment.film)
        contents = [(copy_with_first_pixel(film, n), str(n)) for n in range(1, _CONTENTS + 1)]
        _send_concurrently(environment, contents * 2)
    return FaultResult(_FILMS, environment.find_violations())


def _send_concurrently(environment: Environment, films: list[tuple[FileDataset, str]]) -> None:
    """Send each film with its content number in a separate thread."""

    def send(film: FileDataset, content: str) -> bool:
        port, acknowledgements = environment.node.port, environment.acknowledgements
        return send_until_accepted(film, port, acknowledgements, content)

    with ThreadPoolExecutor(len(films)) as pool:
        transfers = [pool.submit(send, copy_film(film), content) for film, content in films]
    if not all(transfer.result() for transfer in transfers):
        raise AssertionError("a film was never answered 0x0000")


SENDER_FAULTS = (
    Fault(
        "duplicates",
        f"each film is sent over {_ASSOCIATIONS} associations at once, and again after its job",
        duplicates,
    ),
    Fault(
        "same UID, other bytes",
        f"{_CONTENTS} different films with the same SOP Instance UID are sent at once",
        same_uid,
    ),
)
