"""Make the challenger's report from cards, job table and densitometry, without torch."""

from datetime import datetime, timedelta

from node.challenger.accuracy_comparison import compare_accuracy
from node.challenger.auc import compare_aucs
from node.challenger.comparison import ChallengerReport, ComparedBundle, compare_bundles
from node.challenger.score_pairs import ScorePairStore
from node.challenger.setup import require_challenger
from node.config.settings import Config
from node.domain.errors import Misconfigured
from node.inference.card_summary import CardSummary
from node.jobs import schema
from node.policies import decision_policy
from node.replay.densitometry import scans_by_patient
from node.replay.densitometry_store import DensitometryStore
from node.replay.score_store import ScoreStore


def run_report(config: Config, since: datetime | None, within: timedelta) -> ChallengerReport:
    """Compare both bundles on the films received from `since` on.

    The current policy is applied again to the scores of both bundles. Densitometry is used if its
    date is at most `within` before or after the film.
    """
    section = require_challenger(config)
    serving = _compared_bundle(config, config.model.bundle, "model")
    challenger = _compared_bundle(config, section.bundle, "challenger")
    engine = schema.open_current(config.database.url)
    pairs = ScorePairStore(engine, serving.digest, challenger.digest)
    start = pairs.start(since)
    scans = scans_by_patient(DensitometryStore(engine).measurements())
    comparison = compare_bundles(
        pairs.stored(start), serving, challenger, section.share, scans.keys()
    )
    by_model = ScoreStore(engine).count_by_model(start) if start is not None else {}
    films_by_patient = comparison.films_by_patient
    return ChallengerReport(
        serving=serving,
        challenger=challenger,
        since=start,
        other_films=sum(films for model, films in by_model.items() if model != serving.digest),
        comparison=comparison,
        accuracy=compare_accuracy(films_by_patient, scans, within, compare_aucs) if scans else None,
    )


def _compared_bundle(config: Config, bundle: str, section: str) -> ComparedBundle:
    card = CardSummary.read(bundle, section)
    try:
        policy = decision_policy(config, card.thresholds)
    except Misconfigured as error:
        raise Misconfigured(f"{section}.bundle: {bundle}: {error}") from None
    return ComparedBundle(bundle, card.digest, policy, card.intended_use)
