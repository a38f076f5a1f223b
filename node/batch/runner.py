"""A run over a list of files, which are read in processes and scored in batches."""

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from node.batch.journal import Journal
from node.batch.reader import (
    DecodedFilm,
    FileContent,
    KnownFilm,
    RefusedFilm,
    SkippedFile,
    UnreadableFile,
    error_text,
)
from node.batch.reader_pool import ReaderPool
from node.batch.row import RowState, ScoreRow, ScreenedFilm, scored_row, unscored_row
from node.domain.admission.header_rules import AdmissionPolicy, Refused
from node.domain.admission.image_rules import apply_image_rules
from node.domain.admission.reasons import Reason
from node.domain.decision.decide import DecisionPolicy, decide
from node.inference.pipeline import PipelineFilm, PipelineResult, ScoredFilm, ScoringPipeline
from node.ports import Predictor


@dataclass(frozen=True, slots=True)
class ScreeningResult:
    """The rows of all films, the number of skipped files by reason, and of reused scores."""

    rows: tuple[ScoreRow, ...]
    skipped: Counter[str]
    reused: int = 0

    def count(self, state: RowState) -> int:
        """Return the number of films in a state."""
        return sum(row.state == state for row in self.rows)


@dataclass(frozen=True, slots=True)
class ScreeningModel:
    """A loaded model, with the policies for films and scores, and the batch size in films."""

    predictor: Predictor
    admission: AdmissionPolicy
    decision: DecisionPolicy
    batch: int


@dataclass
class ScreeningRun:
    """One run over a list of files.

    Films reach the model in the order of the list, so that the same folder gives the same batches
    and scores to the last digit. At most `read_ahead` decoded films wait for the model.
    """

    model: ScreeningModel
    readers: ReaderPool
    journal: Journal
    read_ahead: int
    advance: Callable[[int], None]

    def __post_init__(self) -> None:
        self._identity = self.model.predictor.identity
        self._pipeline = ScoringPipeline(
            self.model.predictor, self.model.admission, self.model.decision
        )

    def run(
        self, files: Sequence[Path], known_rows: Mapping[str, ScoreRow], stop: threading.Event
    ) -> ScreeningResult:
        """Return the rows in the order of the files; if `stop` is set, end the run early.

        `known_rows` are the rows of earlier runs with this model, by path.
        """
        rows: dict[str, ScoreRow] = {}
        skipped: Counter[str] = Counter()
        reused, decoded = 0, list[tuple[str, DecodedFilm]]()
        for path, content in self._contents(files, known_rows):
            match content:
                case DecodedFilm():
                    decoded.append((path, content))
                case SkippedFile(reason):
                    skipped[reason] += 1
                    self.advance(1)
                case _:
                    rows[path] = self._row_without_model(path, content, known_rows)
                    reused += isinstance(content, KnownFilm)
                    self.advance(1)
            if len(decoded) == self.model.batch:
                rows |= self._score(decoded)
                decoded.clear()
            if stop.is_set():
                break
        rows |= self._score(decoded)
        in_order = tuple(rows[path] for path in map(path_text, files) if path in rows)
        return ScreeningResult(in_order, skipped, reused)

    def _contents(
        self, files: Sequence[Path], known_rows: Mapping[str, ScoreRow]
    ) -> Iterator[tuple[str, FileContent]]:
        """Yield the content of each file in order, with at most `read_ahead` files read ahead."""
        submitted: deque[tuple[str, Future[FileContent]]] = deque()
        for file in files:
            path = path_text(file)
            digest = known_rows[path].film_digest if path in known_rows else ""
            submitted.append((path, self.readers.submit(file, digest)))
            if len(submitted) > self.read_ahead:
                first, content = submitted.popleft()
                yield first, content.result()
        for path, content in submitted:
            yield path, content.result()

    def _row_without_model(
        self,
        path: str,
        content: UnreadableFile | RefusedFilm | KnownFilm,
        known_rows: Mapping[str, ScoreRow],
    ) -> ScoreRow:
        match content:
            case UnreadableFile(error, film):
                return self._failed(ScreenedFilm(path, film), error)
            case RefusedFilm(film, reason, text):
                row = self._refused(ScreenedFilm(path, film), reason, text)
                if reason == Reason.PIXELS:
                    self.journal.append([row])
                return row
            case KnownFilm():
                return self._reused_row(path, content, known_rows[path])
            case _:
                assert_never(content)

    def _reused_row(self, path: str, content: KnownFilm, row: ScoreRow) -> ScoreRow:
        """Return the row of a film that was scored before, after applying both policies again."""
        film, findings = content.film, row.image_findings
        if row.state != RowState.SCORED:
            return self._refused(ScreenedFilm(path, film), row.reason, row.error)
        admission = apply_image_rules(content.admission, findings, self.model.admission)
        if isinstance(admission, Refused):
            refused = ScreenedFilm(path, film, image_findings=findings)
            return self._refused(refused, admission.reason, admission.text)
        screened = ScreenedFilm(path, film, admission.notes, findings)
        decision = decide(row.probability, film, self.model.decision)
        return scored_row(screened, self._identity, row.probability, decision)

    def _score(self, batch: Sequence[tuple[str, DecodedFilm]]) -> dict[str, ScoreRow]:
        """Score a batch, write its rows to the journal, and return the rows."""
        films = {path: decoded.case.film for path, decoded in batch}
        admitted = [(path, PipelineFilm(film.case, film.admission)) for path, film in batch]
        rows = {
            path: self._row(ScreenedFilm(path, films[path]), result)
            for path, result in self._pipeline.run(admitted)
        }
        self.journal.append([row for row in rows.values() if row.is_reusable])
        self.advance(len(rows))
        return rows

    def _row(self, screened: ScreenedFilm, result: PipelineResult) -> ScoreRow:
        screened = replace(screened, notes=result.notes, image_findings=result.image_findings)
        match result.outcome:
            case ScoredFilm(prediction=prediction, decision=decision):
                return scored_row(screened, self._identity, prediction.probability, decision)
            case Refused(reason=reason, text=text):
                return self._refused(screened, reason, text)
            case error:
                return self._failed(screened, error_text(error))

    def _refused(self, screened: ScreenedFilm, reason: str, text: str) -> ScoreRow:
        return unscored_row(screened, self._identity, RowState.REJECTED, reason=reason, error=text)

    def _failed(self, screened: ScreenedFilm, error: str) -> ScoreRow:
        return unscored_row(screened, self._identity, RowState.FAILED, error=error)


def path_text(path: Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
