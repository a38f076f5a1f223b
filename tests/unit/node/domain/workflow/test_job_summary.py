"""The summary of a job, whose keys programs rely on."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from models.bundle.intended_use import IntendedUse
from models.gate.image_findings import ImageFindings
from node.domain.admission.reasons import AdmissionNote
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    PriorComparison,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.workflow.delivery import Delivery, DeliveryState, ResultKind
from node.domain.workflow.job import Job, JobEvent, JobState
from node.domain.workflow.job_summary import HistoryEntry, JobDetail, summarise
from tests.support.film_facts import CHEST_FILM

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERDICT = Verdict(
    probability=Probability(image=0.61, clinical=0.4, combined=0.7),
    decision=Decision(
        Finding.PRESENT,
        threshold=0.5,
        score=0.7,
        score_kind=ScoreKind.COMBINED,
        policy="ab" * 32,
        rule="old-women",
    ),
    model=ModelIdentity("grid-demo", "1.0.0", "5e" * 32, IntendedUse.DEMONSTRATION),
    seconds={"decode": 0.123456, "predict": 1.0},
    notes=(AdmissionNote.INVERTED,),
)
SENT = Delivery(
    id=1,
    job_id=7,
    destination="pacs",
    kind=ResultKind.REPORT,
    sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34",
    sop_instance_uid="2.25.1",
    spool_key="results/x",
    state=DeliveryState.DELIVERED,
    attempt=2,
)


def happening(event: str, state: str, after: float) -> HistoryEntry:
    return HistoryEntry(NOON + timedelta(seconds=after), event, state, "worker", "", None)


DONE = JobDetail(
    job=Job(
        id=7,
        state=JobState.DONE,
        film=CHEST_FILM,
        spool_key="films/x",
        attempt=1,
        received_at=NOON,
        updated_at=NOON,
        verdict=VERDICT,
        image_findings=ImageFindings(0.99, 0.0, 0.1, 0, 0.99, 0.9, 0.4),
    ),
    deliveries=(SENT,),
    history=(
        happening("receive", JobState.RECEIVED, 0.0),
        happening(JobEvent.ANALYSE, JobState.ANALYSED, 2.0),
        happening(JobEvent.FINISH, JobState.DONE, 2.5),
    ),
)


def test_all_that_programs_rely_on() -> None:
    """Every key of `summary.json` and `jobs show --json`, each with its kind of value."""
    assert summarise(DONE) == {
        "id": 7,
        "state": "DONE",
        "reason": None,
        "error": None,
        "attempt": 1,
        "sop_instance_uid": CHEST_FILM.sop_instance_uid,
        "study_instance_uid": CHEST_FILM.study_instance_uid,
        "probability": {"image": 0.61, "clinical": 0.4, "combined": 0.7},
        "used": "combined",
        "threshold": 0.5,
        "finding": "present",
        "undetermined": None,
        "flagged": True,
        "prior": None,
        "policy": "ab" * 32,
        "rule": "old-women",
        "model": {
            "name": "grid-demo",
            "version": "1.0.0",
            "digest": "5e" * 32,
            "intended_use": "demonstration",
            "clinical": "",
        },
        "shadowed": [],
        "notes": ["inverted"],
        "seen": {
            "frontal": 0.99,
            "side": 0.0,
            "ap": 0.1,
            "turn": 0,
            "upright": 0.99,
            "inverted": 0.9,
            "distance": 0.4,
        },
        "seconds": {"decode": 0.1235, "predict": 1.0, "deliver": 0.5, "total": 2.5},
        "deliveries": [
            {
                "destination": "pacs",
                "kind": "report",
                "state": "DELIVERED",
                "sop_instance_uid": "2.25.1",
                "attempt": 2,
                "error": None,
            }
        ],
    }


def test_the_keys_are_there_before_there_is_a_score() -> None:
    """A program may read `probability.image` of any job; null is "not yet" or "never"."""
    waiting = replace(DONE.job, state=JobState.RECEIVED, attempt=0, verdict=None)
    summary = summarise(JobDetail(waiting, (), ()))
    assert summary.keys() == summarise(DONE).keys()
    assert summary["probability"] == {"image": None, "clinical": None, "combined": None}
    decided = ("used", "threshold", "finding", "undetermined", "flagged", "prior", "policy", "rule")
    assert {summary[key] for key in (*decided, "model")} == {None}
    assert (summary["seconds"], summary["deliveries"], summary["shadowed"]) == ({}, [], [])


def test_a_rejected_film_says_why() -> None:
    """The code for programs, the sentence for people."""
    refused = replace(
        DONE.job, state=JobState.REJECTED, reason="view", error="lateral", verdict=None
    )
    summary = summarise(JobDetail(refused, (), ()))
    assert (summary["reason"], summary["error"]) == ("view", "lateral")


def test_an_undetermined_film_uses_no_score() -> None:
    """The threshold that would have applied is still told."""
    decision = Decision(Finding.UNDETERMINED, threshold=0.5, reason="the model gave no score")
    verdict = replace(VERDICT, probability=Probability(), decision=decision)
    summary = summarise(replace(DONE, job=replace(DONE.job, verdict=verdict)))
    assert (summary["used"], summary["flagged"], summary["threshold"]) == (None, False, 0.5)
    assert (summary["finding"], summary["undetermined"]) == ("undetermined", "no-score")


def test_what_is_known_of_earlier_films_is_told() -> None:
    """Not flagged, and why: for a program that counts flags."""
    prior = PriorComparison(months=12, reported=True, score=0.6)
    decision = replace(VERDICT.decision, already_reported=True, prior=prior)
    summary = summarise(
        replace(DONE, job=replace(DONE.job, verdict=replace(VERDICT, decision=decision)))
    )
    assert (summary["finding"], summary["flagged"]) == ("present", False)
    assert summary["prior"] == {"months": 12, "reported": True, "score": 0.6, "known": True}


def test_a_job_under_way_has_no_total_yet() -> None:
    """Only what is over has been timed."""
    history = DONE.history[:2]
    assert summarise(replace(DONE, history=history))["seconds"] == {
        "decode": 0.1235,
        "predict": 1.0,
    }


def test_a_delivery_that_failed_says_why() -> None:
    """Beside its state, so that nobody has to look in the log."""
    failed = replace(SENT, state=DeliveryState.FAILED, error="the destination answered 0xa900")
    [line] = summarise(replace(DONE, deliveries=(failed,)))["deliveries"]
    assert (line["state"], line["error"]) == ("FAILED", "the destination answered 0xa900")


def test_nothing_of_the_patient_is_in_it() -> None:
    """Summaries are printed, mailed and kept: age and sex stay in the film's facts."""
    text = json.dumps(summarise(DONE))
    assert "67" not in text.replace(CHEST_FILM.sop_instance_uid, "")
    assert not {"age_years", "sex", "patient_id", "patient_name"} & summarise(DONE).keys()
