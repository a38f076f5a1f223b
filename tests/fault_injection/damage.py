"""Bytes that change in the spool: flipped, cut short, deleted, before they are used."""

from collections.abc import Callable, Sequence
from pathlib import Path

from node.domain.workflow.job import JobState
from node.workers.loop import utc_now
from tests.fault_injection.catalogue import Done, Fault
from tests.fault_injection.house import House
from tests.fault_injection.judge import Ending
from tests.fault_injection.traffic import store_all
from tests.peers.line import Break
from tests.peers.waiting import wait_until
from tests.support.films import copy_to_new_study


def flip(path: Path) -> None:
    """Flip one bit of the last byte: a pixel's, or a text's."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    """Lose the second half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


HARMS: tuple[tuple[Callable[[Path], None], str], ...] = (
    (flip, "damaged"),
    (cut, "damaged"),
    (Path.unlink, "No such file|missing"),
)


def damaged_films(house: House) -> Done:
    """Harm films between acknowledgement and analysis: FAILED, saying so; never scored.

    The remedy that the error names: sent again, then `jobs retry`.
    """
    house.node.stop()
    house.node.serve("ingest")
    films = [copy_to_new_study(house.film) for _ in range(len(HARMS) + 1)]
    uids = house.send_these(films)
    endings = {}
    for uid, (harm, says) in zip(uids, HARMS, strict=False):
        harm(house.node.spooled(uid))
        endings[uid] = Ending(JobState.FAILED, says)
    house.node.stop()
    findings = house.findings(endings)
    if not findings:
        store_all(films, house.node.port, house.ledger)
        _at_the_desk(house, list(endings), "retry")
    return Done(1, findings or house.findings())


def damaged_results(house: House) -> Done:
    """Harm results between analysis and delivery: FAILED, saying so; never sent.

    The remedy that the error names: `jobs reanalyse`.
    """
    house.line.breaks(Break.REFUSES)
    house.answers.answers(0xA700)
    uids = house.send(len(HARMS) + 1)
    wait_until(
        lambda: {dict(house.records.states())[uid] for uid in uids},
        lambda states: states == {JobState.ANALYSED},
        timeout=90,
        what="results",
    )
    house.node.kill()  # so that none is sent while it is harmed
    waiting = house.records.keys()
    endings = {}
    for uid, (harm, says) in zip(uids, HARMS, strict=False):
        key = house.rng.choice(sorted({key for film, key in waiting if film == uid}))
        harm(house.disk.folder / "spool" / key)
        endings[uid] = Ending(JobState.FAILED, says)
    house.line.mend()
    house.answers.answers(0x0000)
    findings = house.findings(endings)
    if not findings:
        _at_the_desk(house, list(endings), "reanalyse")
    return Done(1, findings or house.findings())


def _at_the_desk(house: House, uids: Sequence[str], remedy: str) -> None:
    desk = house.node.desk()
    for uid in uids:
        getattr(desk, remedy)(desk.find(uid), "operator", utc_now())


DAMAGE = (
    Fault("damaged films", "FAILED, saying so; sent again, `jobs retry`", damaged_films),
    Fault("damaged results", "FAILED, saying so; `jobs reanalyse`", damaged_results),
)
