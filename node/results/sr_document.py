"""What every SR document has around its content: flags, evidence, order, and what it replaces."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydicom import Dataset

from node.domain.workflow.delivery import ResultReference
from node.results.common_modules import requests
from node.results.film_header import Header
from node.results.result_context import Subject


def succeed(
    subject: Subject, earlier: Sequence[ResultReference], build: Callable[[Subject], Dataset]
) -> Dataset:
    """Return the document that takes the place of the last of `earlier`, which is oldest first.

    Where nothing has changed since that one was built, it is that very one again. Documents of
    another SOP Class are of another line, and replaced by none.
    """
    first = build(replace(subject, replaces=None))
    line = [one for one in earlier if one.sop_class_uid == first.SOPClassUID]
    if not line:
        return first
    again = build(replace(subject, replaces=line[-2])) if len(line) > 1 else first
    if again.SOPInstanceUID == line[-1].sop_instance_uid:
        return again
    return build(replace(subject, replaces=line[-1]))


def add_document(
    ds: Dataset, subject: Subject, header: Header, evidence: Sequence[ResultReference]
) -> None:
    """Add SR Document Series and SR Document General (PS3.3, C.17.1 and C.17.2).

    Complete, preliminary, unverified; `evidence` is what it rests on beside the film.
    """
    ds.CompletionFlag = "COMPLETE"
    ds.PreliminaryFlag = "PRELIMINARY"
    ds.VerificationFlag = "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    film = subject.film
    source = ResultReference(film.sop_class_uid, film.sop_instance_uid, film.series_instance_uid)
    series = [_in_series(one) for one in (source, *evidence)]
    ds.CurrentRequestedProcedureEvidenceSequence = [_in_study(film.study_instance_uid, series)]
    if subject.replaces is not None:
        replaced = [_in_series(subject.replaces)]
        ds.PredecessorDocumentsSequence = [_in_study(film.study_instance_uid, replaced)]
    if order := requests(header, film.study_instance_uid):
        ds.ReferencedRequestSequence = order


def reference_to(ds: Dataset) -> ResultReference:
    """Return how a document names an object."""
    return ResultReference(ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID)


def _in_study(study_uid: str, series: list[Dataset]) -> Dataset:
    """Return an item of the SOP Instance Reference Macro (PS3.3, C.17-3)."""
    item = Dataset()
    item.StudyInstanceUID = study_uid
    item.ReferencedSeriesSequence = series
    return item


def _in_series(named: ResultReference) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = named.sop_class_uid
    reference.ReferencedSOPInstanceUID = named.sop_instance_uid
    item = Dataset()
    item.SeriesInstanceUID = named.series_instance_uid
    item.ReferencedSOPSequence = [reference]
    return item
