"""How long it takes to decide on stored scores anew: SQLite file to tables, by flags and groups.

    python -m bench.replay [--films 100000] [--rounds 5]

Fills a job table with made-up scores of 60,000 patients and replays them under another threshold,
then with overrides and a band, then with a rule on earlier films. Each time is the best of the
rounds, which is what the machine can do; the processor's own seconds stand beside it, since other
programs may be running.
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
PLAIN = DecisionPolicy(Rule(Thresholds.same(0.5)))
RULES = DecisionPolicy(
    Rule(Thresholds.same(0.4), abstain=0.1),
    (
        Override(Rule(Thresholds.same(0.3), 0.1, "older-women"), Group("F", min_age=65.0)),
        Override(Rule(Thresholds.same(0.35), 0.0, "room-2"), Group(station="ROOM 2")),
    ),
)
POLICIES = {
    "another threshold": DecisionPolicy(Rule(Thresholds.same(0.4))),
    "two overrides and a band": RULES,
    "and earlier films": replace(RULES, prior=PriorRule(12)),
}


def main() -> None:
    """Fill a table, replay it, print the times."""
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
    """Return the best times of a replay, and what it found."""
    scores = ScoreStore(engine)

    def once() -> tuple[int, int]:
        made = replay(scores.stored(MODEL.digest, None), policy, MODEL.digest)
        return made.all.flagged, made.all.new_flagged

    times = [timed(once) for _ in range(rounds)]
    before, after = once()
    best = (min(column) for column in zip(*times, strict=True))
    return (*(f"{seconds:.2f}" for seconds in best), str(before), str(after))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the clock and of the processor that something takes."""
    began, worked = perf_counter(), process_time()
    work()
    return perf_counter() - began, process_time() - worked


def fill(engine: sa.Engine, films: int) -> None:
    """Put in films of five years, each with the verdict of a plain policy."""
    chance = random.Random(1)  # noqa: S311 - no secret
    start = datetime(2021, 1, 1, tzinfo=UTC)
    for first in range(0, films, 5_000):
        numbers = range(first, min(first + 5_000, films))
        with transaction(engine) as connection:
            connection.execute(sa.insert(job), [row(n, chance, start) for n in numbers])
            connection.execute(sa.insert(delivery), [sent(n, start) for n in numbers])


def sent(number: int, at: datetime) -> dict[str, object]:
    """Return a row of the delivery table: the report of a film, which a PACS has taken."""
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


def row(number: int, chance: random.Random, start: datetime) -> dict[str, object]:
    """Return a row of the job table."""
    at = start + timedelta(minutes=25 * number)
    film = film_of(number, chance, at.date())
    score = chance.betavariate(1.5, 3)
    probability = Probability(score, chance.random(), min(1.0, score * 1.1))
    verdict = Verdict(probability, decide(probability, film, PLAIN), MODEL, {"decode": 0.1})
    return {
        "id": number + 1,
        "state": "DONE",
        "sop_instance_uid": film.sop_instance_uid,
        "digest": film.digest,
        "calling_ae": film.calling_ae,
        "film": film_json(film),
        "patient": film.patient,
        "taken": film.taken,
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


def film_of(number: int, chance: random.Random, taken: date) -> Film:
    """Return the facts of a film of one of 60,000 patients."""
    patient = chance.randrange(60_000)
    return Film(
        sop_instance_uid=f"1.2.3.{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        study_instance_uid=f"1.2.4.{number}",
        series_instance_uid=f"1.2.5.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        digest=f"{number:064x}",
        size=7_200_000,
        calling_ae=chance.choice(("XRAY1", "XRAY2")),
        modality="DX",
        body_part_examined="CHEST",
        view_position="PA",
        image_type=("ORIGINAL", "PRIMARY"),
        manufacturer="Maker",
        rows=2048,
        columns=2048,
        age_years=50.0 + patient % 40 + taken.year - 2021,
        sex="FM"[patient % 2],
        station=chance.choice(("ROOM 1", "ROOM 2")),
        patient=f"{patient:064x}",
        taken=taken,
    )


if __name__ == "__main__":
    main()
