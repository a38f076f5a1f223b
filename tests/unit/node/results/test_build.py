"""Each result that a destination receives is built once."""

from dataclasses import replace

import pytest

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import Finding
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.results.build import BuiltResult, build_results
from node.results.encode import to_bytes
from node.results.wording import comment, headline
from tests.support.result_contexts import MODEL, make_context, make_prediction, make_verdict

REPORT, HEATMAP, TEXT = ResultKind.REPORT, ResultKind.HEATMAP, ResultKind.TEXT


def route(*send: ResultKind, sr_class: SrClass = SrClass.COMPREHENSIVE_3D) -> Route:
    return Route("pacs", send, SendCondition.ALWAYS, sr_class)


def built(*routes: Route, finding: Finding = Finding.PRESENT) -> list[BuiltResult]:
    return list(
        build_results(make_context(verdict=make_verdict(finding)), make_prediction(), routes)
    )


def test_several_destinations_of_one_kind_share_their_objects() -> None:
    results = built(route(REPORT, HEATMAP), route(REPORT, HEATMAP))
    assert [result.kind for result in results] == [REPORT, HEATMAP]


def test_a_result_without_destination_is_not_built() -> None:
    assert built() == []
    assert [result.kind for result in built(route(TEXT))] == [TEXT]


def test_a_report_refers_to_the_heatmap_only_if_the_destination_receives_it() -> None:
    with_heatmap, without_heatmap, heatmap = built(route(REPORT, HEATMAP), route(REPORT))
    uid = heatmap.content.SOPInstanceUID
    assert uid in str(with_heatmap.content)
    assert uid not in str(without_heatmap.content)
    assert with_heatmap.content.SOPInstanceUID != without_heatmap.content.SOPInstanceUID


def test_both_sr_classes_have_the_same_content() -> None:
    results = built(route(REPORT), route(REPORT, sr_class=SrClass.COMPREHENSIVE))
    assert len({result.content.SOPClassUID for result in results}) == 2
    assert len({str(result.content.ContentSequence) for result in results}) == 1


def test_a_film_without_a_score_has_reports_and_no_heatmap() -> None:
    results = built(route(REPORT, HEATMAP, TEXT), finding=Finding.UNDETERMINED)
    assert [result.kind for result in results] == [REPORT, TEXT]
    for result in results:
        assert b"The model did not give a score." in to_bytes(result.content)


def test_the_text_report_has_the_comment_and_the_headline() -> None:
    verdict = make_verdict()
    (text,) = built(route(TEXT))
    phrases = make_context().phrases
    sections = {
        section.ConceptNameCodeSequence[0].CodeMeaning: section.ContentSequence[0].TextValue
        for section in text.content.ContentSequence
        if section.ValueType == "CONTAINER"
    }
    assert sections == {
        "Findings": comment(verdict, phrases),
        "Conclusions": headline(verdict.decision, phrases),
    }


@pytest.mark.parametrize(
    ("use", "kind", "mark"),
    [
        (IntendedUse.DEMONSTRATION, "demo ", ": not for diagnosis"),
        (IntendedUse.RESEARCH, "research ", ": not for diagnosis"),
        (IntendedUse.CLEARED, "", ""),
    ],
)
def test_the_series_description_states_the_intended_use(
    use: IntendedUse, kind: str, mark: str
) -> None:
    context = make_context(verdict=make_verdict(model=replace(MODEL, intended_use=use)))
    results = build_results(context, make_prediction(), (route(REPORT, HEATMAP, TEXT),))
    assert {result.kind: result.content.SeriesDescription for result in results} == {
        REPORT: f"OsteoScreen {kind}report{mark}",
        HEATMAP: f"OsteoScreen {kind}heatmap{mark}",
        TEXT: f"OsteoScreen {kind}text report{mark}",
    }
