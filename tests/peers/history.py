"""Fill a job table with films that were received on past days."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.radiograph.film import Film
from node.domain.workflow.job import JobState
from node.drift.metrics import Source
from node.jobs.mapping import film_json, verdict_json
from node.jobs.tables import job

XRAY = Source("XRAY1", "ROOM 2")
OLD, NEW = "ab" * 32, "cd" * 32
FILMS_PER_DAY = 20  # one film every half hour


@dataclass
class History:
    """Films that were received on past days; `first` is the time of the first film."""

    engine: sa.Engine
    first: datetime
    sent: int = 0

    def send(self, days: int, first: int = 0, per_day: int = FILMS_PER_DAY, **films: Any) -> None:
        """Insert films for a number of days, beginning with day `first` (0 is the first day).

        `films` may contain `source`, `state`, `model` and `score_offset` (added to every score).
        """
        rows = [
            self._row(self.first + timedelta(days=first + day, minutes=30 * n), n, **films)
            for day in range(days)
            for n in range(per_day)
        ]
        with self.engine.begin() as connection:
            connection.execute(sa.insert(job), rows)

    def _row(
        self,
        at: datetime,
        n: int,
        source: Source = XRAY,
        state: JobState = JobState.DONE,
        model: str = OLD,
        score_offset: float = 0.0,
    ) -> dict[str, Any]:
        self.sent += 1
        score = min(1.0, (self.sent * 37 % 100) / 100 * 0.7 + score_offset)
        return {
            "state": str(state),
            "sop_instance_uid": f"1.2.3.{self.sent}",
            "digest": f"{self.sent:064x}",
            "calling_ae": source.calling_ae,
            "film": film_json(_film(self.sent, "FM"[n % 2], source)),
            "spool_key": "",
            "attempt": 1,
            "worker": "",
            "run_after": at,
            "reason": "view" if state is JobState.REJECTED else "",
            "error": "",
            "verdict": verdict_json(_verdict(score, model)) if state is JobState.DONE else None,
            "received_at": at,
            "updated_at": at,
        }


def _film(number: int, sex: str, source: Source) -> Film:
    return Film(
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
        study_instance_uid=f"1.2.4.{number}",
        series_instance_uid=f"1.2.5.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        digest=f"{number:064x}",
        size=100,
        sex=sex,
        age_years=67.0,
        station=source.station,
    )


def _verdict(score: float, model: str) -> Verdict:
    return Verdict(
        probability=Probability(image=score),
        decision=Decision(Finding.ABSENT, threshold=1.0, score=score, score_kind=ScoreKind.IMAGE),
        model=ModelIdentity("m", "1", model, IntendedUse.DEMONSTRATION),
    )
