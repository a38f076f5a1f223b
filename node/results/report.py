"""The report: a Comprehensive (3D) SR document of one scored film (PS3.3, A.35.13 and A.35.3)."""

from collections.abc import Sequence
from dataclasses import replace

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset

from node.domain.delivery import Reference
from node.domain.prediction import Box, Finding
from node.results import codes
from node.results.envelope import PRODUCT, ResultClass, add_series, envelope, read, requests
from node.results.identity import UidKind
from node.results.language.languages import translate
from node.results.subject import SrClass, Subject
from node.results.tree import content, outline_of

_CLASSES = {
    SrClass.COMPREHENSIVE_3D: ResultClass.COMPREHENSIVE_3D_SR,
    SrClass.COMPREHENSIVE: ResultClass.COMPREHENSIVE_SR,
}


def build_report(subject: Subject, field: Box | None, heatmap: Dataset | None) -> Dataset:
    """Return the report of a film: TID 1500, complete, preliminary, unverified.

    `field` is the rectangle that the model analysed, in the film's pixels; `heatmap` is the
    object that the report refers to. Raises ValueError for a heatmap of a film without a score.
    """
    if heatmap is not None and subject.verdict.decision.finding is Finding.UNDETERMINED:
        raise ValueError("a film without a score has no heatmap")
    header = read(subject)
    outline = outline_of(field, subject.size)
    shown = str(heatmap.SOPInstanceUID) if heatmap is not None else ""
    facts = (shown, str(outline.tolist()))
    ds = envelope(
        subject,
        header,
        _CLASSES[subject.settings.sr_class],
        subject.uid(UidKind.REPORT, *facts),
    )
    add_series(
        ds,
        modality="SR",
        number=subject.settings.series_number_report,
        description=f"{PRODUCT} report",
        uid=subject.uid(UidKind.REPORT_SERIES, *facts),
    )
    ds.CodingSchemeIdentificationSequence = [
        CodingSchemeIdentificationItem(
            codes.PRIVATE_SCHEME,
            name=codes.PRIVATE_SCHEME_NAME,
            responsible_organization=PRODUCT,
        )
    ]
    _add_document(ds, subject, heatmap)
    if order := requests(header, subject.film.study_instance_uid):
        ds.ReferencedRequestSequence = order
    ds.update(content(subject, header, outline, heatmap))
    translate(ds, subject.words)
    return ds


def build_successor(
    subject: Subject, field: Box | None, heatmap: Dataset | None, earlier: Sequence[Reference]
) -> Dataset:
    """Return the report that takes the place of the last of `earlier`, which is oldest first.

    Where nothing has changed since that one was built, it is that very one again.
    """
    replaced = [None, *earlier]
    again = build_report(
        replace(subject, replaces=replaced[max(-2, -len(replaced))]), field, heatmap
    )
    if not earlier or again.SOPInstanceUID == earlier[-1].sop_instance_uid:
        return again
    return build_report(replace(subject, replaces=earlier[-1]), field, heatmap)


def _add_document(ds: Dataset, subject: Subject, heatmap: Dataset | None) -> None:
    """Add the SR Document Series and SR Document General attributes (PS3.3, C.17.1 and C.17.2)."""
    ds.CompletionFlag = "COMPLETE"
    ds.PreliminaryFlag = "PRELIMINARY"
    ds.VerificationFlag = "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    film = subject.film
    evidence = [_in_series(film.series_instance_uid, film.sop_class_uid, film.sop_instance_uid)]
    if heatmap is not None:
        evidence.append(
            _in_series(heatmap.SeriesInstanceUID, heatmap.SOPClassUID, heatmap.SOPInstanceUID)
        )
    ds.CurrentRequestedProcedureEvidenceSequence = [_in_study(film.study_instance_uid, evidence)]
    if subject.replaces is not None:
        earlier = subject.replaces
        document = _in_series(
            earlier.series_instance_uid, earlier.sop_class_uid, earlier.sop_instance_uid
        )
        ds.PredecessorDocumentsSequence = [_in_study(film.study_instance_uid, [document])]


def _in_study(study_uid: str, series: list[Dataset]) -> Dataset:
    """Return an item of the SOP Instance Reference Macro (PS3.3, C.17-3)."""
    item = Dataset()
    item.StudyInstanceUID = study_uid
    item.ReferencedSeriesSequence = series
    return item


def _in_series(series_uid: str, sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = sop_class_uid
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    item = Dataset()
    item.SeriesInstanceUID = series_uid
    item.ReferencedSOPSequence = [reference]
    return item
