"""Run all checks of `osteoscreen doctor`."""

from collections.abc import Callable, Iterator
from functools import partial

from node.config.settings import Config
from node.doctor import local_checks, remote_checks
from node.domain.errors import OsteoScreenError
from node.domain.health_check import HealthCheck


def examine(config: Config) -> list[HealthCheck]:
    """Run every check, even if another check has failed."""
    return [_run(name, check) for name, check in _checks(config)]


def _checks(config: Config) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "database", partial(local_checks.database, config)
    yield "clock", partial(local_checks.clock, config)
    yield "spool", partial(local_checks.spool, config)
    yield "audit trail", partial(local_checks.audit, config)
    yield "model", partial(local_checks.model, config)
    if config.challenger is not None:
        yield "challenger", partial(local_checks.challenger, config)
    yield "deliveries", partial(local_checks.deliveries, config)
    yield "node", partial(remote_checks.node, config)
    for destination in config.destinations:
        yield (
            f"destination {destination.name}",
            partial(remote_checks.destination, config, destination),
        )
    if config.audit.syslog is not None and config.audit.file is not None:
        yield "syslog server", partial(remote_checks.syslog, config.audit.syslog, config.audit.file)


def _run(name: str, check: Callable[[], str]) -> HealthCheck:
    try:
        return HealthCheck(name, ok=True, detail=check())
    except OsteoScreenError as error:
        return HealthCheck(name, ok=False, detail=str(error))
