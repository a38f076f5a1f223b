"""Checks of this machine: database, clock, spool, audit trail, model, pending deliveries.

Each check returns its result as text, or raises OsteoScreenError with the remedy.
"""

import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from time import perf_counter

from node.challenger.setup import challenger_counts, load_challenger
from node.config.settings import Config
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import ScoreKind
from node.domain.decision.thresholds import Rule
from node.domain.errors import OsteoScreenError
from node.jobs import schema
from node.jobs.engine import clock_of, open_engine
from node.policies import decision_policy, routes
from node.runtime.factories import open_operator_store, open_spool

_PROBES = 5
_MIN_FREE = 16 * 1024**2
_MAX_SKEW = timedelta(seconds=5)


def database(config: Config) -> str:
    """Check that the database answers and has the current schema."""
    engine = open_engine(config.database.url)
    schema.require_current(engine)
    return f"{engine.dialect.name} answers, schema {schema.head()} is current"


def clock(config: Config) -> str:
    """Check that the clock agrees with the database's clock and was not set back."""
    engine = open_engine(config.database.url)
    schema.require_current(engine)
    before = datetime.now(UTC)
    database_time = clock_of(engine)
    after = datetime.now(UTC)
    skew = max(before - database_time, database_time - after, timedelta(0))
    if skew > _MAX_SKEW:
        raise OsteoScreenError(
            f"the clock differs from the database's by {skew.total_seconds():.0f} s: use NTP"
        )
    newest = max(
        (job.updated_at for job in open_operator_store(config).recent((), 1)), default=before
    )
    if newest - after > _MAX_SKEW:
        raise OsteoScreenError(
            f"the time {after:%Y-%m-%d %H:%M:%S} UTC is before that of the newest job, "
            f"{newest:%Y-%m-%d %H:%M:%S}: the clock was set back; use NTP"
        )
    return f"{after:%Y-%m-%d %H:%M:%S} UTC, agrees with the database"


def spool(config: Config) -> str:
    """Check that the spool is writable, and that the spool's disk has free space."""
    store = open_spool(config)
    free = store.free_bytes() - config.spool.min_free
    if free <= 0:
        raise OsteoScreenError(
            f"{config.spool.path}: less than spool.min_free is free; free disk space"
        )
    try:
        with tempfile.TemporaryFile(dir=store.incoming) as probe:
            started = perf_counter()
            for _ in range(_PROBES):
                probe.write(b"probe")
                probe.flush()
                os.fsync(probe.fileno())
            took = (perf_counter() - started) / _PROBES
    except OSError as error:
        raise OsteoScreenError(f"{config.spool.path}: {error.strerror}") from error
    return (
        f"{config.spool.path} is writable, fsync takes {took * 1000:.1f} ms, "
        f"{free / 1024**3:.1f} GiB free"
    )


def audit(config: Config) -> str:
    """Check that the audit trail is writable, without creating a file."""
    file = config.audit.file
    if file is None:
        return "off: audit.file is null"
    nearest = next(path for path in (file, *file.parents) if path.exists())
    if nearest == file and not file.is_file():
        raise OsteoScreenError(f"audit.file: {file} is not a file; name another")
    if not os.access(nearest, os.W_OK):
        raise OsteoScreenError(f"audit.file: {nearest} is not writable by this user")
    free = shutil.disk_usage(nearest).free
    if free < _MIN_FREE:
        raise OsteoScreenError(f"audit.file: the disk of {file} is full: records are lost")
    return f"{file} is writable, {free / 1024**3:.1f} GiB free"


def model(config: Config) -> str:
    """Load and verify the bundle, and resolve the thresholds."""
    from node.inference.predictor import load

    predictor = load(config.model.bundle, config.model.device, config.model.threads)
    policy = decision_policy(config, predictor.thresholds)
    loaded = predictor.identity
    return (
        f"{loaded.name} {loaded.version} verified (for {loaded.intended_use} use); "
        f"{_rules(policy)}; policy {policy.digest[:12]}"
    )


def challenger(config: Config) -> str:
    """Load and verify the challenger's bundle, and resolve the thresholds."""
    predictor = load_challenger(config)
    loaded, policy = predictor.identity, decision_policy(config, predictor.thresholds)
    counts = challenger_counts(config, loaded.digest)
    scored = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return (
        f"{loaded.name} {loaded.version} {loaded.digest[:12]} verified (for {loaded.intended_use} "
        f"use), differs from the serving bundle; {_rules(policy)}; films: {scored or 'none yet'}"
    )


def _rules(policy: DecisionPolicy) -> str:
    rules = [policy.default, *(override.rule for override in policy.overrides)]
    return "; ".join(_rule_text(rule, policy.score) for rule in rules)


def _rule_text(rule: Rule, score: ScoreKind) -> str:
    """Return the thresholds and the indeterminate band of a rule as numbers."""
    kinds = (ScoreKind.IMAGE, ScoreKind.COMBINED) if score is ScoreKind.COMBINED else (score,)
    is_uniform = len({rule.thresholds.of(kind) for kind in kinds}) == 1
    texts = []
    for kind in kinds[:1] if is_uniform else kinds:
        band = rule.band(kind)
        band_text = f", undetermined from {band[0]:.3f} to {band[1]:.3f}" if band else ""
        kind_text = "" if is_uniform else f" ({kind})"
        texts.append(f"{rule.thresholds.of(kind):.3f}{kind_text}{band_text}")
    return f"{rule.name} threshold {', '.join(texts)}"


def deliveries(config: Config) -> str:
    """Check that the destination of every pending delivery is configured."""
    waiting = open_operator_store(config).open_deliveries()
    unknown = sorted(set(waiting) - {destination.name for destination in config.destinations})
    if unknown:
        raise OsteoScreenError(
            f"destinations: {', '.join(unknown)} is missing, but deliveries wait for it; "
            "add it again, or cancel their jobs"
        )
    pending = ", ".join(f"{count} for {name}" for name, count in waiting.items())
    shadowed = ", ".join(route.destination for route in routes(config) if route.shadow)
    shadow = f"; in shadow mode: {shadowed}" if shadowed else ""
    return f"{pending} pending{shadow}" if pending else f"no deliveries pending{shadow}"
