"""The challenger's report, put together: cards of both bundles, job table, outcomes. No torch."""

from datetime import datetime, timedelta

from node.challenger.accuracy_comparison import diagnose
from node.challenger.auc import areas
from node.challenger.comparison import Report, Side, compare_bundles
from node.challenger.score_pairs import ScorePairStore
from node.challenger.setup import require_another
from node.config.settings import Config
from node.domain.errors import Misconfigured
from node.inference.card_summary import CardSummary
from node.jobs import schema
from node.policies import decision_policy
from node.replay.densitometry import scans_by_patient
from node.replay.densitometry_store import DensitometryStore
from node.replay.score_store import ScoreStore


def run_report(config: Config, since: datetime | None, within: timedelta) -> Report:
    """Compare what both bundles have said of the same films, by the policy that is configured.

    Both are judged anew by it, each by the operating points of its own card: the policy may have
    changed between the one's scoring of a film and the other's.
    """
    wanted = require_another(config)
    serving = _side(config, config.model.bundle, "model")
    challenger = _side(config, wanted.bundle, "challenger")
    engine = schema.open_current(config.database.url)
    pairs = ScorePairStore(engine, serving.model, challenger.model)
    start = pairs.start(since)
    measured = scans_by_patient(DensitometryStore(engine).all())
    made = compare_bundles(pairs.stored(start), serving, challenger, wanted.share, measured.keys())
    counted = ScoreStore(engine).count_by_model(start) if start is not None else {}
    return Report(
        serving=serving,
        challenger=challenger,
        since=start,
        others=sum(films for model, films in counted.items() if model != serving.model),
        made=made,
        diagnosis=diagnose(made.of_patients, measured, within, areas) if measured else None,
    )


def _side(config: Config, bundle: str, section: str) -> Side:
    points = CardSummary.read(bundle, section)
    try:
        policy = decision_policy(config, points.thresholds)
    except Misconfigured as error:
        raise Misconfigured(f"{section}.bundle: {bundle}: {error}") from None
    return Side(bundle, points.digest, policy, points.intended_use)
