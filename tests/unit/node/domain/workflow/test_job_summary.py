"""Programs read the summary of a job."""

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
from node.domain.sop_class import SopClass
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
DELIVERED = Delivery(
    id=1,
    job_id=7,
    destination="pacs",
    kind=ResultKind.REPORT,
    sop_class_uid=SopClass.COMPREHENSIVE_3D_SR,
    sop_instance_uid="2.25.1",
    spool_key="results/x",
    state=DeliveryState.DELIVERED,
    attempt=2,
)


def entry(event: str, state: str, after: float) -> HistoryEntry:
    """Return an entry of the job's history, some seconds after noon."""
    return HistoryEntry(NOON + timedelta(seconds=after), event, state, "worker", "", None)


DONE_JOB = JobDetail(
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
    deliveries=(DELIVERED,),
    history=(
        entry("receive", JobState.RECEIVED, 0.0),
        entry(JobEvent.ANALYSE, JobState.ANALYSED, 2.0),
        entry(JobEvent.FINISH, JobState.DONE, 2.5),
    ),
)


def test_the_summary_has_all_keys() -> None:
    """The summary has the keys of `summary.json` and of `jobs show --json`."""
    assert summarise(DONE_JOB) == {
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


def test_all_keys_are_present_before_the_analysis() -> None:
    """Values are null before the analysis, and for a film that was not scored."""
    waiting = replace(DONE_JOB.job, state=JobState.RECEIVED, attempt=0, verdict=None)
    summary = summarise(JobDetail(waiting, (), ()))
    assert summary.keys() == summarise(DONE_JOB).keys()
    assert summary["probability"] == {"image": None, "clinical": None, "combined": None}
    keys = ("used", "threshold", "finding", "undetermined", "flagged", "prior", "policy", "rule")
    assert {summary[key] for key in (*keys, "model")} == {None}
    assert (summary["seconds"], summary["deliveries"], summary["shadowed"]) == ({}, [], [])


def test_a_rejected_job_has_reason_and_error() -> None:
    """In the summary, `reason` is a code for programs, and `error` is a text for people."""
    refused = replace(
        DONE_JOB.job, state=JobState.REJECTED, reason="view", error="lateral", verdict=None
    )
    summary = summarise(JobDetail(refused, (), ()))
    assert (summary["reason"], summary["error"]) == ("view", "lateral")


def test_a_decision_without_score_has_a_threshold() -> None:
    """Without a score, `used` is null, and `threshold` states which threshold was applicable."""
    decision = Decision(Finding.UNDETERMINED, threshold=0.5, reason="the model gave no score")
    verdict = replace(VERDICT, probability=Probability(), decision=decision)
    summary = summarise(replace(DONE_JOB, job=replace(DONE_JOB.job, verdict=verdict)))
    assert (summary["used"], summary["flagged"], summary["threshold"]) == (None, False, 0.5)
    assert (summary["finding"], summary["undetermined"]) == ("undetermined", "no-score")


def test_prior_studies_are_in_the_summary() -> None:
    """Prior studies explain why a film with a present finding is not flagged."""
    prior = PriorComparison(months=12, reported=True, score=0.6)
    decision = replace(VERDICT.decision, already_reported=True, prior=prior)
    summary = summarise(
        replace(DONE_JOB, job=replace(DONE_JOB.job, verdict=replace(VERDICT, decision=decision)))
    )
    assert (summary["finding"], summary["flagged"]) == ("present", False)
    assert summary["prior"] == {"months": 12, "reported": True, "score": 0.6, "known": True}


def test_an_unfinished_job_has_no_total() -> None:
    """Only finished stages of a job have a duration."""
    history = DONE_JOB.history[:2]
    assert summarise(replace(DONE_JOB, history=history))["seconds"] == {
        "decode": 0.1235,
        "predict": 1.0,
    }


def test_a_failed_delivery_has_its_error() -> None:
    """Operators find the error of a failed delivery without searching the log."""
    failed = replace(DELIVERED, state=DeliveryState.FAILED, error="the destination answered 0xa900")
    [delivery] = summarise(replace(DONE_JOB, deliveries=(failed,)))["deliveries"]
    assert (delivery["state"], delivery["error"]) == ("FAILED", "the destination answered 0xa900")


def test_the_summary_has_no_patient_data() -> None:
    """Summaries may be printed or mailed, so they contain neither age nor sex."""
    text = json.dumps(summarise(DONE_JOB))
    assert "67" not in text.replace(CHEST_FILM.sop_instance_uid, "")
    assert not {"age_years", "sex", "patient_id", "patient_name"} & summarise(DONE_JOB).keys()
