"""Set up the challenger role from the configuration."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerState
from node.config.sections import ChallengerSection
from node.config.settings import Config
from node.domain.errors import Misconfigured
from node.jobs import schema
from node.policies import decision_policy, reserve, retry_policy
from node.spool.store import FileSpool

if TYPE_CHECKING:
    from node.inference.decoder_pool import Decode
    from node.inference.predictor import BundlePredictor

_LOWEST_PRIORITY = 19
_POLL_SECONDS = 2.0  # minimum pause; no result depends on the challenger

log = structlog.get_logger()


def run_challenger(config: Config, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Score analysed films again with the second bundle, at the lowest priority.

    If the bundle's card lacks an operating point of the policy, the role waits without scoring.
    """
    from node.challenger.worker import ChallengerWorker
    from node.inference.decoder_pool import DecoderPool
    from node.workers.loop import run, scoring_settings, utc_now

    section = require_challenger(config)
    with suppress(OSError):  # without permission the challenger has normal priority
        os.nice(_LOWEST_PRIORITY)
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
            queue=_queue(config, section, predictor.identity.digest),
            spool=FileSpool(config.spool.path, reserve(config)),
            predictor=predictor,
            settings=scoring_settings(config, "challenger", section.batch),
            policy=policy,
            clock=utc_now,
        )
        run(challenger.step, stop, max(config.queue.poll, _POLL_SECONDS))


def require_challenger(config: Config) -> ChallengerSection:
    """Return the section `challenger`; raise Misconfigured unless it names another bundle."""
    from node.inference.card_summary import CardSummary

    section = config.challenger
    if section is None:
        raise Misconfigured("challenger: null; set challenger.bundle to the bundle to compare")
    challenger_card = CardSummary.read(section.bundle, "challenger")
    if challenger_card.digest == CardSummary.read(config.model.bundle).digest:
        raise Misconfigured(
            f"challenger.bundle: {section.bundle} is the serving bundle; set another one, or null"
        )
    return section


def load_challenger(config: Config, decoder: "Decode | None" = None) -> "BundlePredictor":
    """Load and verify the challenger's bundle, or raise Misconfigured."""
    from node.inference.decoder import decode
    from node.inference.predictor import load

    section = require_challenger(config)
    return load(section.bundle, section.device, section.threads, decoder or decode, "challenger")


def challenger_counts(config: Config, digest: str) -> dict[ChallengerState, int]:
    """Return the number of films in each state with the bundle of this digest."""
    return _queue(config, require_challenger(config), digest).counts()


def _queue(config: Config, section: ChallengerSection, digest: str) -> ChallengerQueue:
    return ChallengerQueue(
        schema.open_current(config.database.url),
        digest,
        section.share,
        retry_policy(config.queue.analysis),
        timedelta(seconds=config.queue.lease),
    )
