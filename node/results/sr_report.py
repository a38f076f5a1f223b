"""The report: a Comprehensive (3D) SR document of one film (PS3.3, A.35.13 and A.35.3)."""

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset

from models.images.radiograph import FieldOfView
from node.domain.workflow.delivery import REPORT_SOP_CLASSES, ResultKind, SrClass
from node.results import codes
from node.results.common_modules import PRODUCT, read_header, start_result
from node.results.result_context import ResultContext
from node.results.sr_content import build_content, outline_of
from node.results.sr_document import add_document, reference_to
from node.results.translations.languages import translate


def build_report(
    context: ResultContext,
    field: FieldOfView | None,
    heatmap: Dataset | None,
    sr_class: SrClass = SrClass.COMPREHENSIVE_3D,
) -> Dataset:
    """Return the report of a film by TID 1500.

    `field` is the rectangle that the model analysed, in pixels of the film. The report refers to
    `heatmap`. Raises ValueError for a heatmap without an image score.
    """
    if heatmap is not None and not context.verdict.decision.has_heatmap:
        raise ValueError("a film without an image score has no heatmap")
    header = read_header(context)
    outline = outline_of(field, context.size)
    heatmap_uid = str(heatmap.SOPInstanceUID) if heatmap is not None else ""
    ds = start_result(
        context,
        header,
        ResultKind.REPORT,
        REPORT_SOP_CLASSES[sr_class],
        *(sr_class, heatmap_uid, str(outline.tolist())),
    )
    ds.CodingSchemeIdentificationSequence = [
        CodingSchemeIdentificationItem(
            codes.PRIVATE_SCHEME,
            name=codes.PRIVATE_SCHEME_NAME,
            responsible_organization=PRODUCT,
        )
    ]
    add_document(ds, context, header, [] if heatmap is None else [reference_to(heatmap)])
    ds.update(build_content(context, header, outline, heatmap))
    translate(ds, context.phrases)
    return ds
