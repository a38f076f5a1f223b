"""Measure the time of a replay, which applies another policy to stored scores in SQLite.

    python -m bench.replay [--films 100000] [--rounds 5]

A job table is filled with random scores of 60,000 patients. The scores are replayed with another
threshold, then with overrides and an indeterminate band, then with a rule on prior studies. Each
time is the shortest of the rounds, in wall-clock seconds and in processor seconds.
"""

import argparse
import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from models.bundle.intended_use import IntendedUse
from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import ModelIdentity, Probability, Verdict
from node.domain.decision.prior_studies import PriorRule
from node.domain.decision.thresholds import Group, Override, Rule, Thresholds
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.jobs import schema
from node.jobs.engine import open_engine, transaction
from node.jobs.mapping import film_json, verdict_json
from node.jobs.tables import delivery, job
from node.replay.replay import replay
from node.replay.score_store import ScoreStore

MODEL = ModelIdentity("bench", "1", "ab" * 32, IntendedUse.RESEARCH)
PLAIN = DecisionPolicy(Rule(Thresholds.uniform(0.5)))
RULES = DecisionPolicy(
    Rule(Thresholds.uniform(0.4), abstain=0.1),
    (
        Override(Rule(Thresholds.uniform(0.3), 0.1, "older-women"), Group("F", min_age=65.0)),
        Override(Rule(Thresholds.uniform(0.35), 0.0, "room-2"), Group(station="ROOM 2")),
    ),
)
POLICIES = {
    "another threshold": DecisionPolicy(Rule(Thresholds.uniform(0.4))),
    "two overrides and a band": RULES,
    "overrides, a band and prior studies": replace(RULES, prior=PriorRule(12)),
}


def main() -> None:
    """Fill a table, replay it, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    table = Table("policy", "s", "CPU s", "flagged before", "after")
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'jobs.db'}")
        schema.upgrade(engine)
        fill(engine, options.films)
        for name, policy in POLICIES.items():
            table.add_row(name, *measured(engine, policy, options.rounds))
    Console().print(f"{options.films} films, best of {options.rounds} rounds")
    Console().print(table)


def measured(engine: sa.Engine, policy: DecisionPolicy, rounds: int) -> tuple[str, ...]:
    """Return the shortest times of a replay, and the flagged films before and after the change."""
    scores = ScoreStore(engine)

    def run_once() -> tuple[int, int]:
        result = replay(scores.read(MODEL.digest, None), policy, MODEL.digest)
        return result.total.flagged, result.total.new_flagged

    times = [timed(run_once) for _ in range(rounds)]
    before, after = run_once()
    best = (min(column) for column in zip(*times, strict=True))
    return (*(f"{seconds:.2f}" for seconds in best), str(before), str(after))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall-clock seconds and processor seconds of a call."""
    clock_start, processor_start = perf_counter(), process_time()
    work()
    return perf_counter() - clock_start, process_time() - processor_start


def fill(engine: sa.Engine, films: int) -> None:
    """Insert films of five years; a single threshold decides each film."""
    rng = random.Random(1)  # noqa: S311 - no secret
    start = datetime(2021, 1, 1, tzinfo=UTC)
    for first in range(0, films, 5_000):
        numbers = range(first, min(first + 5_000, films))
        with transaction(engine) as connection:
            connection.execute(sa.insert(job), [job_row(n, rng, start) for n in numbers])
            connection.execute(sa.insert(delivery), [delivery_row(n, start) for n in numbers])


def delivery_row(number: int, at: datetime) -> dict[str, object]:
    """Return a row of the delivery table: a delivered report."""
    return {
        "job_id": number + 1,
        "destination": "pacs",
        "kind": str(ResultKind.REPORT),
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34",
        "sop_instance_uid": f"1.2.6.{number}",
        "series_instance_uid": f"1.2.7.{number}",
        "spool_key": "",
        "state": str(DeliveryState.DELIVERED),
        "attempt": 1,
        "worker": "",
        "run_after": at,
        "error": "",
        "transaction_uid": "",
        "updated_at": at,
    }


def job_row(number: int, rng: random.Random, start: datetime) -> dict[str, object]:
    """Return a row of the job table."""
    at = start + timedelta(minutes=25 * number)
    film = film_of(number, rng, at.date())
    score = rng.betavariate(1.5, 3)
    probability = Probability(score, rng.random(), min(1.0, score * 1.1))
    verdict = Verdict(probability, decide(probability, film, PLAIN), MODEL, {"decode": 0.1})
    return {
        "id": number + 1,
        "state": "DONE",
        "sop_instance_uid": film.sop_instance_uid,
        "digest": film.digest,
        "calling_ae": film.calling_ae,
        "film": film_json(film),
        "patient": film.patient,
        "taken": film.exposure_date,
        "spool_key": "",
        "attempt": 1,
        "worker": "",
        "run_after": at,
        "reason": "",
        "error": "",
        "verdict": verdict_json(verdict),
        "received_at": at,
        "updated_at": at,
    }


def film_of(number: int, rng: random.Random, exposure_date: date) -> Film:
    """Return a film of one of 60,000 patients."""
    patient = rng.randrange(60_000)
    return Film(
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        study_instance_uid=f"1.2.4.{number}",
        series_instance_uid=f"1.2.5.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        digest=f"{number:064x}",
        size=7_200_000,
        calling_ae=rng.choice(("XRAY1", "XRAY2")),
        modality="DX",
        body_part_examined="CHEST",
        view_position="PA",
        image_type=("ORIGINAL", "PRIMARY"),
        manufacturer="Maker",
        rows=2048,
        columns=2048,
        age_years=50.0 + patient % 40 + exposure_date.year - 2021,
        sex="FM"[patient % 2],
        station=rng.choice(("ROOM 1", "ROOM 2")),
        patient=f"{patient:064x}",
        exposure_date=exposure_date,
    )


if __name__ == "__main__":
    main()
