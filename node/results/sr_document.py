"""Attributes of an SR document around its content: flags, evidence, order and predecessor."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydicom import Dataset

from node.domain.workflow.delivery import ResultReference
from node.results.common_modules import referenced_requests
from node.results.film_header import Header
from node.results.result_context import ResultContext


def supersede(
    context: ResultContext,
    earlier: Sequence[ResultReference],
    build: Callable[[ResultContext], Dataset],
) -> Dataset:
    """Return the document that supersedes the last of the `earlier` documents.

    If nothing has changed, the last document is returned again, with the same UID. Documents of
    another SOP Class are ignored.
    """
    first = build(replace(context, replaces=None))
    documents = [document for document in earlier if document.sop_class_uid == first.SOPClassUID]
    if not documents:
        return first
    last = documents[-1]
    rebuilt = build(replace(context, replaces=documents[-2])) if len(documents) > 1 else first
    if rebuilt.SOPInstanceUID == last.sop_instance_uid:
        return rebuilt
    return build(replace(context, replaces=last))


def add_document(
    ds: Dataset, context: ResultContext, header: Header, evidence: Sequence[ResultReference]
) -> None:
    """Add SR Document Series and SR Document General (PS3.3, C.17.1 and C.17.2).

    The document is complete, preliminary and unverified. `evidence` refers to objects other than
    the film, such as the heatmap.
    """
    ds.CompletionFlag = "COMPLETE"
    ds.PreliminaryFlag = "PRELIMINARY"
    ds.VerificationFlag = "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    film = context.film
    source = ResultReference(film.sop_class_uid, film.sop_instance_uid, film.series_instance_uid)
    ds.CurrentRequestedProcedureEvidenceSequence = _references(context, source, *evidence)
    if context.replaces is not None:
        ds.PredecessorDocumentsSequence = _references(context, context.replaces)
    if requests := referenced_requests(header, film.study_instance_uid):
        ds.ReferencedRequestSequence = requests


def reference_to(ds: Dataset) -> ResultReference:
    """Return a reference to a result."""
    return ResultReference(ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID)


def _references(context: ResultContext, *references: ResultReference) -> list[Dataset]:
    """Return references to objects of the film's study (SOP Instance Reference Macro, C.17-3)."""
    study = Dataset()
    study.StudyInstanceUID = context.film.study_instance_uid
    study.ReferencedSeriesSequence = [_series(reference) for reference in references]
    return [study]


def _series(reference: ResultReference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    series = Dataset()
    series.SeriesInstanceUID = reference.series_instance_uid
    series.ReferencedSOPSequence = [item]
    return series
