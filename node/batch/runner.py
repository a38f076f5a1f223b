"""Screen files: read them in processes, score them in batches, one row for each film."""

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar, assert_never

from models.gate.image_findings import ImageFindings
from node.batch.journal import Journal
from node.batch.reader import Decoded, Known, Reading, Skipped, TurnedAway, Unread, told
from node.batch.reader_pool import ReaderPool
from node.batch.row import Row, RowState, Subject, scored, unscored
from node.domain.admission.header_rules import AdmissionPolicy, Admitted, Refused
from node.domain.admission.image_rules import CheckedFilm, apply_image_check, check_image, uses_gate
from node.domain.admission.reasons import Reason
from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import ModelIdentity, Prediction, Probability
from node.domain.radiograph.case import Case
from node.domain.radiograph.film import Film
from node.ports import Predictor

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made of the files it came to: a row for each film, reasons for the rest.

    `kept` films had been scored by an earlier run.
    """

    rows: tuple[Row, ...]
    skipped: Mapping[str, int]
    kept: int = 0

    def with_skipped(self, more: Mapping[str, int]) -> Self:
        """Return the same with what never became a file to read."""
        return replace(self, skipped=Counter(self.skipped) + Counter(more))

    def count(self, state: RowState) -> int:
        """Return how many films ended so."""
        return sum(row.state == state for row in self.rows)


@dataclass(frozen=True, slots=True)
class ScreeningSettings:
    """How a run works: `batch` in films, `ahead` in films that may wait for the model."""

    admission: AdmissionPolicy
    thresholds: DecisionPolicy
    batch: int
    ahead: int


class Screening:
    """One run over a list of files.

    Films come to the model in the order of the list, whichever decoder is done first: the same
    folder makes the same batches, and so the same scores to the last digit.
    """

    def __init__(
        self,
        predictor: Predictor,
        decoders: ReaderPool,
        journal: Journal,
        settings: ScreeningSettings,
        advance: Callable[[int], None],
    ) -> None:
        self._predictor = predictor
        self._decoders = decoders
        self._journal = journal
        self._settings = settings
        self._advance = advance
        self._model: ModelIdentity = predictor.identity

    def run(
        self, files: Sequence[Path], known: Mapping[str, Row], stop: threading.Event
    ) -> Outcome:
        """Return the rows in the order of the files, as far as it came before `stop` was set.

        `known` are rows of earlier runs of this model, by path.
        """
        rows: dict[str, Row] = {}
        skipped: Counter[str] = Counter()
        kept, waiting = 0, list[tuple[str, Decoded]]()
        for path, reading in self._readings(files, known):
            match reading:
                case Decoded():
                    waiting.append((path, reading))
                case Skipped(reason):
                    skipped[reason] += 1
                    self._advance(1)
                case _:
                    rows[path] = self._unscored(path, reading, known)
                    kept += isinstance(reading, Known)
                    self._advance(1)
            if len(waiting) == self._settings.batch:
                rows |= self._score(waiting)
                waiting.clear()
            if stop.is_set():
                break
        rows |= self._score(waiting)
        return Outcome(
            tuple(rows[path] for path in map(shown, files) if path in rows), skipped, kept
        )

    def _readings(
        self, files: Sequence[Path], known: Mapping[str, Row]
    ) -> Iterator[tuple[str, Reading]]:
        """Yield the files' contents in their order, with so many read ahead and no more."""
        ahead: deque[tuple[str, Future[Reading]]] = deque()
        for file in files:
            path = shown(file)
            digest = known[path].film_digest if path in known else ""
            ahead.append((path, self._decoders.submit(file, digest)))
            if len(ahead) > self._settings.ahead:
                first, reading = ahead.popleft()
                yield first, reading.result()
        for path, reading in ahead:
            yield path, reading.result()

    def _unscored(
        self, path: str, reading: Unread | TurnedAway | Known, known: Mapping[str, Row]
    ) -> Row:
        match reading:
            case Unread(error, film):
                return self._failed(Subject(path, film), error)
            case TurnedAway(film, reason, text):
                return self._turned_away(path, film, reason, text)
            case Known(film, admitted):
                return self._known(path, film, admitted, known[path])
            case _:
                assert_never(reading)

    def _known(self, path: str, film: Film, admitted: Admitted, before: Row) -> Row:
        """Return the row of a film that was scored before: policy alone is asked anew."""
        if before.state != RowState.SCORED:
            return self._turned_away(path, film, before.reason, before.error, new=False)
        match check_image(admitted, before.seen, self._settings.admission):
            case Refused(reason=reason, text=text):
                return self._rejected(path, film, reason, text, before.seen)
            case Admitted(notes=notes):
                of = Subject(path, film, notes, before.seen)
                return self._scored(of, film, before.probability)

    def _rejected(
        self, path: str, film: Film, reason: str, text: str, seen: ImageFindings | None = None
    ) -> Row:
        of = Subject(path, film, seen=seen)
        return unscored(of, self._model, RowState.REJECTED, reason=reason, error=text)

    def _turned_away(
        self, path: str, film: Film, reason: str, text: str, *, new: bool = True
    ) -> Row:
        row = self._rejected(path, film, reason, text)
        if new and reason == Reason.PIXELS:
            self._journal.append([row])
        return row

    def _score(self, batch: Sequence[tuple[str, Decoded]]) -> dict[str, Row]:
        """Return the rows of a batch, each kept in the journal first."""
        rows: dict[str, Row] = {}
        ready: list[tuple[str, CheckedFilm]] = []
        for (path, one), seen in zip(batch, self._look(batch), strict=True):
            case = Case(one.film, one.radiograph)
            if isinstance(seen, str):
                rows[path] = self._failed(Subject(path, one.film), seen)
                continue
            match apply_image_check(case, one.admitted, seen, self._settings.admission):
                case Refused(reason=reason, text=text):
                    rows[path] = self._rejected(path, one.film, reason, text, seen)
                case CheckedFilm() as examined:
                    ready.append((path, examined))
        rows |= self._predict(ready)
        self._journal.append([row for row in rows.values() if row.can_be_kept])
        self._advance(len(rows))
        return rows

    def _look(self, batch: Sequence[tuple[str, Decoded]]) -> Sequence[ImageFindings | str | None]:
        """Return what the films show, None where nobody is to look, or errors."""
        if not uses_gate(self._predictor.has_gate, self._settings.admission):
            return [None] * len(batch)
        return each(self._predictor.check_images, [one.radiograph for _, one in batch])

    def _predict(self, ready: Sequence[tuple[str, CheckedFilm]]) -> dict[str, Row]:
        rows = {}
        said = each(self._predictor.predict, [one.case for _, one in ready])
        for (path, one), prediction in zip(ready, said, strict=True):
            of = Subject(path, one.case.film, one.notes, one.findings)
            if isinstance(prediction, Prediction):
                rows[path] = self._scored(of, one.case.film, prediction.probability)
            else:
                rows[path] = self._failed(of, prediction)
        return rows

    def _scored(self, of: Subject, film: Film, probability: Probability) -> Row:
        decision = decide(probability, film, self._settings.thresholds)
        return scored(of, self._model, probability, decision)

    def _failed(self, of: Subject, error: str) -> Row:
        return unscored(of, self._model, RowState.FAILED, error=error)


def each(work: Callable[[Sequence[T]], Sequence[S]], batch: Sequence[T]) -> Sequence[S | str]:
    """Do a batch; where that fails, each film alone, so that only the one at fault gets nothing.

    In place of what came of it stands the error.
    """
    if not batch:
        return []
    try:
        return work(batch)
    except Exception as error:  # noqa: BLE001 - one film's failure is that film's alone
        if len(batch) == 1:
            return [told(error)]
    return [said for one in batch for said in each(work, [one])]


def shown(path: Path) -> str:
    """Return a path as text that any file can hold, whatever bytes the name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
