"""The command `screen`, which continues an earlier run and replaces the table at the end."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from node.batch.file_search import find_files
from node.batch.journal import open_journal
from node.batch.reader import FileReader
from node.batch.reader_pool import ReaderPool
from node.batch.row import RowState, ScoreRow
from node.batch.runner import ScreeningModel, ScreeningResult, ScreeningRun, path_text
from node.batch.table import open_table
from node.domain.admission.image_rules import uses_gate
from node.domain.errors import Misconfigured, Transient


@dataclass(frozen=True, slots=True)
class ScreeningRequest:
    """The paths to screen, the table to write, and the number `workers` of decoder processes."""

    paths: tuple[Path, ...]
    out: Path
    workers: int
    include_refused: bool = True


class ScreeningProgress(Protocol):
    """A display of the progress of a run."""

    def begin(self, files: int) -> None:
        """Display that a run over this number of files starts."""

    def advance(self, files: int) -> None:
        """Display that this number of further files is finished."""


def screen(
    request: ScreeningRequest,
    reader: FileReader,
    load: Callable[[], ScreeningModel],
    stop: threading.Event,
    progress: ScreeningProgress,
) -> ScreeningResult:
    """Write the table of the films below the paths; raise Transient if `stop` ends the run."""
    table = open_table(request.out)
    table_rows, search = table.read(), find_files(request.paths)
    _require_no_loss(table_rows, search.files)
    with open_journal(table.path) as journal:
        model = load()
        known_rows = _known_rows([*table_rows, *journal.rows], model)
        read_ahead = model.batch + request.workers
        progress.begin(len(search.files))
        with ReaderPool(reader, request.workers) as readers:
            run = ScreeningRun(model, readers, journal, read_ahead, progress.advance)
            result = run.run(search.files, known_rows, stop)
        if stop.is_set():
            raise Transient("stopped; run the same command again to continue")
        omitted = () if request.include_refused else (RowState.REJECTED,)
        table.replace([row for row in result.rows if row.state not in omitted])
    return replace(result, skipped=result.skipped + search.skipped)


def _known_rows(rows: Iterable[ScoreRow], model: ScreeningModel) -> dict[str, ScoreRow]:
    """Return the rows that a run with this model can reuse, by path.

    A scored row is reused only if both runs use the image check or neither run does, because the
    check may correct an inverted film.
    """
    digest = model.predictor.identity.digest
    checks_images = uses_gate(model.predictor.has_gate, model.admission)
    return {
        row.path: row
        for row in rows
        if row.is_reusable
        and row.model_digest == digest
        and (row.state != RowState.SCORED or (row.image_findings is not None) is checks_images)
    }


def _require_no_loss(rows: Iterable[ScoreRow], files: Iterable[Path]) -> None:
    """Raise Misconfigured if the table contains existing films outside of the paths."""
    paths = set(map(path_text, files))
    lost = [row.path for row in rows if row.path not in paths and Path(row.path).exists()]
    if lost:
        raise Misconfigured(
            f"--out: the table has {len(lost)} films that are not below the paths given, such as "
            f"{lost[0]}; give their path too, or name another file"
        )
