"""The challenger, put together: the role that scores films once more, by a second bundle."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerState
from node.config.sections import ChallengerSection as Wanted
from node.config.settings import Config
from node.domain.errors import Misconfigured
from node.jobs import schema
from node.policies import decision_policy, reserve, retry_policy
from node.spool.store import FileSpool

if TYPE_CHECKING:
    from node.inference.decoder_pool import Decode
    from node.inference.predictor import BundlePredictor

_LOWEST = 19
_POLL_SECONDS = 2.0  # between looks that found nothing: nobody waits for a challenger

log = structlog.get_logger()


def run_challenger(config: Config, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Score analysed films again with the second bundle, at the lowest priority.

    If the second bundle lacks an operating point that the policy names, the role only waits.
    """
    from node.challenger.worker import ChallengerWorker
    from node.inference.decoder_pool import DecoderPool
    from node.workers.loop import ScoringSettings, run, utc_now, worker_name

    wanted = require_another(config)
    with suppress(OSError):  # where it is not allowed, the challenger runs as the others do
        os.nice(_LOWEST)
    with DecoderPool(1) as decoders:
        predictor = load_challenger(config, decoders.decode)
        ready()
        try:
            policy = decision_policy(config, predictor.thresholds)
        except Misconfigured as error:
            log.error("challenger_paused", error=str(error))
            stop.wait()
            return
        challenger = ChallengerWorker(
            queue=_queue(config, wanted, predictor.identity.digest),
            spool=FileSpool(config.spool.path, reserve(config)),
            predictor=predictor,
            settings=ScoringSettings(
                worker=worker_name("challenger"),
                batch=wanted.batch,
                lease=config.queue.lease,
                retry=retry_policy(config.queue.analysis),
            ),
            policy=policy,
            clock=utc_now,
        )
        run(challenger.step, stop, max(config.queue.poll, _POLL_SECONDS))


def require_another(config: Config) -> Wanted:
    """Return the challenger's section.

    Raises Misconfigured if there is none, or if it names the serving bundle.
    """
    from node.inference.card_summary import CardSummary

    wanted = config.challenger
    if wanted is None:
        raise Misconfigured("challenger: null; name the bundle to be compared, as in config.yaml")
    second = CardSummary.read(wanted.bundle, "challenger")
    if second.digest == CardSummary.read(config.model.bundle).digest:
        raise Misconfigured(
            f"challenger.bundle: {wanted.bundle} is the serving bundle; name another, or set null"
        )
    return wanted


def load_challenger(config: Config, decoder: "Decode | None" = None) -> "BundlePredictor":
    """Load and verify the challenger's bundle; raise Misconfigured where that is not possible, or
    where it is the serving one.
    """
    from node.inference.decoder import decode
    from node.inference.predictor import load

    wanted = require_another(config)
    return load(wanted.bundle, wanted.device, wanted.threads, decoder or decode, "challenger")


def challenger_counts(config: Config, digest: str) -> dict[ChallengerState, int]:
    """Return how many films stand in each state with the challenger's bundle."""
    return _queue(config, require_another(config), digest).counts()


def _queue(config: Config, wanted: Wanted, digest: str) -> ChallengerQueue:
    """Return the job table as the challenger sees it, for the bundle of this digest."""
    return ChallengerQueue(
        schema.open_current(config.database.url),
        digest,
        wanted.share,
        retry_policy(config.queue.analysis),
        timedelta(seconds=config.queue.lease),
    )
