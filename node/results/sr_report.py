"""The report: a Comprehensive (3D) SR document of one scored film (PS3.3, A.35.13 and A.35.3)."""

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset

from models.images.radiograph import FieldOfView
from node.domain.workflow.delivery import REPORT_SOP_CLASSES, ResultKind, SrClass
from node.results import codes
from node.results.common_modules import PRODUCT, add_series, envelope, read
from node.results.result_context import Subject
from node.results.sr_content import content, outline_of
from node.results.sr_document import add_document, reference_to
from node.results.translations.languages import translate
from node.results.uids import UidKind
from node.results.wording import series_description


def build_report(
    subject: Subject,
    field: FieldOfView | None,
    heatmap: Dataset | None,
    sr_class: SrClass = SrClass.COMPREHENSIVE_3D,
) -> Dataset:
    """Return the report of a film: TID 1500, complete, preliminary, unverified.

    `field` is the rectangle that the model analysed, in the film's pixels; `heatmap` is the
    object that the report refers to. Raises ValueError for a heatmap without a score behind it.
    """
    if heatmap is not None and not subject.verdict.decision.has_heatmap:
        raise ValueError("a film without a score of its image has no heatmap")
    header = read(subject)
    outline = outline_of(field, subject.size)
    shown = str(heatmap.SOPInstanceUID) if heatmap is not None else ""
    facts = (sr_class, shown, str(outline.tolist()))
    ds = envelope(
        subject,
        header,
        REPORT_SOP_CLASSES[sr_class],
        subject.uid(UidKind.REPORT, *facts),
    )
    add_series(
        ds,
        modality="SR",
        number=subject.settings.series_number_report,
        description=series_description(
            ResultKind.REPORT, subject.verdict.model.intended_use, subject.phrases
        ),
        uid=subject.uid(UidKind.REPORT_SERIES, *facts),
    )
    ds.CodingSchemeIdentificationSequence = [
        CodingSchemeIdentificationItem(
            codes.PRIVATE_SCHEME,
            name=codes.PRIVATE_SCHEME_NAME,
            responsible_organization=PRODUCT,
        )
    ]
    evidence = [] if heatmap is None else [reference_to(heatmap)]
    add_document(ds, subject, header, evidence)
    ds.update(content(subject, header, outline, heatmap))
    translate(ds, subject.phrases)
    return ds
