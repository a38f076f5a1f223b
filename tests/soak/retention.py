"""Compare the content of job table and spool with the retention period."""

from collections.abc import Sequence
from dataclasses import dataclass

_FILES_PER_FILM = 3  # the film, its report, and its heatmap


@dataclass(frozen=True, slots=True)
class StockSample:
    """The numbers of started films, finished films, rows and files at a time in seconds.

    `finished` is counted before rows and files, and `started` after rows and files. Therefore the
    expected number includes every stored film.
    """

    time: float
    started: int
    finished: int
    rows: int
    files: int


def excess_rows(samples: Sequence[StockSample], retention: float) -> int:
    """Return the maximum of (rows - expected rows); `retention` is in seconds."""
    return max(sample.rows - _expected_films(samples, sample, retention) for sample in samples)


def excess_files(samples: Sequence[StockSample], retention: float) -> int:
    """Return the maximum of (files - expected files); `retention` is in seconds."""
    return max(
        sample.files - _FILES_PER_FILM * _expected_films(samples, sample, retention)
        for sample in samples
    )


def _expected_films(samples: Sequence[StockSample], now: StockSample, retention: float) -> int:
    deleted = max((s.finished for s in samples if s.time <= now.time - retention), default=0)
    return now.started - deleted
