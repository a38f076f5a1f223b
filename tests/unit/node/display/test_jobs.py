"""Jobs, reasons and reloads are printed on a terminal, and texts of peers are escaped."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from models.bundle.intended_use import IntendedUse
from node.display.jobs import print_job, print_jobs, print_reasons, print_reloads
from node.domain.admission.refusal_counts import RefusalCount, summarise_reasons
from node.domain.config_change import ProcessReport, ReloadReport, SettingChange
from node.domain.decision.prediction import Decision, Finding, ModelIdentity, Probability, Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.job import Job, JobState
from node.domain.workflow.job_summary import HistoryEntry, JobDetail

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "[/red]\x1b[2JX"  # a possible calling AE title of 16 characters


@pytest.fixture
def detail() -> JobDetail:
    """Return a failed job with the hostile text as sender and as error."""
    film = Film("1.2.3", "1.2", "1.3", "1.4", "1.5", "d" * 64, 1, calling_ae=HOSTILE)
    job = Job(1, JobState.FAILED, film, "", 1, NOW, NOW, error=HOSTILE)
    return JobDetail(job, (), (HistoryEntry(NOW, "receive", "RECEIVED", HOSTILE, HOSTILE, None),))


def test_texts_of_a_job_are_escaped(detail: JobDetail, capsys: pytest.CaptureFixture[str]) -> None:
    """Unescaped markup would end the command, and a control sequence would affect the terminal."""
    print_job(detail)
    text = capsys.readouterr().out
    assert "[/red]" in text
    assert "\x1b[2J" not in text
    assert "\\x1b[2JX" in text


def test_texts_of_a_list_of_jobs_are_escaped(
    detail: JobDetail, capsys: pytest.CaptureFixture[str]
) -> None:
    print_jobs([detail.job], {JobState.FAILED: 1})
    text = capsys.readouterr().out
    assert "[/red]" in text
    assert "\x1b[2J" not in text


def test_destinations_in_shadow_mode_are_listed(
    detail: JobDetail, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ModelIdentity("m", "1", "ab" * 32, IntendedUse.RESEARCH)
    decision = Decision(Finding.PRESENT, 0.5, 0.6)
    verdict = Verdict(Probability(0.6), decision, model, shadow_destinations=("pacs", "web"))
    print_job(replace(detail, job=replace(detail.job, verdict=verdict)))
    assert "nothing sent to pacs, web" in capsys.readouterr().out


def test_a_reload_is_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A long value is not wrapped, so that grep finds the whole value."""
    long = "[" + ", ".join(["0.1"] * 60) + "]"
    changes = (SettingChange("policy.overrides", "[]", long),)
    processes = (
        ProcessReport("analyse", 8, replaced=True),
        ProcessReport("deliver", 9),
        ProcessReport("ingest", None, error="not started yet; see its log"),
    )
    at = "2026-01-01 12:00:00 UTC"
    print_reloads(
        [ReloadReport("config.yaml", "node", 7, "", changes, "alice", at, processes)],
    )
    assert capsys.readouterr().out.splitlines() == [
        "node, process 7, reads config.yaml",
        "last changed 2026-01-01 12:00:00 UTC, requested by alice",
        f"  policy.overrides from [] to {long}",
        "analyse, process 8: replaced",
        "deliver, process 9: not replaced",
        "ingest: not started yet; see its log",
    ]


def test_callers_of_refused_films_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """The last rows of the table are the sums of all callers."""
    counts = [RefusalCount(HOSTILE, "view", 3), RefusalCount("XRAY1", "", 4)]
    print_reasons(summarise_reasons(counts, None))
    text = capsys.readouterr().out
    assert "[/red]" in text
    assert "\x1b[2J" not in text
    rows = [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]
    cells = [tuple(cell.strip() for cell in row) for row in rows]
    assert cells[-2:] == [("all", "admitted", "", "4"), ("all", "refused", "view", "3")]
