"""A database of the previous release, at revision 0007, is upgraded without any loss.

The rows below are those that the previous release wrote. Today's stores must read every value, and
write new JSON with the same keys.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from models.bundle.intended_use import IntendedUse
from models.gate.image_findings import ImageFindings
from node.challenger.score_pairs import ScorePairStore
from node.challenger.score_queue import ChallengerQueue
from node.challenger.states import ChallengerState
from node.domain.admission.header_rules import Admitted, OpenQuestion, QuestionKind, Refused
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.admission.study_selection import StudyCandidate
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    PriorComparison,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import View
from node.domain.workflow.delivery import DeliveryState, ResultKind
from node.domain.workflow.job import Job, JobState
from node.domain.workflow.retry import RetryPolicy
from node.drift.alarm_store import AlarmStore
from node.drift.metric_store import DriftMetricStore
from node.drift.metrics import Metric, Source
from node.jobs import schema
from node.jobs.engine import open_engine, transaction
from node.jobs.mapping import admission_json, film_from, film_json, findings_json, verdict_json
from node.jobs.operator import OperatorStore
from node.jobs.scoring_queue import ScoringQueue
from node.jobs.tables import metadata
from node.replay.densitometry import Measurement
from node.replay.densitometry_store import DensitometryStore
from node.replay.score_store import ScoreStore
from tests.support.paths import ROOT

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SERVING, CHALLENGER = "ab" * 32, "cd" * 32

FILM_JSON: dict[str, Any] = {
    "sop_instance_uid": "1.2.3.1",
    "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1",
    "study_instance_uid": "1.2.4.1",
    "series_instance_uid": "1.2.5.1",
    "transfer_syntax_uid": "1.2.840.10008.1.2.1",
    "digest": "d1",
    "size": 100,
    "calling_ae": "XRAY",
    "modality": "CR",
    "body_part_examined": "CHEST",
    "view_position": "PA",
    "image_type": ["ORIGINAL", "PRIMARY"],
    "manufacturer": "Maker",
    "coded": {"parts": ["chest"], "view": "PA"},
    "series": {"parts": ["abdomen"], "view": None},
    "study": {"parts": [], "view": "lateral"},
    "oriented": "lateral",
    "derivation": "stitched together from several films",
    "ours": True,
    "rows": 2048,
    "columns": 1792,
    "number_of_frames": 2,
    "samples_per_pixel": 3,
    "photometric_interpretation": "MONOCHROME2",
    "bits_allocated": 16,
    "bits_stored": 12,
    "has_pixel_data": False,
    "height_mm": 430.0,
    "width_mm": 350.0,
    "age_years": 67.0,
    "age_contradicted": True,
    "sex": "F",
    "weight_kg": 62.5,
    "height_cm": 163.0,
    "station": "ROOM1",
}
FILM = Film(
    sop_instance_uid="1.2.3.1",
    sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
    study_instance_uid="1.2.4.1",
    series_instance_uid="1.2.5.1",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    digest="d1",
    size=100,
    calling_ae="XRAY",
    modality="CR",
    body_part_examined="CHEST",
    view_position="PA",
    image_type=("ORIGINAL", "PRIMARY"),
    manufacturer="Maker",
    coded=HeaderStatements((BodyPart.CHEST,), View.PA),
    series=HeaderStatements((BodyPart.ABDOMEN,)),
    study=HeaderStatements((), View.LATERAL),
    orientation_view=View.LATERAL,
    derivation=Derivation.STITCHED,
    is_own_result=True,
    rows=2048,
    columns=1792,
    number_of_frames=2,
    samples_per_pixel=3,
    photometric_interpretation="MONOCHROME2",
    bits_allocated=16,
    bits_stored=12,
    has_pixel_data=False,
    height_mm=430.0,
    width_mm=350.0,
    age_years=67.0,
    age_contradicted=True,
    sex="F",
    weight_kg=62.5,
    height_cm=163.0,
    station="ROOM1",
    patient="p1",
    exposure_date=date(2026, 1, 1),
)
ADMITTED_JSON = {
    "doubts": [{"reason": "view", "kind": "contradicted", "text": "two views"}],
    "notes": ["age-unknown"],
    "contest": {"standing": "1:2", "wait": 5.0},
}
QUESTIONS = (OpenQuestion(Reason.VIEW, QuestionKind.CONTRADICTED, "two views"),)
REFUSED_JSON = {"reason": "age", "text": "49 years", "reported": True}
FINDINGS_JSON = {
    "frontal": 0.9,
    "side": 0.05,
    "ap": 0.2,
    "turn": 1,
    "upright": 0.98,
    "inverted": 0.01,
    "distance": 0.3,
}
FINDINGS = ImageFindings(0.9, 0.05, 0.2, 1, 0.98, 0.01, 0.3)
VERDICT_JSON: dict[str, Any] = {
    "probability": {"image": 0.61, "clinical": 0.4, "combined": 0.55},
    "decision": {
        "finding": "present",
        "threshold": 0.5,
        "score": 0.55,
        "used": "combined",
        "reason": "above",
        "band": [0.45, 0.52],
        "known": True,
        "prior": {"months": 12, "reported": True, "score": 0.5},
        "policy": "ab12",
        "rule": "women",
    },
    "model": {
        "name": "demo",
        "version": "1",
        "digest": SERVING,
        "intended_use": "demonstration",
        "clinical": "of NHANES",
    },
    "seconds": {"decode": 0.1, "predict": 0.2},
    "shadowed": ["trial"],
    "notes": ["age-unknown"],
    "refused": None,
}
VERDICT = Verdict(
    probability=Probability(0.61, 0.4, 0.55),
    decision=Decision(
        Finding.PRESENT,
        0.5,
        0.55,
        ScoreKind.COMBINED,
        "above",
        (0.45, 0.52),
        True,
        PriorComparison(12, True, 0.5),
        "ab12",
        "women",
    ),
    model=ModelIdentity("demo", "1", SERVING, IntendedUse.DEMONSTRATION, "of NHANES"),
    seconds={"decode": 0.1, "predict": 0.2},
    shadow_destinations=("trial",),
    notes=(AdmissionNote.AGE_UNKNOWN,),
)
CHALLENGER_JSON = VERDICT_JSON | {
    "probability": {"image": 0.71, "clinical": None, "combined": None},
    "model": VERDICT_JSON["model"] | {"digest": CHALLENGER},
    "seconds": {"predict": 0.3},
}
JOB_STATES = list(JobState)
DELIVERY_STATES = list(DeliveryState)
NOTICE = {"event": "drift_alarm", "node": "OSTEOSCREEN", "text": "XRAY: PSI"}


def job_row(number: int, state: JobState) -> dict[str, Any]:
    """Return the columns of the job whose id is `number`."""
    rejected = state is JobState.REJECTED
    scored = state in (JobState.ANALYSED, JobState.DONE)
    return {
        "state": str(state),
        "sop_instance_uid": f"1.2.3.{number}",
        "digest": f"d{number}",
        "calling_ae": "XRAY",
        "film": FILM_JSON | {"sop_instance_uid": f"1.2.3.{number}", "digest": f"d{number}"},
        "spool_key": f"films/{number}",
        "attempt": number,
        "worker": "w1" if state is JobState.ANALYSING else "",
        "lease_until": NOW + timedelta(hours=1) if state is JobState.ANALYSING else None,
        "run_after": NOW,
        "reason": "age" if rejected else "",
        "error": f"error {number}",
        "verdict": VERDICT_JSON if scored else None,
        "received_at": NOW + timedelta(seconds=number),
        "updated_at": NOW + timedelta(minutes=number),
        "patient": "p1",
        "taken": date(2026, 1, 1),
        "admission": REFUSED_JSON if rejected else ADMITTED_JSON,
        "seen": FINDINGS_JSON if scored else None,
        "study": "",
        "standing": "1:2",
    }


def delivery_row(number: int, state: DeliveryState) -> dict[str, Any]:
    """Return the columns of one delivery of the ANALYSED job."""
    return {
        "job_id": JOB_STATES.index(JobState.ANALYSED) + 1,
        "destination": "pacs",
        "kind": "report",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34",
        "sop_instance_uid": f"2.25.{number}",
        "spool_key": f"results/{number}",
        "state": str(state),
        "attempt": number,
        "worker": f"c{number}",
        "lease_until": NOW,
        "run_after": NOW + timedelta(seconds=number),
        "error": f"error {number}",
        "transaction_uid": f"2.25.9{number}",
        "updated_at": NOW,
        "series_instance_uid": f"2.25.8{number}",
    }


def event_row(number: int, state: JobState) -> dict[str, Any]:
    """Return the columns of one event of a job."""
    return {
        "at": NOW,
        "job_id": number,
        "delivery_id": None,
        "event": "receive",
        "state": str(state),
        "who": "XRAY",
        "why": f"reason {number}",
    }


SOURCE = {"calling_ae": "XRAY", "station": "ROOM1"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "job": [job_row(number, state) for number, state in enumerate(JOB_STATES, 1)],
    "delivery": [delivery_row(number, state) for number, state in enumerate(DELIVERY_STATES, 1)],
    "event": [event_row(number, state) for number, state in enumerate(JOB_STATES, 1)],
    "outcome": [{"patient": "p1", "taken": date(2026, 1, 3), "site": "hip", "t_score": -2.7}],
    "drift": [
        {
            **SOURCE,
            "day": date(2026, 1, 1),
            "measure": "psi",
            "value": 0.3,
            "films": 250,
            "reference": 0.1,
            "model": SERVING,
        }
    ],
    "drift_reference": [
        {
            **SOURCE,
            "model": SERVING,
            "since": date(2025, 11, 1),
            "until": date(2025, 11, 28),
            "basis": "first 28 days, 200 films or more",
            "scores": [0.1, 0.2],
            "measures": {"women": 0.5},
        }
    ],
    "alarm": [{**SOURCE, "measure": "psi", "since": NOW}],
    "notice": [{"channel": "mail", "content": NOTICE, "made_at": NOW, "due_at": NOW, "attempt": 2}],
    "canary": [
        {
            "job_id": JOB_STATES.index(JobState.DONE) + 1,
            "model": CHALLENGER,
            "state": "SCORED",
            "attempt": 1,
            "worker": "s1",
            "due_at": None,
            "reason": "",
            "error": "",
            "verdict": CHALLENGER_JSON,
            "updated_at": NOW,
        }
    ],
}


def migrate(engine: sa.Engine, revision: str) -> None:
    """Run the migrations up to a revision."""
    config = Config()
    config.set_main_option("script_location", str(Path(ROOT) / "migrations"))
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def engine(database_url: str) -> sa.Engine:
    """Return a database of the previous release that was upgraded to this release."""
    engine = open_engine(database_url)
    migrate(engine, "0007")
    tables = sa.MetaData()
    with transaction(engine) as connection:
        tables.reflect(connection)
        for name, rows in ROWS.items():
            for row in rows:
                # A column without a value is NULL; the JSON type would write the text "null".
                values = {column: value for column, value in row.items() if value is not None}
                connection.execute(sa.insert(tables.tables[name]).values(values))
    schema.upgrade(engine)
    return engine


def test_the_upgraded_schema_is_that_of_this_release(engine: sa.Engine) -> None:
    """Alembic finds no difference, although the database contains rows."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_no_row_is_lost(engine: sa.Engine) -> None:
    """Every table has as many rows as before, and `canary` is now `challenger`."""
    with engine.connect() as connection:
        for name, rows in ROWS.items():
            table = metadata.tables["challenger" if name == "canary" else name]
            count = connection.scalar(sa.select(sa.func.count()).select_from(table))
            assert count == len(rows), name


