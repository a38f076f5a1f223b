"""The `Predictor` of a bundle; no other module of the node imports torch."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from models.bundle import score as scoring
from models.bundle import store
from models.bundle.combined import combined_probability
from models.clinical.model import ClinicalFacts, sigmoid
from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.decision.prediction import ModelIdentity, Prediction, Probability
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.radiograph.case import Case
from node.domain.radiograph.film import Film
from node.inference.card_summary import CardSummary, bundle_folder
from node.inference.decoder import decode
from node.inference.decoder_pool import Decode


class BundlePredictor:
    """A `node.ports.Predictor` with a bundle; errors name the `section` of the configuration."""

    def __init__(
        self, bundle: scoring.Bundle, decoder: Decode = decode, section: str = "model"
    ) -> None:
        self._bundle = bundle
        self._decode = decoder
        self._section = section

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, digest and intended use of the bundle."""
        card = self._bundle.card
        return ModelIdentity(
            name=card.name,
            version=card.version,
            digest=card.digest.removeprefix("sha256:"),
            intended_use=card.intended_use,
            clinical=self._bundle.clinical.about if self._bundle.clinical else "",
        )

    @property
    def has_gate(self) -> bool:
        """Whether the bundle has a gate."""
        return self._bundle.gate is not None

    def thresholds(self, setting: str | float, key: str = "policy.threshold") -> Thresholds:
        """Return the thresholds for a setting, as `CardSummary.thresholds` does."""
        card = self._bundle.card
        combined = None if card.combined is None else card.combined.operating_points
        return CardSummary(card.operating_points, combined).thresholds(setting, key)

    def decode(self, path: Path) -> Radiograph:
        """Return a film's pixels; raise Rejected if the pixels cannot be scored."""
        return self._decode(path)

    def check_images(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
        """Return the gate's findings for each film, in order, or [] without a gate."""
        gate = self._bundle.gate
        if gate is None:
            return []
        with self._memory_errors():
            return [findings.rounded() for findings in gate.check(films)]

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score a batch of films, in order; a clinical score needs age, sex, weight and height."""
        with self._memory_errors():
            scores = scoring.score(self._bundle, [case.radiograph for case in cases])
        return [
            _prediction(case.radiograph, score, self._probability(case.film, score))
            for case, score in zip(cases, scores, strict=True)
        ]

    @contextmanager
    def _memory_errors(self) -> Iterator[None]:
        """Map a lack of device memory to a Transient error that names the setting to change."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise Transient(f"the device is out of memory; lower {self._section}.batch") from error

    def _probability(self, film: Film, score: scoring.Score) -> Probability:
        clinical = self._bundle.clinical
        facts = ClinicalFacts(film.age_years, film.sex, film.weight_kg, film.height_cm)
        logit = clinical.logit(facts) if clinical else None
        return Probability(
            image=score.probability,
            clinical=None if logit is None else sigmoid(logit),
            combined=combined_probability(self._bundle.card.combined, score.logit, logit),
        )


def load(
    bundle: str, device: str, threads: int, decoder: Decode = decode, section: str = "model"
) -> BundlePredictor:
    """Load and verify a bundle as `open_bundle` does; limit torch's threads if `threads` is set."""
    if threads:
        torch.set_num_threads(threads)
    return BundlePredictor(open_bundle(bundle, device, section), decoder, section)


def open_bundle(bundle: str, device: str, section: str = "model") -> scoring.Bundle:
    """Load and verify a bundle, given by name or folder; raise Misconfigured on failure."""
    try:
        return store.load_bundle(bundle_folder(bundle), _device(device, section))
    except store.BundleError as error:
        raise Misconfigured(f"{section}.bundle: {error}") from error


def _device(device: str, section: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Misconfigured(f"{section}.device: {device}: torch finds no GPU; set auto or cpu")
    return device


def _prediction(
    radiograph: Radiograph, score: scoring.Score, probability: Probability
) -> Prediction:
    if not (math.isfinite(score.probability) and np.isfinite(score.heat.values).all()):
        raise Permanent("the model gave no finite score for this film")
    grey = np.clip(radiograph.pixels, 0.0, 1.0)
    grey *= 255  # in place, because a large film has a hundred million pixels
    return Prediction(probability, score.heat, np.rint(grey, out=grey).astype(np.uint8))
