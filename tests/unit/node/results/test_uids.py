"""The same inputs give the same UID, and different inputs give different UIDs."""

from dataclasses import replace

import pytest

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import FieldOfView
from node.demo.run import SHIPPED_FILM
from node.domain.admission.reasons import AdmissionNote
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    PriorComparison,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.workflow.delivery import ResultKind, ResultReference, Route, SendCondition
from node.results.build import build_results
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from node.results.result_context import ResultContext, ResultSettings
from node.results.sr_report import build_report
from node.results.uids import UidKind, device_uid, uid
from tests.support.result_contexts import (
    MODEL,
    SETTINGS,
    make_context,
    make_prediction,
    make_verdict,
    real_film,
)

FIELD = FieldOfView(0, 0, 400, 320)


@pytest.mark.parametrize("kind", list(UidKind))
def test_a_uid_is_valid_for_every_kind(kind: UidKind) -> None:
    """A UID is 2.25 and a decimal without leading zero, at most 44 characters (PS3.5, B.2)."""
    for number in range(200):
        value = uid(kind, str(number))
        assert len(value) <= 44
        assert value.startswith("2.25.")
        assert not value.removeprefix("2.25.").startswith("0")


def test_uids_of_the_previous_release_are_reproduced(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the revision number of release 0.1.0, the same inputs give the same UIDs.

    Release 0.1.0 made the expected UIDs from the shipped film and from the verdict of this
    test. The verdict has the values of the shipped bundle.
    """
    monkeypatch.setattr("node.results.uids.ENCODER_REVISION", "3")
    header, film = real_film(SHIPPED_FILM)
    model = ModelIdentity(
        name="osteoscreen-demo",
        version="0.4.0",
        digest="dc71f999785e31837acfc97c0deed4108c2de9d1fb85bb9b60b1820fb830a479",
        intended_use=IntendedUse.DEMONSTRATION,
        clinical=(
            "fitted on US adults of 50 and more (NHANES 2013-2014) for a femoral-neck T-score at "
            "or under -2.5"
        ),
    )
    decision = Decision(
        Finding.PRESENT,
        threshold=0.40959671697715827,
        score=0.948828460600821,
        score_kind=ScoreKind.COMBINED,
        band=(0.3, 0.5),
        already_reported=True,
        prior=PriorComparison(months=12, reported=True, score=0.65),
        policy="c70bc00c79abbaecee17dc4da7b94ee35338d424514d170437f202e5909ffe54",
        rule="default",
    )
    probability = Probability(0.9226265474373654, 0.18468751727624338, 0.948828460600821)
    notes = (AdmissionNote.AGE_CONTRADICTED,)
    scored = ResultContext(
        header, film, Verdict(probability, decision, model, notes=notes), SETTINGS
    )
    route = Route("pacs", tuple(ResultKind), SendCondition.ALWAYS)
    uids = {
        result.kind: (result.content.SOPInstanceUID, result.content.SeriesInstanceUID)
        for result in build_results(scored, make_prediction(scored.size), [route])
    }
    assert uids == {
        ResultKind.REPORT: (
            "2.25.258540886155656297129522204950063954076",
            "2.25.230872750766453351991846722277336999508",
        ),
        ResultKind.HEATMAP: (
            "2.25.187285447288924508103038274956596244002",
            "2.25.59542776485220032871011952052626253719",
        ),
        ResultKind.TEXT: (
            "2.25.262160299905145041663799978890638191215",
            "2.25.256428213375730641013630438247366590003",
        ),
    }
    assert scored.tracking_uid == "2.25.123109913954950366263135991679084851427"


def test_inputs_that_are_equal_when_joined_give_different_uids() -> None:
    assert uid(UidKind.REPORT, "a|b", "c") != uid(UidKind.REPORT, "a", "b|c")
    assert uid(UidKind.REPORT, "ab", "c") != uid(UidKind.REPORT, "a", "bc")


def test_the_same_film_gives_the_same_bytes() -> None:
    """For the second attempt, the header of the film is read again."""
    first, second = make_context(), make_context()
    heatmaps = build_heatmap(first, make_prediction()), build_heatmap(second, make_prediction())
    reports = (
        build_report(first, FIELD, heatmaps[0]),
        build_report(second, FIELD, heatmaps[1]),
    )
    assert to_bytes(heatmaps[0]) == to_bytes(heatmaps[1])
    assert to_bytes(reports[0]) == to_bytes(reports[1])
    assert to_bytes(reports[0]) == to_bytes(reports[0])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(make_context(verdict=make_verdict(threshold=0.42)), id="threshold"),
        pytest.param(make_context(verdict=make_verdict(Finding.ABSENT)), id="finding"),
        pytest.param(
            make_context(verdict=make_verdict(model=replace(MODEL, digest="aa" * 32))), id="bundle"
        ),
        pytest.param(
            make_context(
                verdict=make_verdict(model=replace(MODEL, intended_use=IntendedUse.RESEARCH))
            ),
            id="intended-use",
        ),
        pytest.param(make_context(settings=ResultSettings("0.2.0")), id="software"),
        pytest.param(
            replace(make_context(), film=replace(make_context().film, digest="00")), id="pixels"
        ),
        pytest.param(
            replace(make_context(), replaces=ResultReference("1.2", "1.3", "1.4")), id="predecessor"
        ),
    ],
)
def test_each_input_changes_the_uids(changed: ResultContext) -> None:
    first, second = (build_report(context, FIELD, None) for context in (make_context(), changed))
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID != second.SeriesInstanceUID


def test_heatmap_and_outline_change_the_uid_of_the_report() -> None:
    context = make_context()
    heatmap = build_heatmap(context, make_prediction())
    reports = [
        build_report(context, FIELD, heatmap),
        build_report(context, FIELD, None),
        build_report(context, FieldOfView(0, 0, 100, 100), None),
    ]
    assert len({report.SOPInstanceUID for report in reports}) == 3


def test_each_bundle_has_a_device_uid() -> None:
    """IHE AI Results identifies models by their Device UID."""
    assert device_uid("a" * 64) != device_uid("b" * 64)


def test_the_tracking_uid_does_not_depend_on_the_threshold() -> None:
    assert (
        make_context(verdict=make_verdict(threshold=0.6)).tracking_uid
        == make_context().tracking_uid
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"series_number_report": 0},
        {"series_number_heatmap": 2**31},
        {"heatmap_max_side": 10},
        {"software_version": ""},
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, int | str]) -> None:
    with pytest.raises(ValueError, match=r"is from 1|at least|must not be empty"):
        replace(SETTINGS, **settings)  # type: ignore[arg-type]
