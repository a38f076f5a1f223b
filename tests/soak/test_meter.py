"""The soak's own judgement: it must be able to say that something grew."""

import os
import tempfile

from tests.soak.meter import Meter, Take, growth, look
from tests.soak.stock import Moment, surplus_files, surplus_rows


def takes(*memory: float) -> list[Take]:
    return [Take(mb, 10.0, 1.0) for mb in memory]


def counts(*descriptors: float) -> list[Take]:
    return [Take(100.0, number, 1.0) for number in descriptors]


def test_what_rises_after_the_warm_up_is_growth() -> None:
    """The first quarter does not count: models load, pools fill."""
    flat = growth("ingest", takes(1, 50, 100, 100, 100, 100, 100, 100))
    assert flat.memory == 0.0
    leak = growth("ingest", takes(100, 100, 100, 102, 104, 106, 110, 112))
    assert round(leak.memory, 3) == 0.099
    assert leak.descriptors == 0.0


def test_an_association_that_comes_and_goes_is_no_growth_and_one_left_open_is() -> None:
    """Seven descriptors and an eighth now and then; then one that never goes."""
    first = (1, 1, 1, 1, 7, 7, 8, 8, 7, 7, 7, 7)
    assert growth("deliver", counts(*first, 7, 8, 8, 7)).descriptors == 0.0
    assert growth("deliver", counts(*first, 8, 8, 9, 9)).descriptors > 0.05


def test_a_process_that_was_replaced_is_told() -> None:
    """Its memory would look flat, since it began anew. One that began late is no such process."""
    meter, ours, parent = Meter(), os.getpid(), os.getppid()
    meter.sample({"deliver": ours})
    for _ in range(4):
        meter.sample({"deliver": ours, "decoder": parent})
    assert meter.replaced() == []
    for _ in range(3):
        meter.sample({"deliver": ours})
    assert meter.replaced() == [f"decoder ({parent})"]
    assert [one.process for one in meter.growths()] == [f"deliver ({ours})"]


def test_a_look_counts_descriptors() -> None:
    """One more open file is one more; a process that has ended holds nothing."""
    before = look(os.getpid())
    with tempfile.TemporaryFile():
        during = look(os.getpid())
    assert before is not None
    assert during is not None
    assert during.descriptors == before.descriptors + 1
    assert before.memory > 1_000_000
    assert look(2**22 + 1) is None


def test_what_retention_should_have_taken_is_a_surplus() -> None:
    """Ten films finished long ago: their rows and files must be gone; five are under way."""
    began, ended = Moment(0, 0, 0, 0, 0), Moment(10, 10, 10, 10, 30)
    tidy = Moment(200, 15, 10, 5, 15)
    assert surplus_rows([began, ended, tidy], kept=60) == 0
    assert surplus_files([began, ended, tidy], kept=60) == 0
    hoard = Moment(200, 15, 10, 15, 21)
    assert surplus_rows([began, ended, hoard], kept=60) == 10
    assert surplus_files([began, ended, hoard], kept=60) == 6
    assert surplus_rows([began, ended, hoard], kept=300) == 0
