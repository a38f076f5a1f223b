"""What results say of the policy that judged: open findings, known ones, facts alone."""

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
from node.results.build import BuiltResult, build_results
from node.results.fonts import typeface_for
from node.results.heatmap import build_heatmap
from node.results.result_context import Subject
from node.results.sr_report import build_report
from node.results.translations.languages import Language
from node.results.wording import headline
from tests.support.result_subjects import (
    DECIDED_BY,
    MODEL,
    POLICY,
    SETTINGS,
    indeterminate,
    prediction,
    subject,
    verdict,
    verdict_with_prior,
)
from tests.support.validators import remarks
from tests.unit.node.results.test_sr_report import FIELD, items, number, one

WANTED = (Route("pacs", tuple(ResultKind), SendCondition.ALWAYS),)
BEFORE = PriorComparison(months=12, reported=True, score=0.65)
CLINICAL = Verdict(
    Probability(0.2, clinical=0.7),
    Decision(Finding.PRESENT, 0.5, score=0.7, score_kind=ScoreKind.CLINICAL, **DECIDED_BY),
    replace(MODEL, clinical="fitted on people in a survey"),
)
CASES = {
    "abstained": indeterminate(),
    "known": verdict_with_prior(BEFORE),
    "not known": verdict_with_prior(BEFORE, already_reported=False),
    "incomparable": verdict_with_prior(replace(BEFORE, score=None)),
    "clinical": CLINICAL,
}


def report_of(made: Verdict) -> Dataset:
    return build_report(subject(made=made), FIELD, None)


def comment_of(made: Verdict) -> str:
    text: str = one(report_of(made), "Comment").TextValue
    return text


def built(made: Verdict) -> dict[ResultKind, BuiltResult]:
    return {one.kind: one for one in build_results(subject(made=made), prediction(), WANTED)}


def test_an_open_finding_has_score_threshold_and_heatmap() -> None:
    """Undetermined and no finding by name, but all that a reader needs to judge for himself."""
    report = report_of(indeterminate())
    assert one(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Undetermined"
    assert number(report, "Certainty of Finding") == pytest.approx(40.0)
    assert number(report, "Decision threshold") == pytest.approx(41.0)
    assert items(report, "Finding") == items(report, "Recommended Follow-up") == []
    assert set(built(indeterminate())) == set(ResultKind)


@pytest.mark.parametrize(("score", "shown"), [(0.4, "40.0"), (0.40999, "40.999"), (0.41, "41.0")])
def test_its_comment_says_how_close_is_too_close(score: float, shown: str) -> None:
    """A score just below its threshold does not read as one that reaches it, here neither."""
    text = comment_of(indeterminate(score))
    assert (
        f"The score of {shown} % is close to the decision threshold of 41.0 %. The indeterminate "
        "range is 35.0 to 47.0 %. This result neither suggests nor excludes osteoporosis."
    ) in text
    assert "The score is based on the image only." in text


def test_its_band_is_among_the_parameters() -> None:
    parameters = [
        item.TextValue for item in items(report_of(indeterminate()), "Algorithm Parameters")
    ]
    assert "undetermined from 0.35 to below 0.47" in parameters


def test_the_policy_that_judged_is_in_every_report() -> None:
    """By its digest and by the rule that held."""
    for finding in Finding:
        made = verdict(finding)
        found = [item.TextValue for item in items(report_of(made), "Algorithm Parameters")]
        assert f"policy SHA-256 = {POLICY}" in found
        assert "decision rule = default" in found


def test_what_is_known_is_present_and_recommends_nothing_anew() -> None:
    report = report_of(verdict_with_prior(BEFORE))
    assert one(report, "Osteoporosis").ConceptCodeSequence[0].CodeMeaning == "Present"
    assert one(report, "Finding").ConceptCodeSequence[0].CodeValue == "64859006"
    assert items(report, "Recommended Follow-up") == []
    text = comment_of(verdict_with_prior(BEFORE))
    assert "A prior film of the last 12 months was already flagged." in text
    assert "This film is not flagged again." in text


def test_where_it_is_flagged_again_it_is_said_to_be_known() -> None:
    made = verdict_with_prior(BEFORE, already_reported=False)
    assert items(report_of(made), "Recommended Follow-up")
    assert "A prior film of the last 12 months was flagged." in comment_of(made)
    assert "not flagged again" not in comment_of(made)


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (0.65, "Score of the previous film: 65.0 %. Change: +6.0 percentage points."),
        (0.80, "Score of the previous film: 80.0 %. Change: -9.0 percentage points."),
        (0.71, "Score of the previous film: 71.0 %. Change: +0.0 percentage points."),
        (None, "was scored by another model or from other data. The scores are not comparable."),
    ],
)
def test_the_change_is_told_where_scores_compare(before: float | None, told: str) -> None:
    """Against a score of 71 %."""
    assert told in comment_of(verdict_with_prior(replace(BEFORE, score=before)))


def test_without_earlier_films_not_a_word_of_them() -> None:
    assert "film of the last" not in comment_of(verdict())
    assert "previous film" not in comment_of(verdict())


def test_a_score_of_facts_alone_says_so_and_shows_no_heat() -> None:
    """Whoever sets it must not get a picture that explains what the film had no part in."""
    assert set(built(CLINICAL)) == {ResultKind.REPORT, ResultKind.TEXT}
    text = comment_of(CLINICAL)
    assert "based on clinical data only. The image was not used for this score" in text
    assert "no better than chance at another hospital" in text
    with pytest.raises(ValueError, match="has no heatmap"):
        build_heatmap(subject(made=CLINICAL), prediction())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (verdict(), "Osteoporosis suspected: score at or above threshold"),
        (verdict(Finding.ABSENT), "Osteoporosis not suspected: score below threshold"),
        (indeterminate(), "Undetermined: score close to threshold"),
        (verdict_with_prior(BEFORE), "Osteoporosis suspected, as on a prior film"),
    ],
)
def test_the_heatmaps_headline_says_what_was_found(made: Verdict, said: str) -> None:
    assert headline(made.decision, subject().phrases) == said


def test_a_score_that_is_missing_is_told_in_the_reports_language() -> None:
    chinese = subject(
        made=verdict(Finding.UNDETERMINED, reason=NO_SCORE),
        settings=replace(SETTINGS, language=Language.CHINESE),
    )
    text = one(build_report(chinese, None, None), "备注").TextValue
    assert "模型未给出评分" in text
    assert NO_SCORE not in text


@pytest.mark.parametrize("case", CASES)
def test_another_policy_is_another_report(case: str) -> None:
    """Whatever changes the bytes changes the UID."""
    made = CASES[case]
    decision = made.decision
    for changed in (
        replace(decision, policy="cd" * 32),
        replace(decision, rule="older-women"),
        replace(decision, prior=PriorComparison(24, reported=False)),
        replace(decision, already_reported=not decision.already_reported),
        replace(decision, band=(0.1, 0.9)),
    ):
        other = report_of(replace(made, decision=changed))
        assert other.SOPInstanceUID != report_of(made).SOPInstanceUID


@pytest.mark.tools("dciodvfy", "dsrdump", "wqy-microhei.ttc")
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", CASES)
def test_every_case_is_valid(case: str, language: Language, tmp_path: Path) -> None:
    """To dciodvfy, in both languages."""
    settings = replace(SETTINGS, language=language, typeface=typeface_for(language, None))
    scored: Subject = subject(made=CASES[case], settings=settings)
    found = list(build_results(scored, prediction(), WANTED))
    assert [remark for one in found for remark in remarks(one.content, tmp_path)] == []
