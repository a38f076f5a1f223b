"""One `osteoscreen screen`: from paths to a table, going on from where an earlier run came to."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from node.batch.file_search import find_files
from node.batch.journal import open_journal
from node.batch.reader import Reader
from node.batch.reader_pool import ReaderPool
from node.batch.row import Row, RowState
from node.batch.runner import Outcome, Screening, ScreeningSettings, shown
from node.batch.table import open_table
from node.domain.admission.header_rules import AdmissionPolicy
from node.domain.admission.image_rules import uses_gate
from node.domain.decision.decide import DecisionPolicy
from node.domain.errors import Misconfigured, Transient
from node.ports import Predictor


@dataclass(frozen=True, slots=True)
class Request:
    """What to screen. Unless `turned_away`, the table has no rows of films not to be scored."""

    paths: tuple[Path, ...]
    out: Path
    workers: int
    turned_away: bool = True


class Progress(Protocol):
    """Whoever wants to know how far the run is."""

    def begin(self, files: int) -> None:
        """So many files there are."""

    def advance(self, files: int) -> None:
        """So many more are done with."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model on its device, `batch` films at a time, and what makes a decision of its scores."""

    predictor: Predictor
    admission: AdmissionPolicy
    thresholds: DecisionPolicy
    batch: int


def screen(
    request: Request,
    reader: Reader,
    load: Callable[[], Model],
    stop: threading.Event,
    progress: Progress,
) -> Outcome:
    """Write the table of the films below the paths; raise Transient if stopped before its end.

    What can be found wrong before the model is loaded is found wrong before that.
    """
    table = open_table(request.out)
    before, found = table.read(), find_files(request.paths)
    _refuse_loss(before, found.files)
    with open_journal(table.path) as journal:
        model = load()
        known = _known([*before, *journal.rows], model)
        settings = ScreeningSettings(
            model.admission, model.thresholds, model.batch, ahead=model.batch + request.workers
        )
        progress.begin(len(found.files))
        with ReaderPool(reader, request.workers) as decoders:
            screening = Screening(model.predictor, decoders, journal, settings, progress.advance)
            outcome = screening.run(found.files, known, stop)
        if stop.is_set():
            raise Transient("stopped; the same command goes on from where it came to")
        table.replace(
            [row for row in outcome.rows if request.turned_away or row.state != RowState.REJECTED]
        )
    return outcome.with_skipped(found.skipped)


def _known(rows: Iterable[Row], model: Model) -> dict[str, Row]:
    """Return the rows that a run of this model need not make again, by path; the last counts.

    A film that was scored unseen is looked at if now it has to be; and one that was set right is
    scored as it came, if nobody is to look.
    """
    digest, asked = (
        model.predictor.identity.digest,
        uses_gate(model.predictor.has_gate, model.admission),
    )
    return {
        row.path: row
        for row in rows
        if row.can_be_kept
        and row.model_digest == digest
        and (row.state != RowState.SCORED or (row.seen is not None) is asked)
    }


def _refuse_loss(rows: Iterable[Row], files: Iterable[Path]) -> None:
    """Raise Misconfigured where a table holds scores of films that this run would leave out."""
    listed = set(map(shown, files))
    lost = [row.path for row in rows if row.path not in listed and Path(row.path).exists()]
    if lost:
        raise Misconfigured(
            f"--out: the table has {len(lost)} films that are not below the paths given, such as "
            f"{lost[0]}; give their path too, or name another file"
        )
