"""`osteoscreen drift`: show daily metrics of each source, and active alarms."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from node.cli.options import ConfigOption, JsonOption, print_json, report_checks, settings_of
from node.config.settings import Config
from node.domain.errors import Misconfigured

_DAYS_SHOWN = 7
_DAY = "%Y-%m-%d"


def drift(
    config: ConfigOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=[_DAY], help="First day to show. [default: 7 days ago]"),
    ] = None,
    source: Annotated[str, typer.Option(help="Show only sources with this calling AE title.")] = "",
    test_alarm: Annotated[
        bool, typer.Option("--test-alarm", help="Send a test alarm to every receiver.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show daily metrics of each source. The output also shows the reference of each source."""
    if test_alarm:
        _test_alarm(settings_of(config), as_json)
        return
    from node.display.drift import as_json as report_json
    from node.display.drift import print_drift
    from node.drift.setup import drift_report
    from node.workers.loop import utc_now

    first = utc_now() - timedelta(days=_DAYS_SHOWN) if since is None else since
    report = drift_report(settings_of(config), first.date(), source)
    if as_json:
        print_json(report_json(report))
    else:
        print_drift(report)


def _test_alarm(settings: Config, as_json: bool) -> None:
    from node.drift.setup import send_test_notices
    from node.workers.loop import utc_now

    checks = send_test_notices(settings, utc_now())
    if not checks:
        raise Misconfigured("drift.alarms: no receiver is configured; set webhook or mail")
    report_checks(checks, as_json)
