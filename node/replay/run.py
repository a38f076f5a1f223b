"""Stored scores under other rules, put together: policy, job table, outcomes. Loads no torch."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from node.config.settings import Config
from node.inference.card_summary import CardSummary
from node.jobs import schema
from node.policies import decision_policy, reserve
from node.replay.densitometry import Replayed, agreement, scans
from node.replay.densitometry_csv import Table, read_table
from node.replay.densitometry_store import DensitometryStore, Imported
from node.replay.replay import replay
from node.replay.score_store import ScoreStore
from node.spool.patient_key import pseudonyms
from node.spool.store import FileSpool


def run_replay(node: Config, tried: Config, since: datetime | None, within: timedelta) -> Replayed:
    """Decide on the scores of a node's job table by the policy of another configuration.

    Only on scores of the bundle that this one names: another's are chances of other things.
    """
    points = CardSummary.read(tried.model.bundle)
    policy = decision_policy(tried, points.thresholds)
    engine = schema.open_current(node.database.url)
    scores = ScoreStore(engine)
    others = sum(n for model, n in scores.count(since).items() if model != points.digest)
    measured = scans(DensitometryStore(engine).all())
    made = replay(scores.stored(points.digest, since), policy, points.digest, measured.keys())
    found = agreement(made.points, measured, within) if measured else None
    return Replayed(made, policy, points.digest, points.intended_use, others, found)


def import_outcomes(config: Config, lines: Iterable[str]) -> tuple[Table, Imported | None]:
    """Take in a table of densitometry; None imported where one of its lines has a fault."""
    FileSpool(config.spool.path, reserve(config)).prepare()  # its key may come before any film
    table = read_table(lines, pseudonyms(config.spool.path))
    if table.faults:
        return table, None
    return table, open_outcomes(config).keep(table.measurements)


def open_outcomes(config: Config) -> DensitometryStore:
    """Return the densitometry that was imported."""
    return DensitometryStore(schema.open_current(config.database.url))
