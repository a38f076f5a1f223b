"""If a film is scored again, a changed report supersedes the previous report."""

from dataclasses import replace
from functools import partial

from pydicom import Dataset

from models.images.radiograph import FieldOfView
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from node.results.result_context import ResultContext
from node.results.sr_document import reference_to, supersede
from node.results.sr_report import build_report
from node.results.text_report import build_text
from tests.support.result_contexts import make_context, make_prediction, make_verdict

FIELD = FieldOfView(0, 0, 400, 320)
LOW, HIGH = (
    make_context(verdict=make_verdict(threshold=0.4)),
    make_context(verdict=make_verdict(threshold=0.6)),
)


def report(context: ResultContext, *earlier: Dataset) -> Dataset:
    build = partial(build_report, field=FIELD, heatmap=build_heatmap(context, make_prediction()))
    return supersede(context, [reference_to(ds) for ds in earlier], build)


def predecessors(ds: Dataset) -> list[str]:
    return [
        document.ReferencedSOPInstanceUID
        for study in ds.get("PredecessorDocumentsSequence", ())
        for series in study.ReferencedSeriesSequence
        for document in series.ReferencedSOPSequence
    ]


def test_the_first_report_has_no_predecessor() -> None:
    assert predecessors(report(LOW)) == []


def test_an_unchanged_report_is_the_same_object() -> None:
    """If an unchanged report is built again, its bytes are the same."""
    first = report(LOW)
    assert to_bytes(report(LOW, first)) == to_bytes(first)
    second = report(HIGH, first)
    assert to_bytes(report(HIGH, first, second)) == to_bytes(second)


def test_a_report_with_another_threshold_supersedes_the_last() -> None:
    first = report(LOW)
    second = report(HIGH, first)
    assert predecessors(second) == [first.SOPInstanceUID]
    assert second.SOPInstanceUID != first.SOPInstanceUID


def test_a_return_to_the_first_threshold_gives_a_third_report_and_the_first_heatmap() -> None:
    """The first report cannot be used again, because it does not supersede the second report."""
    first = report(LOW)
    second = report(HIGH, first)
    third = report(LOW, first, second)
    assert predecessors(third) == [second.SOPInstanceUID]
    assert third.SOPInstanceUID not in (first.SOPInstanceUID, second.SOPInstanceUID)
    assert heatmap_of(third) == heatmap_of(first) != heatmap_of(second)


def test_a_report_of_another_model_supersedes_the_last() -> None:
    verdict = make_verdict()
    newer = replace(verdict, model=replace(verdict.model, digest="77" * 32))
    first = report(make_context(verdict=verdict))
    assert predecessors(report(make_context(verdict=newer), first)) == [first.SOPInstanceUID]


def test_a_report_of_another_sop_class_is_not_superseded() -> None:
    text = build_text(LOW)
    assert predecessors(supersede(HIGH, [reference_to(text)], build_text)) == [text.SOPInstanceUID]
    assert predecessors(report(HIGH, text)) == []


def heatmap_of(ds: Dataset) -> str:
    """Return the UID of the heatmap in the evidence of a report."""
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    return str(study.ReferencedSeriesSequence[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
