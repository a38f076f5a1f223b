"""What is built for a film: what some destination wants, each object once."""

from dataclasses import replace

import pytest

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import Finding
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.results.build import BuiltResult, build_results
from node.results.encode import to_bytes
from node.results.wording import comment, headline
from tests.support.result_subjects import MODEL, prediction, subject, verdict

REPORT, HEATMAP, TEXT = ResultKind.REPORT, ResultKind.HEATMAP, ResultKind.TEXT


def route(*send: ResultKind, sr_class: SrClass = SrClass.COMPREHENSIVE_3D) -> Route:
    return Route("pacs", send, SendCondition.ALWAYS, sr_class)


def built(*routes: Route, finding: Finding = Finding.PRESENT) -> list[BuiltResult]:
    return list(build_results(subject(made=verdict(finding)), prediction(), routes))


def test_several_destinations_of_one_kind_share_their_objects() -> None:
    made = built(route(REPORT, HEATMAP), route(REPORT, HEATMAP))
    assert [one.kind for one in made] == [REPORT, HEATMAP]


def test_nothing_is_built_that_nobody_wants() -> None:
    assert built() == []
    assert [one.kind for one in built(route(TEXT))] == [TEXT]


def test_a_report_refers_to_the_heatmap_only_where_that_goes_too() -> None:
    """An archive must not be told of an object that it will never get."""
    both, alone, heatmap = built(route(REPORT, HEATMAP), route(REPORT))
    uid = heatmap.content.SOPInstanceUID
    assert uid in str(both.content)
    assert uid not in str(alone.content)
    assert both.content.SOPInstanceUID != alone.content.SOPInstanceUID


def test_all_reports_and_both_classes_are_of_one_finding() -> None:
    made = built(route(REPORT), route(REPORT, sr_class=SrClass.COMPREHENSIVE))
    assert len({one.content.SOPClassUID for one in made}) == 2
    assert len({str(one.content.ContentSequence) for one in made}) == 1


def test_a_film_without_a_score_has_reports_and_no_heatmap() -> None:
    made = built(route(REPORT, HEATMAP, TEXT), finding=Finding.UNDETERMINED)
    assert [one.kind for one in made] == [REPORT, TEXT]
    for one in made:
        assert b"The model did not give a score." in to_bytes(one.content)


def test_the_report_in_words_says_what_the_report_says() -> None:
    """The same comment, and the heatmap's headline as its conclusion."""
    made = verdict()
    (text,) = built(route(TEXT))
    phrases = subject().phrases
    sections = {
        section.ConceptNameCodeSequence[0].CodeMeaning: section.ContentSequence[0].TextValue
        for section in text.content.ContentSequence
        if section.ValueType == "CONTAINER"
    }
    assert sections == {
        "Findings": comment(made, phrases),
        "Conclusions": headline(made.decision, phrases),
    }


@pytest.mark.parametrize(
    ("use", "kind", "mark"),
    [
        (IntendedUse.DEMONSTRATION, "demo ", ": not for diagnosis"),
        (IntendedUse.RESEARCH, "research ", ": not for diagnosis"),
        (IntendedUse.CLEARED, "", ""),
    ],
)
def test_a_viewer_lists_every_series_with_what_it_must_not_be_used_for(
    use: IntendedUse, kind: str, mark: str
) -> None:
    """A list of series is often all that is seen beside a score."""
    made = subject(made=verdict(model=replace(MODEL, intended_use=use)))
    objects = build_results(made, prediction(), (route(REPORT, HEATMAP, TEXT),))
    assert {one.kind: one.content.SeriesDescription for one in objects} == {
        REPORT: f"OsteoScreen {kind}report{mark}",
        HEATMAP: f"OsteoScreen {kind}heatmap{mark}",
        TEXT: f"OsteoScreen {kind}text report{mark}",
    }
