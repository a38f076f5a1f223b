import os
import tempfile

from tests.soak.growth import GrowthMeter, Usage, growth, measure
from tests.soak.retention import StockSample, excess_files, excess_rows


def with_memory(*memory: float) -> list[Usage]:
    return [Usage(mb, 10.0, 1.0) for mb in memory]


def with_descriptors(*descriptors: float) -> list[Usage]:
    return [Usage(100.0, number, 1.0) for number in descriptors]


def test_growth_after_the_first_quarter_counts() -> None:
    """In the first quarter, models are loaded and pools are filled."""
    flat = growth("ingest", with_memory(1, 50, 100, 100, 100, 100, 100, 100))
    assert flat.memory == 0.0
    leak = growth("ingest", with_memory(100, 100, 100, 102, 104, 106, 110, 112))
    assert round(leak.memory, 3) == 0.099
    assert leak.descriptors == 0.0


def test_short_associations_are_not_growth_but_a_leaked_descriptor_is() -> None:
    first = (1, 1, 1, 1, 7, 7, 8, 8, 7, 7, 7, 7)
    assert growth("deliver", with_descriptors(*first, 7, 8, 8, 7)).descriptors == 0.0
    assert growth("deliver", with_descriptors(*first, 8, 8, 9, 9)).descriptors > 0.05


def test_a_restarted_process_is_reported() -> None:
    """A process that starts during the first quarter does not count as restarted."""
    meter, own, parent = GrowthMeter(), os.getpid(), os.getppid()
    meter.sample({"deliver": own})
    for _ in range(4):
        meter.sample({"deliver": own, "decoder": parent})
    assert meter.restarted() == []
    for _ in range(3):
        meter.sample({"deliver": own})
    assert meter.restarted() == [f"decoder ({parent})"]
    assert [result.process for result in meter.growths()] == [f"deliver ({own})"]


def test_an_open_file_counts_as_a_descriptor() -> None:
    before = measure(os.getpid())
    with tempfile.TemporaryFile():
        during = measure(os.getpid())
    assert before is not None
    assert during is not None
    assert during.descriptors == before.descriptors + 1
    assert before.memory > 1_000_000


def test_an_ended_process_has_no_usage() -> None:
    assert measure(2**22 + 1) is None


def test_rows_and_files_after_the_retention_period_are_excess() -> None:
    """Ten films finished long ago and must be deleted; five films are unfinished."""
    start, end = StockSample(0, 0, 0, 0, 0), StockSample(10, 10, 10, 10, 30)
    deleted = StockSample(200, 15, 10, 5, 15)
    assert excess_rows([start, end, deleted], retention=60) == 0
    assert excess_files([start, end, deleted], retention=60) == 0
    overdue = StockSample(200, 15, 10, 15, 21)
    assert excess_rows([start, end, overdue], retention=60) == 10
    assert excess_files([start, end, overdue], retention=60) == 6
    assert excess_rows([start, end, overdue], retention=300) == 0
