"""`osteoscreen drift`: what people and programs are shown."""

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


def ask(config: Path, *options: str) -> Result:
    done = CliRunner().invoke(app, ["drift", "--config", str(config), *options])
    assert done.exit_code == 0, done.output
    return done


def test_figures_are_read_out_for_people(config: Path) -> None:
    text = ask(config).output
    assert "XRAY1 / ROOM 2" in text
    assert re.search(r"admitted +│ +50.0% │ +75.0% │", text)
    assert "ALARM large change" in text
    assert "too few (240 films)" in text
    assert "alarm since" in text


def test_scores_of_a_demonstration_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Medians and shares of scores are scores."""
    for uses, said in ((set(IntendedUse), True), ({IntendedUse.RESEARCH}, False), (set(), False)):
        report = DriftReport([row(XRAY, Measure.SCORE, 0.31)], [], uses)
        print_drift(report)
        assert ("have no clinical meaning" in " ".join(capsys.readouterr().out.split())) is said
        assert as_json(report)["intended_use"] == sorted(uses)


def test_a_hostile_name_gives_the_terminal_no_orders(config: Path) -> None:
    text = ask(config).output
    assert "\x1b[2J" not in text
    assert "[red]\\x1b[2JROOM" in text


def test_json_has_everything(config: Path) -> None:
    told = json.loads(ask(config, "--json", "--since", str(EARLIER)).stdout)
    figures = {(one["day"], one["calling_ae"], one["measure"]): one for one in told["figures"]}
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
    assert [(one["station"], one["measure"]) for one in told["alarms"]] == [("ROOM 2", "psi")]


def test_one_source_and_the_last_days(config: Path) -> None:
    told = json.loads(ask(config, "--json", "--source", "XRAY2").stdout)
    assert [one["calling_ae"] for one in told["figures"]] == ["XRAY2"]
    assert told["alarms"] == []
    days = {one["day"] for one in json.loads(ask(config, "--json").stdout)["figures"]}
    assert days == {str(YESTERDAY)}


def test_receivers_of_alarms_can_be_tried(config: Path) -> None:
    """Who has taken the test, who has not, and why."""
    web = WebReceiver()
    web.start()
    with config.open("a") as file:
        mail = f"{{host: 127.0.0.1, port: {free_port()}, sender: a@b, recipients: [c@d]}}"
        file.write(f"drift: {{alarms: {{webhook: {{url: '{web.url}'}}, mail: {mail}}}}}\n")
    done = CliRunner().invoke(app, ["drift", "--config", str(config), "--test-alarm", "--json"])
    web.stop()
    assert done.exit_code == 1
    checks = {one["name"]: one for one in json.loads(done.stdout)}
    assert checks["webhook"]["ok"]
    assert "Connection refused" in checks["mail"]["detail"]
    [(_, _, body)] = web.posts
    assert json.loads(body)["event"] == "test"


def test_without_receivers_there_is_nothing_to_try(config: Path) -> None:
    done = CliRunner().invoke(app, ["drift", "--config", str(config), "--test-alarm"])
    assert isinstance(done.exception, Misconfigured)


def test_where_nothing_was_measured_it_is_said(config: Path) -> None:
    assert "no metrics for these days" in ask(config, "--source", "NOBODY").output
