"""`osteoscreen doctor --round-trip`: a film that is nobody's, all the way through the running node.

It goes in by C-STORE as a modality's would, is scored, and its results go to every destination,
which commits to them where that is configured. The patient of these studies says what they are.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from time import monotonic, sleep

from pydicom import Dataset
from pydicom.uid import generate_uid

from node.config.peers import Destination
from node.config.settings import Config
from node.demo import modality
from node.demo.run import SHIPPED_FILM
from node.domain.errors import OsteoScreenError
from node.domain.health_check import Check
from node.domain.workflow.delivery import SETTLED, Delivery, DeliveryState
from node.domain.workflow.job import FINAL, JobEvent, JobState
from node.domain.workflow.job_summary import JobDetail
from node.runtime.factories import open_operator_store

PATIENT_NAME, PATIENT_ID = "OSTEOSCREEN^ROUND TRIP", "OSTEOSCREEN-TEST"
_DESCRIPTION = "OsteoScreen round trip: no patient"
_CALLING_AE = "OSTEO-DOCTOR"
_OLD_ENOUGH = 67  # years
_LOOK_SECONDS = 0.2
_IN_SHADOW = "nothing is sent: it is in shadow"
_ENDED = FINAL | {JobState.FAILED}


def round_trip(config: Config, wait: float, tell: Callable[[str], None]) -> Iterator[Check]:
    """Send a marked film, wait so many seconds for all that follows, and say what came of it.

    `tell` hears what is under way.
    """
    ds = marked_film(config.policy.admit.min_age)
    node = modality.Node(
        config.dicom.ae_title, config.dicom.port, config.dicom.bind, _CALLING_AE, config.dicom.tls
    )
    tell("sending a film that is nobody's")
    try:
        modality.send(ds, node)
        dossier = _follow(config, str(ds.SOPInstanceUID), wait, tell)
    except OsteoScreenError as error:
        yield Check("round trip", ok=False, detail=str(error))
        return
    verdict = dossier.job.verdict
    yield Check("round trip", verdict is not None, _what_became(dossier, wait))
    for destination in config.destinations if verdict is not None else ():
        sent = [one for one in dossier.deliveries if one.destination == destination.name]
        commits = isinstance(destination, Destination) and destination.commitment
        name = f"round trip to {destination.name}"
        ok = all(one.state is DeliveryState.DELIVERED for one in sent)
        dark = verdict is not None and destination.name in verdict.shadowed
        told = _IN_SHADOW if dark else _what_arrived(dossier, sent, commits=commits)
        yield Check(name, ok, told)


def marked_film(min_age: float) -> Dataset:
    """Return the shipped film as a new study of nobody, old enough to be admitted."""
    ds = modality.read_film(SHIPPED_FILM)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(ds, keyword, generate_uid(prefix=None))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PatientName, ds.PatientID = PATIENT_NAME, PATIENT_ID
    ds.StudyDescription = _DESCRIPTION
    ds.PatientBirthDate = ""
    ds.PatientAge = f"{max(_OLD_ENOUGH, round(min_age + 1)):03d}Y"
    return ds


def _follow(
    config: Config, sop_instance_uid: str, wait: float, tell: Callable[[str], None]
) -> JobDetail:
    """Return how far the film has come when all is over, or the time is."""
    desk = open_operator_store(config)
    job_id = desk.find(sop_instance_uid)
    deadline = monotonic() + wait
    while (dossier := desk.show(job_id)).job.state not in _ENDED and monotonic() < deadline:
        under_way = [one for one in dossier.deliveries if one.state not in SETTLED]
        told = ", ".join(f"{one.kind} to {one.destination} {one.state}" for one in under_way)
        tell(f"job {job_id} is {dossier.job.state}" + (f": {told}" if told else ""))
        sleep(_LOOK_SECONDS)
    return dossier


def _what_became(dossier: JobDetail, wait: float) -> str:
    job = dossier.job
    if job.verdict is not None:
        return f"taken and scored as job {job.id}, study {job.film.study_instance_uid}"
    if job.state is JobState.REJECTED:
        return f"turned away ({job.reason}): policy.admit lets no such film in"
    if job.state in _ENDED:
        return f"job {job.id} is {job.state}: {job.error}"
    return f"job {job.id} is still {job.state} after {wait:.0f} s: does the role analyse run?"


def _what_arrived(dossier: JobDetail, sent: Sequence[Delivery], *, commits: bool) -> str:
    """Return what a destination has of the film's results, or why it has not."""
    if not sent:
        return "nothing to send: it gets flagged films alone, and this one is not"
    missing = [one for one in sent if one.state is not DeliveryState.DELIVERED]
    if missing:
        job = dossier.job.id
        told = "; ".join(_why_missing(one) for one in missing)
        return f"{told} (osteoscreen jobs show {job} follows it)"
    kinds = " and ".join(str(one.kind) for one in sent)
    seconds = (_last_move(dossier, sent) - _scored_at(dossier)).total_seconds()
    return f"{kinds} {'stored and committed' if commits else 'stored'} in {seconds:.1f} s"


def _why_missing(one: Delivery) -> str:
    if one.state is DeliveryState.AWAITING_COMMITMENT:
        return f"{one.kind} stored, and no report of its commitment has come"
    return f"{one.kind} {one.state} {one.error}".rstrip()


def _last_move(dossier: JobDetail, sent: Sequence[Delivery]) -> datetime:
    ids = {one.id for one in sent}
    return max(past.at for past in dossier.history if past.delivery_id in ids)


def _scored_at(dossier: JobDetail) -> datetime:
    return max(past.at for past in dossier.history if past.event == JobEvent.ANALYSE)
