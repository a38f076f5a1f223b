"""Screen files: read them in processes, score them in batches, one row for each film."""

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, assert_never

from node.domain.admission import Reason
from node.domain.film import Film
from node.domain.policy import ThresholdPolicy, decide
from node.domain.prediction import Case, ModelIdentity, Prediction, Probability
from node.ports import Predictor
from node.screening.decoders import Decoders
from node.screening.journal import Journal
from node.screening.reading import Decoded, Known, Reading, Skipped, TurnedAway, Unread, told
from node.screening.row import Row, RowState, scored, unscored


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

    thresholds: ThresholdPolicy
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
        decoders: Decoders,
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
                return unscored(path, film, self._model, RowState.FAILED, error=error)
            case TurnedAway(film, reason, text):
                return self._turned_away(path, film, reason, text)
            case Known(film):
                before = known[path]
                if before.state == RowState.SCORED:
                    return self._scored(path, film, before.probability)
                return self._turned_away(path, film, before.reason, before.error, new=False)
            case _:
                assert_never(reading)

    def _turned_away(
        self, path: str, film: Film, reason: str, text: str, *, new: bool = True
    ) -> Row:
        row = unscored(path, film, self._model, RowState.REJECTED, reason=reason, error=text)
        if new and reason == Reason.PIXELS:
            self._journal.append([row])
        return row

    def _score(self, batch: Sequence[tuple[str, Decoded]]) -> dict[str, Row]:
        """Return the rows of a batch, each kept in the journal first."""
        rows = {}
        cases = [Case(one.film, one.radiograph) for _, one in batch]
        for (path, one), said in zip(batch, predict_each(self._predictor, cases), strict=True):
            if isinstance(said, Prediction):
                rows[path] = self._scored(path, one.film, said.probability)
            else:
                rows[path] = unscored(path, one.film, self._model, RowState.FAILED, error=said)
        self._journal.append([row for row in rows.values() if row.can_be_kept])
        self._advance(len(rows))
        return rows

    def _scored(self, path: str, film: Film, probability: Probability) -> Row:
        decision = decide(probability, film, self._settings.thresholds)
        return scored(path, film, self._model, probability, decision)


def predict_each(predictor: Predictor, cases: Sequence[Case]) -> Sequence[Prediction | str]:
    """Score a batch; where it fails, each film alone, so that only the one at fault gets no score.

    In place of its prediction stands the error.
    """
    if not cases:
        return []
    try:
        return predictor.predict(cases)
    except Exception as error:  # noqa: BLE001 - one film's failure is that film's alone
        if len(cases) == 1:
            return [told(error)]
    return [said for case in cases for said in predict_each(predictor, [case])]


def shown(path: Path) -> str:
    """Return a path as text that any file can hold, whatever bytes the name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
