"""A film that is scored again: another report names the last one, the same result is the same."""

from dataclasses import replace
from functools import partial

from pydicom import Dataset

from models.images.radiograph import FieldOfView
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from node.results.result_context import Subject
from node.results.sr_document import reference_to, succeed
from node.results.sr_report import build_report
from node.results.text_report import build_text
from tests.support.result_subjects import prediction, subject, verdict

FIELD = FieldOfView(0, 0, 400, 320)
LOW, HIGH = subject(made=verdict(threshold=0.4)), subject(made=verdict(threshold=0.6))


def report(scored: Subject, *earlier: Dataset) -> Dataset:
    build = partial(build_report, field=FIELD, heatmap=build_heatmap(scored, prediction()))
    return succeed(scored, [reference_to(one) for one in earlier], build)


def replaced(ds: Dataset) -> list[str]:
    return [
        document.ReferencedSOPInstanceUID
        for study in ds.get("PredecessorDocumentsSequence", ())
        for series in study.ReferencedSeriesSequence
        for document in series.ReferencedSOPSequence
    ]


def test_the_first_report_replaces_nothing() -> None:
    assert replaced(report(LOW)) == []


def test_an_unchanged_result_is_the_same_object_however_often_it_is_built() -> None:
    """Also where the last one had a predecessor: a resend never makes a second object."""
    first = report(LOW)
    assert to_bytes(report(LOW, first)) == to_bytes(first)
    second = report(HIGH, first)
    assert to_bytes(report(HIGH, first, second)) == to_bytes(second)


def test_another_threshold_makes_a_report_that_names_the_last() -> None:
    first = report(LOW)
    second = report(HIGH, first)
    assert replaced(second) == [first.SOPInstanceUID]
    assert second.SOPInstanceUID != first.SOPInstanceUID


def test_going_back_makes_a_third_report_and_no_other_heatmap() -> None:
    """The first one is in the archive, and says nothing of the second that it would replace."""
    first = report(LOW)
    second = report(HIGH, first)
    third = report(LOW, first, second)
    assert replaced(third) == [second.SOPInstanceUID]
    assert third.SOPInstanceUID not in (first.SOPInstanceUID, second.SOPInstanceUID)
    assert heatmap_of(third) == heatmap_of(first) != heatmap_of(second)


def test_another_model_makes_a_report_that_names_the_last() -> None:
    made = verdict()
    newer = replace(made, model=replace(made.model, digest="77" * 32))
    first = report(subject(made=made))
    assert replaced(report(subject(made=newer), first)) == [first.SOPInstanceUID]


def test_a_report_of_another_class_replaces_none() -> None:
    """Another archive's line of reports is not this one's."""
    text = build_text(LOW)
    assert replaced(succeed(HIGH, [reference_to(text)], build_text)) == [text.SOPInstanceUID]
    assert replaced(report(HIGH, text)) == []


def heatmap_of(ds: Dataset) -> str:
    """The UID of the heatmap that a report refers to as evidence."""
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    return str(study.ReferencedSeriesSequence[1].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
