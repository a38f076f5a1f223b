"""The pipeline checks, scores and decides on films, and an error affects a single film."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from models.gate.image_findings import ImageFindings
from models.images.radiograph import FieldOfView, Heat, Radiograph
from node.domain.admission.header_rules import AdmissionPolicy, Admitted, PixelRule, Refused
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import ModelIdentity, Prediction, Probability
from node.domain.decision.prior_studies import PriorStudies
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.errors import Permanent, Transient
from node.domain.radiograph.case import Case
from node.domain.radiograph.film import Film
from node.inference.pipeline import PipelineFilm, PipelineResult, ScoredFilm, ScoringPipeline
from tests.support.policies import make_admission_policy

FRONTAL = ImageFindings(1.0, 0.0, 0.0, 0, 1.0, 0.0, 0.5)
WITH_GATE = make_admission_policy(pixels=PixelRule.OVERRULE)
POLICY = DecisionPolicy(Rule(Thresholds.uniform(0.5)))


@dataclass
class MeanPredictor:
    """A predictor whose score is the mean grey of a film; it fails for the mean `faulty`."""

    identity: ModelIdentity | None = None
    has_gate: bool = True
    faulty: float = -1.0
    findings: dict[float, ImageFindings] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    def decode(self, path: Path) -> Radiograph:
        """Do nothing, because the films of these tests are already decoded."""
        raise NotImplementedError

    def check_images(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
        """Return the test's findings for each mean grey; other films are frontal chests."""
        return [self.findings.get(round(float(film.pixels.mean()), 3), FRONTAL) for film in films]

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score the films; raise Permanent if one of them is faulty."""
        self.batches.append(len(cases))
        means = [round(float(case.radiograph.pixels.mean()), 3) for case in cases]
        if self.faulty in means:
            raise Permanent("faulty film")
        heat = Heat(np.zeros((2, 2), np.float32), FieldOfView(0, 0, 2, 2))
        grey = np.zeros((2, 2), np.uint8)
        return [Prediction(Probability(image=mean), heat, grey) for mean in means]


def film(mean: float, *, inverted: bool = False) -> PipelineFilm:
    """Return a film of even grey."""
    header = Film("1.2", "1", "1", "1", "1", "d", 1)
    pixels = np.full((2, 2), 1 - mean if inverted else mean, np.float32)
    return PipelineFilm(Case(header, Radiograph(pixels)), Admitted())


def run(
    predictor: MeanPredictor,
    films: dict[str, PipelineFilm],
    policy: AdmissionPolicy | None = WITH_GATE,
) -> dict[str, PipelineResult]:
    return dict(ScoringPipeline(predictor, policy, POLICY).run(list(films.items())))


def test_a_film_is_checked_scored_and_decided_on() -> None:
    result = run(MeanPredictor(), {"high": film(0.75), "low": film(0.25)})
    outcomes = [result[name].outcome for name in ("high", "low")]
    assert [outcome.decision.flagged for outcome in outcomes] == [True, False]  # type: ignore[union-attr]
    assert result["high"].image_findings == FRONTAL
    assert set(result["high"].seconds) == {"gate", "predict"}


def test_refused_films_come_first_and_are_not_scored() -> None:
    lateral = ImageFindings(0.0, 1.0, 0.0, 0, 1.0, 0.0, 0.5)
    predictor = MeanPredictor(findings={0.25: lateral})
    films = {"chest": film(0.75), "lateral": film(0.25)}
    results = list(ScoringPipeline(predictor, WITH_GATE, POLICY).run(list(films.items())))
    assert [name for name, _ in results] == ["lateral", "chest"]
    refused = results[0][1]
    assert isinstance(refused.outcome, Refused)
    assert (refused.outcome.reason, refused.image_findings) == (Reason.VIEW, lateral)
    assert predictor.batches == [1]


def test_an_inverted_film_is_corrected_before_it_is_scored() -> None:
    inverted = ImageFindings(1.0, 0.0, 0.0, 0, 1.0, 1.0, 0.5)
    predictor = MeanPredictor(findings={0.25: inverted})
    result = run(predictor, {"film": film(0.75, inverted=True)})["film"]
    assert isinstance(result.outcome, ScoredFilm)
    assert result.outcome.prediction.probability.image == 0.75
    assert result.notes == (AdmissionNote.INVERTED,)


@pytest.mark.parametrize(
    ("predictor", "policy"),
    [
        (MeanPredictor(has_gate=False), WITH_GATE),
        (MeanPredictor(), None),
        (MeanPredictor(), make_admission_policy(pixels=PixelRule.OFF)),
    ],
)
def test_without_a_gate_or_its_policy_no_image_is_checked(
    predictor: MeanPredictor, policy: AdmissionPolicy | None
) -> None:
    result = run(predictor, {"film": film(0.75)}, policy)["film"]
    assert isinstance(result.outcome, ScoredFilm)
    assert result.image_findings is None
    assert set(result.seconds) == {"predict"}


def test_a_faulty_film_fails_alone() -> None:
    """The films of the faulty film's batch are scored one by one."""
    predictor = MeanPredictor(faulty=0.5)
    result = run(predictor, {"a": film(0.75), "faulty": film(0.5), "b": film(0.25)})
    assert str(result["faulty"].outcome) == "faulty film"
    assert isinstance(result["a"].outcome, ScoredFilm)
    assert isinstance(result["b"].outcome, ScoredFilm)
    assert predictor.batches == [3, 1, 1, 1]


def test_prior_studies_are_read_when_the_result_is_requested() -> None:
    """The prior studies include films of the same batch that were recorded before."""
    recorded: list[str] = []

    def prior_studies() -> PriorStudies:
        assert recorded == ["first"]
        raise Transient("the database is locked")

    second = film(0.25)
    films = [
        ("first", film(0.75)),
        ("second", PipelineFilm(second.case, Admitted(), prior_studies=prior_studies)),
    ]
    for name, result in ScoringPipeline(MeanPredictor(), WITH_GATE, POLICY).run(films):
        recorded.append(name)
        last = result
    assert str(last.outcome) == "the database is locked"


def test_without_films_nothing_runs() -> None:
    predictor = MeanPredictor()
    assert run(predictor, {}) == {}
    assert predictor.batches == []
