"""What a peer has chosen reaches the operator's terminal as text, and as nothing else."""

from datetime import UTC, datetime

import pytest

from node.display import print_dossier, print_jobs
from node.domain.dossier import Dossier, Happening
from node.domain.film import Film
from node.domain.job import Job, JobState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "[/red]\x1b[2JX"  # a calling AE title has 16 characters, and some sender sends these


@pytest.fixture
def dossier() -> Dossier:
    """Return a job that such a sender made, and that failed with an error of its making."""
    film = Film("1.2.3", "1.2", "1.3", "1.4", "1.5", "d" * 64, 1, calling_ae=HOSTILE)
    job = Job(1, JobState.FAILED, film, "", 1, NOW, NOW, error=HOSTILE)
    return Dossier(job, (), (Happening(NOW, "receive", "RECEIVED", HOSTILE, HOSTILE, None),))


def test_a_job_is_shown_whoever_sent_it(
    dossier: Dossier, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither markup, which would end the command, nor orders to the terminal."""
    print_dossier(dossier)
    shown = capsys.readouterr().out
    assert "[/red]" in shown
    assert "\x1b[2J" not in shown
    assert "\\x1b[2JX" in shown


def test_so_is_a_list_of_jobs(dossier: Dossier, capsys: pytest.CaptureFixture[str]) -> None:
    """As above."""
    print_jobs([dossier.job], {JobState.FAILED: 1})
    shown = capsys.readouterr().out
    assert "[/red]" in shown
    assert "\x1b[2J" not in shown
