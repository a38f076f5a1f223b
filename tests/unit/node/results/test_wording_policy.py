"""Some texts of a report depend on the policy: band, prior films, and clinical score."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset

from node.domain.decision.decide import NO_SCORE
from node.domain.decision.prediction import (
    Decision,
    Finding,
    PriorComparison,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.workflow.delivery import ResultKind, Route, SendCondition
from node.results.build import build_results
from node.results.fonts import typeface_for
from node.results.heatmap import build_heatmap
from node.results.sr_report import build_report
from node.results.translations.languages import Language
from node.results.wording import headline
from tests.support.result_contexts import (
    DECIDED_BY,
    MODEL,
    POLICY,
    SETTINGS,
    indeterminate,
    make_context,
    make_prediction,
    make_verdict,
    verdict_with_prior,
)
from tests.support.validators import remarks
from tests.unit.node.results.test_sr_report import FIELD, comment_of, item_of, items_of, percent_of

ROUTES = (Route("pacs", tuple(ResultKind), SendCondition.ALWAYS),)
PRIOR = PriorComparison(months=12, reported=True, score=0.65)
CLINICAL = Verdict(
    Probability(0.2, clinical=0.7),
    Decision(Finding.PRESENT, 0.5, score=0.7, score_kind=ScoreKind.CLINICAL, **DECIDED_BY),
    replace(MODEL, clinical="fitted on people in a survey"),
)
CASES = {
    "indeterminate": indeterminate(),
    "already reported": verdict_with_prior(PRIOR),
    "flagged again": verdict_with_prior(PRIOR, already_reported=False),
    "not comparable": verdict_with_prior(replace(PRIOR, score=None)),
    "clinical": CLINICAL,
}


def report_of(verdict: Verdict) -> Dataset:
    return build_report(make_context(verdict=verdict), FIELD, None)


def built_kinds(verdict: Verdict) -> set[ResultKind]:
    results = build_results(make_context(verdict=verdict), make_prediction(), ROUTES)
    return {result.kind for result in results}


def test_an_indeterminate_score_has_score_threshold_and_heatmap() -> None:
    report = report_of(indeterminate())
    assert item_of(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Undetermined"
    assert percent_of(report, "Certainty of Finding") == pytest.approx(40.0)
    assert percent_of(report, "Decision threshold") == pytest.approx(41.0)
    assert items_of(report, "Finding") == items_of(report, "Recommended Follow-up") == []
    assert built_kinds(indeterminate()) == set(ResultKind)


@pytest.mark.parametrize(
    ("score", "percentage"), [(0.4, "40.0"), (0.40999, "40.999"), (0.41, "41.0")]
)
def test_its_comment_states_the_indeterminate_range(score: float, percentage: str) -> None:
    text = comment_of(indeterminate(score))
    assert (
        f"The score of {percentage} % is close to the decision threshold of 41.0 %. The "
        "indeterminate range is 35.0 to 47.0 %. This result neither suggests nor excludes "
        "osteoporosis."
    ) in text
    assert "The score is based on the image only." in text


def test_its_algorithm_parameters_include_the_band() -> None:
    parameters = [
        item.TextValue for item in items_of(report_of(indeterminate()), "Algorithm Parameters")
    ]
    assert "undetermined from 0.35 to below 0.47" in parameters


def test_every_report_states_rule_and_digest_of_the_policy() -> None:
    for finding in Finding:
        report = report_of(make_verdict(finding))
        parameters = [item.TextValue for item in items_of(report, "Algorithm Parameters")]
        assert f"policy SHA-256 = {POLICY}" in parameters
        assert "decision rule = default" in parameters


def test_a_finding_that_was_already_reported_recommends_no_follow_up() -> None:
    report = report_of(verdict_with_prior(PRIOR))
    assert item_of(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Present"
    assert item_of(report, "Finding").ConceptCodeSequence[0].CodeValue == "64859006"
    assert items_of(report, "Recommended Follow-up") == []
    text = comment_of(verdict_with_prior(PRIOR))
    assert "A prior film of the last 12 months was already flagged." in text
    assert "This film is not flagged again." in text


def test_a_finding_that_is_flagged_again_mentions_the_prior_film() -> None:
    verdict = verdict_with_prior(PRIOR, already_reported=False)
    assert items_of(report_of(verdict), "Recommended Follow-up")
    assert "A prior film of the last 12 months was flagged." in comment_of(verdict)
    assert "not flagged again" not in comment_of(verdict)


@pytest.mark.parametrize(
    ("prior_score", "expected"),
    [
        (0.65, "Score of the previous film: 65.0 %. Change: +6.0 percentage points."),
        (0.80, "Score of the previous film: 80.0 %. Change: -9.0 percentage points."),
        (0.71, "Score of the previous film: 71.0 %. Change: +0.0 percentage points."),
        (None, "was scored by another model or from other data. The scores are not comparable."),
    ],
)
def test_the_change_of_the_score_is_reported(prior_score: float | None, expected: str) -> None:
    """The score of the new film is 71 %."""
    assert expected in comment_of(verdict_with_prior(replace(PRIOR, score=prior_score)))


def test_without_prior_films_they_are_not_mentioned() -> None:
    assert "film of the last" not in comment_of(make_verdict())
    assert "previous film" not in comment_of(make_verdict())


def test_a_clinical_score_has_a_caution_and_no_heatmap() -> None:
    """The clinical score does not use the image, so a heatmap would not explain the score."""
    assert built_kinds(CLINICAL) == {ResultKind.REPORT, ResultKind.TEXT}
    text = comment_of(CLINICAL)
    assert "based on clinical data only. The image was not used for this score" in text
    assert "no better than chance at another hospital" in text
    with pytest.raises(ValueError, match="has no heatmap"):
        build_heatmap(make_context(verdict=CLINICAL), make_prediction())


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (make_verdict(), "Osteoporosis suspected: score at or above threshold"),
        (make_verdict(Finding.ABSENT), "Osteoporosis not suspected: score below threshold"),
        (indeterminate(), "Undetermined: score close to threshold"),
        (verdict_with_prior(PRIOR), "Osteoporosis suspected, as on a prior film"),
    ],
)
def test_the_headline_states_the_result(verdict: Verdict, expected: str) -> None:
    assert headline(verdict.decision, make_context().phrases) == expected


def test_a_missing_score_is_reported_in_the_language_of_the_report() -> None:
    chinese = make_context(
        verdict=make_verdict(Finding.UNDETERMINED),
        settings=replace(SETTINGS, language=Language.CHINESE),
    )
    text = item_of(build_report(chinese, None, None), "备注").TextValue
    assert "模型未给出评分" in text
    assert NO_SCORE not in text


@pytest.mark.parametrize("case", CASES)
def test_each_part_of_the_decision_changes_the_uid(case: str) -> None:
    verdict = CASES[case]
    decision = verdict.decision
    for changed in (
        replace(decision, policy="cd" * 32),
        replace(decision, rule="older-women"),
        replace(decision, prior=PriorComparison(24, reported=False)),
        replace(decision, already_reported=not decision.already_reported),
        replace(decision, band=(0.1, 0.9)),
    ):
        report = report_of(replace(verdict, decision=changed))
        assert report.SOPInstanceUID != report_of(verdict).SOPInstanceUID


@pytest.mark.tools("dciodvfy", "dsrdump", "wqy-microhei.ttc")
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", CASES)
def test_every_case_is_valid(case: str, language: Language, tmp_path: Path) -> None:
    settings = replace(SETTINGS, language=language, typeface=typeface_for(language, None))
    context = make_context(verdict=CASES[case], settings=settings)
    results = build_results(context, make_prediction(), ROUTES)
    assert [remark for result in results for remark in remarks(result.content, tmp_path)] == []