def test_jobs_keep_every_value(engine: sa.Engine) -> None:
    for number, state in enumerate(JOB_STATES, 1):
        check_job(OperatorStore(engine).show(number).job, number, state)


def check_job(job: Job, number: int, state: JobState) -> None:
    """Compare a job with the row that was inserted."""
    assert (job.id, job.state, job.spool_key) == (number, state, f"films/{number}")
    assert plain(film_json(job.film)) == ROWS["job"][number - 1]["film"]
    assert (job.film.patient, job.film.exposure_date) == ("p1", date(2026, 1, 1))
    assert (job.attempt, job.error) == (number, f"error {number}")
    assert job.received_at == NOW + timedelta(seconds=number)
    assert job.updated_at == NOW + timedelta(minutes=number)
    assert job.worker == ("w1" if state is JobState.ANALYSING else "")
    if state is JobState.REJECTED:
        assert (job.reason, job.admission) == ("age", Refused(Reason.AGE, "49 years", True))
    else:
        assert job.reason == ""
        assert job.admission == Admitted(QUESTIONS, (AdmissionNote.AGE_UNKNOWN,))
    scored = state in (JobState.ANALYSED, JobState.DONE)
    assert job.verdict == (VERDICT if scored else None)
    assert job.image_findings == (FINDINGS if scored else None)


