"""`osteoscreen drift` prints text or JSON, and sends a test alarm."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from models.bundle.intended_use import IntendedUse
from node.cli.main import app
from node.display.drift import as_json, print_drift
from node.domain.errors import Misconfigured
from node.drift.alarm_store import AlarmStore
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import DailyMetric, Measure, Metric, Source
from node.drift.setup import DriftReport
from node.jobs import schema
from node.jobs.engine import open_engine
from tests.peers.receivers import WebReceiver
from tests.peers.waiting import free_port

XRAY, HOSTILE = Source("XRAY1", "ROOM 2"), Source("XRAY2", "[red]\x1b[2JROOM")
TODAY = datetime.now(UTC).date()
YESTERDAY, EARLIER = TODAY - timedelta(days=1), TODAY - timedelta(days=20)


def row(
    source: Source, measure: str, value: float | None, reference: float | None = None
) -> DailyMetric:
    return DailyMetric(YESTERDAY, source, Metric(measure, value, 240, reference), "ab" * 32)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of a node that has measured two sources."""
    file = tmp_path / "config.yaml"
    file.write_text(f"database: {{url: 'sqlite:///{tmp_path / 'jobs.db'}'}}\n")
    engine = open_engine(f"sqlite:///{tmp_path / 'jobs.db'}")
    schema.upgrade(engine)
    store = DriftMetricStore(engine)
    store.replace_day(
        YESTERDAY,
        [
            row(XRAY, Measure.FILMS, 240.0, 900.0),
            row(XRAY, Measure.ADMITTED, 0.5, 0.75),
            row(XRAY, Measure.PSI, 0.31),
            row(HOSTILE, Measure.PSI, None),
        ],
    )
    store.replace_day(
        EARLIER, [DailyMetric(EARLIER, XRAY, Metric(Measure.PSI, 0.05, 240), "ab" * 32)]
    )
    AlarmStore(engine, ()).activate(XRAY, "psi", datetime.now(UTC), {})
    return file


def run_drift(config: Path, *options: str) -> Result:
    result = CliRunner().invoke(app, ["drift", "--config", str(config), *options])
    assert result.exit_code == 0, result.output
    return result


def test_the_text_has_metrics_and_alarms(config: Path) -> None:
    text = run_drift(config).output
    assert "XRAY1 / ROOM 2" in text
    assert re.search(r"admitted +│ +50.0% │ +75.0% │", text)
    assert "ALARM large change" in text
    assert "too few (240 films)" in text
    assert "alarm since" in text


def test_a_demonstration_bundle_adds_a_disclaimer(capsys: pytest.CaptureFixture[str]) -> None:
    for uses, expected in (
        (set(IntendedUse), True),
        ({IntendedUse.RESEARCH}, False),
        (set(), False),
    ):
        report = DriftReport([row(XRAY, Measure.SCORE, 0.31)], [], uses)
        print_drift(report)
        assert ("have no clinical meaning" in " ".join(capsys.readouterr().out.split())) is expected
        assert as_json(report)["intended_use"] == sorted(uses)


def test_the_name_of_a_source_is_escaped(config: Path) -> None:
    text = run_drift(config).output
    assert "\x1b[2J" not in text
    assert "[red]\\x1b[2JROOM" in text


def test_the_json_has_every_metric_and_alarm(config: Path) -> None:
    report = json.loads(run_drift(config, "--json", "--since", str(EARLIER)).stdout)
    figures = {(row["day"], row["calling_ae"], row["measure"]): row for row in report["figures"]}
    assert len(figures) == 5
    assert figures[str(YESTERDAY), "XRAY1", "psi"] == {
        "day": str(YESTERDAY),
        "calling_ae": "XRAY1",
        "station": "ROOM 2",
        "measure": "psi",
        "value": 0.31,
        "films": 240,
        "reference": None,
        "reading": "large change",
        "model": "ab" * 32,
    }
    assert [(alarm["station"], alarm["measure"]) for alarm in report["alarms"]] == [
        ("ROOM 2", "psi")
    ]


def test_a_source_can_be_selected_and_the_default_is_the_last_days(config: Path) -> None:
    report = json.loads(run_drift(config, "--json", "--source", "XRAY2").stdout)
    assert [row["calling_ae"] for row in report["figures"]] == ["XRAY2"]
    assert report["alarms"] == []
    days = {row["day"] for row in json.loads(run_drift(config, "--json").stdout)["figures"]}
    assert days == {str(YESTERDAY)}


def test_a_test_alarm_reports_which_receivers_accepted_it(config: Path) -> None:
    web = WebReceiver()
    web.start()
    with config.open("a") as file:
        mail = f"{{host: 127.0.0.1, port: {free_port()}, sender: a@b, recipients: [c@d]}}"
        file.write(f"drift: {{alarms: {{webhook: {{url: '{web.url}'}}, mail: {mail}}}}}\n")
    result = CliRunner().invoke(app, ["drift", "--config", str(config), "--test-alarm", "--json"])
    web.stop()
    assert result.exit_code == 1
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert checks["webhook"]["ok"]
    assert "Connection refused" in checks["mail"]["detail"]
    [(_, _, body)] = web.posts
    assert json.loads(body)["event"] == "test"


def test_a_test_alarm_without_receivers_is_refused(config: Path) -> None:
    result = CliRunner().invoke(app, ["drift", "--config", str(config), "--test-alarm"])
    assert isinstance(result.exception, Misconfigured)


def test_days_without_metrics_are_reported(config: Path) -> None:
    assert "no metrics for these days" in run_drift(config, "--source", "UNKNOWN").output
