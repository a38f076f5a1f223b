"""`osteoscreen doctor --round-trip`: send a synthetic film end to end through the running node.

The film is sent by C-STORE and scored. The results are sent to every destination, with storage
commitment if configured. The patient's name marks the study as a test.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep

from pydicom import Dataset
from pydicom.uid import generate_uid

from node.config.peers import Destination
from node.config.settings import Config
from node.demo import modality
from node.demo.run import SHIPPED_FILM
from node.domain.errors import OsteoScreenError
from node.domain.health_check import HealthCheck
from node.domain.workflow.delivery import FINAL_DELIVERY_STATES, Delivery, DeliveryState
from node.domain.workflow.job import FINAL_JOB_STATES, JobEvent, JobState
from node.domain.workflow.job_summary import JobDetail
from node.runtime.factories import open_operator_store

PATIENT_NAME, PATIENT_ID = "OSTEOSCREEN^ROUND TRIP", "OSTEOSCREEN-TEST"
_DESCRIPTION = "OsteoScreen round trip: no patient"
_CALLING_AE = "OSTEO-DOCTOR"
_TEST_AGE = 67  # years
_POLL_SECONDS = 0.2
_IN_SHADOW = "nothing is sent: the destination is in shadow mode"
_ENDED = FINAL_JOB_STATES | {JobState.FAILED}


def round_trip(config: Config, wait: float, report: Callable[[str], None]) -> Iterator[HealthCheck]:
    """Send a synthetic film and yield a check for the node and for each destination.

    `wait` is the time limit in seconds. The callback `report` receives the progress as text.
    """
    ds = marked_film(config.policy.admit.min_age)
    node = modality.NodeAddress(
        config.dicom.ae_title, config.dicom.port, config.dicom.bind, _CALLING_AE, config.dicom.tls
    )
    report("sending a synthetic film")
    try:
        modality.send(ds, node)
        detail = _follow(config, str(ds.SOPInstanceUID), wait, report)
    except OsteoScreenError as error:
        yield HealthCheck("round trip", ok=False, detail=str(error))
        return
    verdict = detail.job.verdict
    yield HealthCheck("round trip", verdict is not None, _analysis_text(detail, wait))
    for destination in config.destinations if verdict is not None else ():
        deliveries = [d for d in detail.deliveries if d.destination == destination.name]
        commits = isinstance(destination, Destination) and destination.commitment
        name = f"round trip to {destination.name}"
        ok = all(delivery.state is DeliveryState.DELIVERED for delivery in deliveries)
        shadowed = verdict is not None and destination.name in verdict.shadow_destinations
        text = _IN_SHADOW if shadowed else _delivery_text(detail, deliveries, commits=commits)
        yield HealthCheck(name, ok, text)


def marked_film(min_age: float) -> Dataset:
    """Return the shipped film as a new study of a test patient above the minimum age."""
    ds = modality.read_film(SHIPPED_FILM)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, generate_uid(prefix=None))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PatientName, ds.PatientID = PATIENT_NAME, PATIENT_ID
    ds.StudyDescription = _DESCRIPTION
    ds.PatientBirthDate = ""
    ds.PatientAge = f"{max(_TEST_AGE, round(min_age + 1)):03d}Y"
    return ds


def _follow(
    config: Config, sop_instance_uid: str, wait: float, report: Callable[[str], None]
) -> JobDetail:
    """Return the job after the job and its deliveries have ended, or after the time limit."""
    store = open_operator_store(config)
    job_id = store.find(sop_instance_uid)
    deadline = monotonic() + wait
    while (detail := store.show(job_id)).job.state not in _ENDED and monotonic() < deadline:
        pending = [d for d in detail.deliveries if d.state not in FINAL_DELIVERY_STATES]
        text = ", ".join(f"{d.kind} to {d.destination} {d.state}" for d in pending)
        report(f"job {job_id} is {detail.job.state}" + (f": {text}" if text else ""))
        sleep(_POLL_SECONDS)
    return detail


def _analysis_text(detail: JobDetail, wait: float) -> str:
    job = detail.job
    if job.verdict is not None:
        return f"received and scored as job {job.id}, study {job.film.study_instance_uid}"
    if job.state is JobState.REJECTED:
        return f"refused ({job.reason}): policy.admit does not admit the synthetic film"
    if job.state in _ENDED:
        return f"job {job.id} is {job.state}: {job.error}"
    return f"job {job.id} is still {job.state} after {wait:.0f} s: check that the role analyse runs"


def _delivery_text(detail: JobDetail, deliveries: Sequence[Delivery], *, commits: bool) -> str:
    """Return a text with the delivered results, or with the reason why results are missing."""
    if not deliveries:
        return "nothing to send: the destination receives flagged films, and this film is not"
    missing = [d for d in deliveries if d.state is not DeliveryState.DELIVERED]
    if missing:
        job = detail.job.id
        errors = "; ".join(_missing_text(delivery) for delivery in missing)
        return f"{errors} (see osteoscreen jobs show {job})"
    kinds = " and ".join(str(delivery.kind) for delivery in deliveries)
    ids = {delivery.id for delivery in deliveries}
    stored = max(entry.at for entry in detail.history if entry.delivery_id in ids)
    scored = max(entry.at for entry in detail.history if entry.event == JobEvent.ANALYSE)
    seconds = (stored - scored).total_seconds()
    return f"{kinds} {'stored and committed' if commits else 'stored'} in {seconds:.1f} s"


def _missing_text(delivery: Delivery) -> str:
    if delivery.state is DeliveryState.AWAITING_COMMITMENT:
        return f"{delivery.kind} stored, but the commitment report is missing"
    return f"{delivery.kind} {delivery.state} {delivery.error}".rstrip()