def test_a_film_keeps_every_value(engine: sa.Engine) -> None:
    assert OperatorStore(engine).show(1).job.film == FILM


def test_deliveries_keep_every_value(engine: sa.Engine) -> None:
    job_id = JOB_STATES.index(JobState.ANALYSED) + 1
    deliveries = OperatorStore(engine).show(job_id).deliveries
    assert [delivery.state for delivery in deliveries] == DELIVERY_STATES
    for number, delivery in enumerate(deliveries, 1):
        assert (delivery.destination, delivery.kind) == ("pacs", ResultKind.REPORT)
        assert delivery.sop_instance_uid == f"2.25.{number}"
        assert delivery.spool_key == f"results/{number}"
        assert (delivery.attempt, delivery.worker) == (number, f"c{number}")
        assert delivery.transaction_uid == f"2.25.9{number}"
        assert delivery.run_after == NOW + timedelta(seconds=number)
        assert delivery.error == f"error {number}"


def test_events_keep_every_value(engine: sa.Engine) -> None:
    for number, state in enumerate(JOB_STATES, 1):
        [entry] = OperatorStore(engine).show(number).history
        assert (entry.at, entry.event, entry.state) == (NOW, "receive", str(state))
        assert (entry.actor, entry.reason, entry.delivery_id) == ("XRAY", f"reason {number}", None)


