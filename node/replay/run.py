"""Replay of the scores in a node's job table, and the import of densitometry."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from node.config.settings import Config
from node.inference.card_summary import CardSummary
from node.jobs import schema
from node.policies import decision_policy, reserve
from node.replay.densitometry import ReplayResult, agreement, scans_by_patient
from node.replay.densitometry_csv import DensitometryTable, read_table
from node.replay.densitometry_store import DensitometryStore, ImportCounts
from node.replay.replay import replay
from node.replay.score_store import ScoreStore
from node.spool.patient_key import pseudonyms
from node.spool.store import FileSpool


def run_replay(
    node: Config, tried: Config, since: datetime | None, within: timedelta
) -> ReplayResult:
    """Apply the policy of the configuration `tried` to the scores in a node's job table.

    Only scores of the bundle of `tried` are used, because other scores are not comparable.
    """
    card = CardSummary.read(tried.model.bundle)
    policy = decision_policy(tried, card.thresholds)
    engine = schema.open_current(node.database.url)
    scores = ScoreStore(engine)
    other_films = sum(
        n for model, n in scores.count_by_model(since).items() if model != card.digest
    )
    scans = scans_by_patient(DensitometryStore(engine).measurements())
    result = replay(scores.read(card.digest, since), policy, card.digest, scans.keys())
    agreed = agreement(result.findings, scans, within) if scans else None
    return ReplayResult(result, policy, card.digest, card.intended_use, other_films, agreed)


def import_outcomes(
    config: Config, lines: Iterable[str]
) -> tuple[DensitometryTable, ImportCounts | None]:
    """Import a table of densitometry; the counts are None if the table has a fault."""
    # An import before the first film creates the pseudonym key.
    FileSpool(config.spool.path, reserve(config)).prepare()
    table = read_table(lines, pseudonyms(config.spool.path))
    if table.faults:
        return table, None
    return table, open_outcomes(config).add(table.measurements)


def open_outcomes(config: Config) -> DensitometryStore:
    """Return the store of imported densitometry."""
    return DensitometryStore(schema.open_current(config.database.url))
