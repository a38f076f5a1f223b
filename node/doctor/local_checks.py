"""What the node has at home: database, clock, spool, audit trail, model, and what waits to go out.

Each function returns what was seen, or raises what is wrong and what to do.
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
_ROOM_FOR_TRAIL = 16 * 1024**2
_CLOCKS_APART = timedelta(seconds=5)


def database(config: Config) -> str:
    """See that the database answers, and that its schema is this version's."""
    engine = open_engine(config.database.url)
    schema.require_current(engine)
    return f"{engine.dialect.name} answers, schema {schema.head()} is current"


def clock(config: Config) -> str:
    """See that our clock agrees with the database's, and has not been set back.

    Leases and waits are written by the clocks of all machines of the node.
    """
    engine = open_engine(config.database.url)
    schema.require_current(engine)
    before = datetime.now(UTC)
    theirs = clock_of(engine)
    after = datetime.now(UTC)
    apart = max(before - theirs, theirs - after, timedelta(0))
    if apart > _CLOCKS_APART:
        raise OsteoScreenError(
            f"{apart.total_seconds():.0f} s from the database's clock: set both by NTP"
        )
    newest = max(
        (job.updated_at for job in open_operator_store(config).recent((), 1)), default=before
    )
    if newest - after > _CLOCKS_APART:
        raise OsteoScreenError(
            f"it is {after:%Y-%m-%d %H:%M:%S} UTC here, before the newest job's "
            f"{newest:%Y-%m-%d %H:%M:%S}: the clock was set back; set it by NTP"
        )
    return f"{after:%Y-%m-%d %H:%M:%S} UTC, as in the database"


def spool(config: Config) -> str:
    """See that bytes can be made durable, how fast, and that there is room."""
    store = open_spool(config)
    free = store.free_bytes() - config.spool.min_free
    if free <= 0:
        raise OsteoScreenError(f"{config.spool.path}: less room than spool.min_free is left")
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
        f"{config.spool.path} can be written, fsync in {took * 1000:.1f} ms, "
        f"{free / 1024**3:.1f} GiB to go"
    )


def audit(config: Config) -> str:
    """See that the audit trail can be written, without leaving a file that is not the node's."""
    file = config.audit.file
    if file is None:
        return "off: audit.file is null"
    there = next(path for path in (file, *file.parents) if path.exists())
    if there == file and not file.is_file():
        raise OsteoScreenError(f"audit.file: {file} is no file; name another")
    if not os.access(there, os.W_OK):
        raise OsteoScreenError(f"audit.file: {there} cannot be written; give it to this user")
    free = shutil.disk_usage(there).free
    if free < _ROOM_FOR_TRAIL:
        raise OsteoScreenError(f"audit.file: no room left beside {file}: records are lost")
    return f"{file} can be written, {free / 1024**3:.1f} GiB to go"


def model(config: Config) -> str:
    """Load and verify the bundle, and find the thresholds."""
    from node.inference.predictor import load

    predictor = load(config.model.bundle, config.model.device, config.model.threads)
    policy = decision_policy(config, predictor.thresholds)
    loaded = predictor.identity
    return (
        f"{loaded.name} {loaded.version} verified (for {loaded.intended_use} use); "
        f"{_rules(policy)}; policy {policy.digest[:12]}"
    )


def challenger(config: Config) -> str:
    """Load and verify the challenger's bundle, see that it is another, and find the thresholds."""
    predictor = load_challenger(config)
    loaded, policy = predictor.identity, decision_policy(config, predictor.thresholds)
    counts = challenger_counts(config, loaded.digest)
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return (
        f"{loaded.name} {loaded.version} {loaded.digest[:12]} verified (for {loaded.intended_use} "
        f"use), another than the serving bundle; {_rules(policy)}; films: {told or 'none yet'}"
    )


def _rules(policy: DecisionPolicy) -> str:
    rules = [policy.default, *(one.rule for one in policy.overrides)]
    return "; ".join(_told(rule, policy.score) for rule in rules)


def _told(rule: Rule, score: ScoreKind) -> str:
    """Return a rule in numbers: what its names stand for, and how far its band reaches."""
    kinds = (ScoreKind.IMAGE, ScoreKind.COMBINED) if score is ScoreKind.COMBINED else (score,)
    alike = len({rule.thresholds.of(used) for used in kinds}) == 1
    told = []
    for used in kinds[:1] if alike else kinds:
        band = rule.band(used)
        open_from = f", undetermined from {band[0]:.3f} to {band[1]:.3f}" if band else ""
        kind = "" if alike else f" ({used})"
        told.append(f"{rule.thresholds.of(used):.3f}{kind}{open_from}")
    return f"{rule.name} threshold {', '.join(told)}"


def deliveries(config: Config) -> str:
    """See that whatever waits has somewhere to go."""
    waiting = open_operator_store(config).open_deliveries()
    lost = sorted(set(waiting) - {destination.name for destination in config.destinations})
    if lost:
        raise OsteoScreenError(
            f"results wait for {', '.join(lost)}, which `destinations` does not have: "
            "name it there again"
        )
    told = ", ".join(f"{count} for {name}" for name, count in waiting.items())
    dark = ", ".join(route.destination for route in routes(config) if route.shadow)
    shadow = f"; in shadow, so that nothing is sent: {dark}" if dark else ""
    return f"waiting: {told}{shadow}" if told else f"none waits{shadow}"
