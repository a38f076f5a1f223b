"""`osteoscreen doctor`: is everything that the node needs there, and does it answer?"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pydicom.uid import UID

from node.app import open_desk, open_spool
from node.config import Config
from node.config_peers import Destination, WebDestination
from node.domain.errors import OsteoScreenError
from node.domain.policy import Thresholds
from node.jobs import migrate
from node.jobs.engine import open_engine

_EXPIRY_NOTICE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `detail` says what was seen, or what is wrong and what to do."""

    name: str
    ok: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        return asdict(self)


def examine(config: Config) -> list[Check]:
    """Look at everything; one broken part hides no other."""
    return [_run(name, look) for name, look in _examinations(config)]


def _examinations(config: Config) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "database", partial(_database, config)
    yield "spool", partial(_spool, config)
    yield "model", partial(_model, config)
    yield "deliveries", partial(_deliveries, config)
    yield "node", partial(_node, config)
    for destination in config.destinations:
        yield f"destination {destination.name}", partial(_destination, config, destination)


def _run(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=look())
    except OsteoScreenError as error:
        return Check(name, ok=False, detail=str(error))


def _database(config: Config) -> str:
    engine = open_engine(config.database.url)
    migrate.require_current(engine)
    return f"{engine.dialect.name} answers, schema {migrate.head()} is current"


def _spool(config: Config) -> str:
    spool = open_spool(config)
    free = spool.free()
    if free <= 0:
        raise OsteoScreenError(f"{config.spool.path}: less room than spool.min_free is left")
    try:
        with tempfile.TemporaryFile(dir=spool.incoming) as probe:
            probe.write(b"probe")
            os.fsync(probe.fileno())
    except OSError as error:
        raise OsteoScreenError(f"{config.spool.path}: {error.strerror}") from error
    return f"{config.spool.path} can be written, {free / 1024**3:.1f} GiB to go"


def _model(config: Config) -> str:
    from node.inference.predictor import load

    predictor = load(config.model.bundle, config.model.device, config.model.threads)
    thresholds = predictor.threshold(config.policy.threshold)
    model = predictor.identity
    return (
        f"{model.name} {model.version} verified (for {model.intended_use} use), {_told(thresholds)}"
    )


def _told(thresholds: Thresholds) -> str:
    if thresholds.image == thresholds.combined:
        return f"threshold {thresholds.image:.3f}"
    return f"threshold {thresholds.image:.3f} (image), {thresholds.combined:.3f} (combined)"


def _deliveries(config: Config) -> str:
    """See that whatever waits has somewhere to go."""
    waiting = open_desk(config).waiting()
    lost = sorted(set(waiting) - {destination.name for destination in config.destinations})
    if lost:
        raise OsteoScreenError(
            f"results wait for {', '.join(lost)}, which `destinations` does not have: "
            "name it there again"
        )
    told = ", ".join(f"{count} for {name}" for name, count in waiting.items())
    return f"waiting: {told}" if told else "none waits"


def _node(config: Config) -> str:
    """Ask our own node for a C-ECHO, as a peer would."""
    here = Destination(
        name="self",
        ae_title=config.dicom.ae_title,
        host=config.dicom.bind,
        port=config.dicom.port,
        timeout=5,
    )
    try:
        _refused(config, here, ())
    except OsteoScreenError as error:
        raise OsteoScreenError(f"{error} (is osteoscreen serve running?)") from error
    return f"{here.ae_title} at {here.host}:{here.port} answers"


def _destination(config: Config, destination: Destination | WebDestination) -> str:
    if isinstance(destination, WebDestination):
        return _web(destination)
    from node.pacs.association import sop_classes
    from node.pacs.commitment import PUSH_MODEL

    needed = sop_classes(destination, config.results.sr_class)
    if destination.commitment:
        needed.append(PUSH_MODEL)
    refused = _refused(config, destination, needed)
    where = f"{destination.ae_title} at {destination.host}:{destination.port}"
    if refused:
        raise OsteoScreenError(f"{where} answers, but refuses {', '.join(refused)}")
    tls = _tls((destination.host, destination.port), destination)
    return f"{where} answers and takes what we send{tls}"


def _web(destination: WebDestination) -> str:
    from node.pacs.stow import open_web

    with open_web(destination) as archive:
        archive.check()
    url = destination.url
    tls = _tls((str(url.host), int(url.port or 443)), destination)
    return f"{url} answers and lets us in{tls}"


def _tls(peer: tuple[str, int], destination: Destination | WebDestination) -> str:
    """Return until when the destination's certificate holds; raise where that is soon over."""
    from node.pacs.tls import valid_until

    if destination.tls is None:
        return ""
    until = valid_until(peer, destination.tls, destination.timeout)
    if until - datetime.now(UTC) < _EXPIRY_NOTICE:
        raise OsteoScreenError(
            f"the certificate of {peer[0]} expires on {until:%Y-%m-%d}: renew it"
        )
    return f", by TLS, with a certificate until {until:%Y-%m-%d}"


def _refused(config: Config, destination: Destination, needed: Iterable[UID]) -> list[str]:
    """Associate, send a C-ECHO, and return the names of the classes the peer does not accept."""
    from node.pacs.association import open_archive

    with open_archive(destination, config.dicom.ae_title) as archive:
        archive.echo()
        return [uid.name for uid in needed if not archive.accepts(uid)]