def test_densitometry_keeps_every_value(engine: sa.Engine) -> None:
    assert DensitometryStore(engine).measurements() == [
        Measurement("p1", date(2026, 1, 3), "hip", -2.7)
    ]


def test_drift_keeps_every_value(engine: sa.Engine) -> None:
    source = Source("XRAY", "ROOM1")
    store = DriftMetricStore(engine)
    [row] = store.rows(date(2026, 1, 1))
    assert (row.day, row.source, row.model) == (date(2026, 1, 1), source, SERVING)
    assert row.metric == Metric("psi", 0.3, 250, 0.1)
    reference = store.reference(source, SERVING, "first 28 days, 200 films or more")
    assert reference is not None
    assert (reference.since, reference.until) == (date(2025, 11, 1), date(2025, 11, 28))
    assert (reference.scores, reference.measures) == ((0.1, 0.2), {"women": 0.5})


def test_alarms_keep_every_value(engine: sa.Engine) -> None:
    store = AlarmStore(engine, ("mail",))
    [alarm] = store.active()
    assert (alarm.source, alarm.measure, alarm.since) == (Source("XRAY", "ROOM1"), "psi", NOW)
    notice = store.claim("mail", NOW, NOW + timedelta(minutes=1))
    assert notice is not None
    assert (notice.content, notice.attempt) == (NOTICE, 3)


def test_challenger_scores_keep_every_value(engine: sa.Engine) -> None:
    """The challenger's score is compared with the serving bundle's score of the same film."""
    pairs = ScorePairStore(engine, SERVING, CHALLENGER)
    [first, second] = pairs.stored(NOW)
    assert first.stored.job_id == JOB_STATES.index(JobState.ANALYSED) + 1
    assert (first.state, first.image) == (None, None)
    assert second.stored.job_id == JOB_STATES.index(JobState.DONE) + 1
    assert (second.state, second.image, second.clinical) == ("SCORED", 0.71, None)
    assert (second.seconds, second.challenger_seconds) == (0.2, 0.3)


def test_replays_read_the_stored_scores(engine: sa.Engine) -> None:
    store = ScoreStore(engine)
    assert store.count_by_model(None) == {SERVING: 2}
    scores = list(store.read(SERVING, None))
    assert [(score.image, score.clinical, score.combined) for score in scores] == [
        (0.61, 0.4, 0.55),
        (0.61, 0.4, 0.55),
    ]


def test_work_goes_on_after_the_upgrade(engine: sa.Engine) -> None:
    """Jobs can be claimed after the upgrade. Deleting a job also deletes its challenger rows."""
    until = NOW + timedelta(minutes=1)
    [job] = ScoringQueue(engine).claim("w2", NOW, until, 10)
    assert (job.film, job.attempt) == (FILM, 2)
    queue = ChallengerQueue(engine, CHALLENGER, 1.0, RetryPolicy(3, 1.0, 60.0), timedelta(1))
    [film] = queue.claim("s2", NOW, until, 10)
    assert film.job_id == JOB_STATES.index(JobState.ANALYSED) + 1
    assert queue.counts()[ChallengerState.SCORED] == 1
    with transaction(engine) as connection:
        connection.execute(sa.delete(metadata.tables["job"]))
    assert sum(queue.counts().values()) == 0


def test_new_json_has_the_keys_of_the_previous_release() -> None:
    """Roles of both releases may run side by side during an upgrade."""
    assert plain(film_json(film_from(FILM_JSON))) == FILM_JSON
    candidate = StudyCandidate("1:2", 5.0)
    assert plain(admission_json(Admitted(QUESTIONS, (AdmissionNote.AGE_UNKNOWN,), candidate))) == (
        ADMITTED_JSON
    )
    assert plain(admission_json(Refused(Reason.AGE, "49 years", True))) == REFUSED_JSON
    assert findings_json(FINDINGS) == FINDINGS_JSON
    assert plain(verdict_json(VERDICT)) == VERDICT_JSON


def plain(value: Any) -> Any:
    """Return a value as it is read from a JSON column."""
    return json.loads(json.dumps(value))
