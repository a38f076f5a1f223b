"""Stored scores under other rules, put together: policy, job table, outcomes. Loads no torch."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from node.config.settings import Config
from node.inference.operating_points import Points
from node.jobs import schema
from node.policies import reserve, threshold_policy
from node.replay.densitometry import Replayed, agreement, scans
from node.replay.densitometry_csv import Table, read_table
from node.replay.densitometry_store import Imported, SqlOutcomes
from node.replay.replay import replay
from node.replay.score_store import SqlScores
from node.spool.patient_key import pseudonyms
from node.spool.store import FileSpool


def run_replay(node: Config, tried: Config, since: datetime | None, within: timedelta) -> Replayed:
    """Decide on the scores of a node's job table by the policy of another configuration.

    Only on scores of the bundle that this one names: another's are chances of other things.
    """
    points = Points.of_bundle(tried.model.bundle)
    policy = threshold_policy(tried, points.threshold)
    engine = schema.open_current(node.database.url)
    scores = SqlScores(engine)
    others = sum(n for model, n in scores.count(since).items() if model != points.model)
    measured = scans(SqlOutcomes(engine).all())
    made = replay(scores.stored(points.model, since), policy, points.model, measured.keys())
    found = agreement(made.points, measured, within) if measured else None
    return Replayed(made, policy, points.model, points.intended_use, others, found)


def import_outcomes(config: Config, lines: Iterable[str]) -> tuple[Table, Imported | None]:
    """Take in a table of densitometry; None imported where one of its lines has a fault."""
    FileSpool(config.spool.path, reserve(config)).prepare()  # its key may come before any film
    table = read_table(lines, pseudonyms(config.spool.path))
    if table.faults:
        return table, None
    return table, open_outcomes(config).keep(table.measurements)


def open_outcomes(config: Config) -> SqlOutcomes:
    """Return the densitometry that was imported."""
    return SqlOutcomes(schema.open_current(config.database.url))
