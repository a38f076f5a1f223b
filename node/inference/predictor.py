"""The bundle behind the `Predictor` port: the only place where the node meets torch."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from models.bundle import score as scoring
from models.bundle import store
from models.bundle.combined import combine
from models.clinical.model import ClinicalFacts, sigmoid
from models.gate.image_findings import ImageFindings
from models.images.radiograph import Radiograph
from node.domain.decision.prediction import ModelIdentity, Prediction, Probability
from node.domain.decision.thresholds import Thresholds
from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.radiograph.film import Film
from node.domain.radiograph.pixels import Case
from node.inference.decoder import decode
from node.inference.decoder_pool import Decode
from node.inference.operating_points import Points, folder_of


class BundlePredictor:
    """Implements `node.ports.Predictor` with a bundle of `models`."""

    def __init__(
        self, bundle: scoring.Bundle, decoder: Decode = decode, section: str = "model"
    ) -> None:
        self._bundle = bundle
        self._decode = decoder
        self._section = section

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        card = self._bundle.card
        return ModelIdentity(
            name=card.name,
            version=card.version,
            digest=card.digest.removeprefix("sha256:"),
            intended_use=card.intended_use,
            clinical=self._bundle.clinical.about if self._bundle.clinical else "",
        )

    def threshold(self, named: str | float, key: str = "policy.threshold") -> Thresholds:
        """Return what a configured threshold stands for, as `Points.threshold` does."""
        card = self._bundle.card
        combined = None if card.combined is None else card.combined.operating_points
        return Points(card.operating_points, combined).threshold(named, key)

    def decode(self, path: Path) -> Radiograph:
        """Read a film's pixels; raise Rejected for what cannot be scored."""
        return self._decode(path)

    @property
    def looks(self) -> bool:
        """Whether the bundle has a gate."""
        return self._bundle.gate is not None

    def look(self, films: Sequence[Radiograph]) -> list[ImageFindings]:
        """Return what each film shows by the bundle's gate, in order; nothing without one."""
        gate = self._bundle.gate
        if gate is None:
            return []
        with self._memory():
            return [findings.rounded() for findings in gate.look(films)]

    @contextmanager
    def _memory(self) -> Iterator[None]:
        """Say of a full device what helps."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            key = f"{self._section}.batch"
            raise Transient(f"the device has no memory left; lower {key}") from error

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score a batch of films, in order; a missing fact costs the clinical score alone."""
        with self._memory():
            scores = scoring.score(self._bundle, [case.shown for case in cases])
        return [
            _prediction(case.shown, score, self._probability(case.film, score))
            for case, score in zip(cases, scores, strict=True)
        ]

    def _probability(self, film: Film, score: scoring.Score) -> Probability:
        clinical = self._bundle.clinical
        facts = ClinicalFacts(film.age_years, film.sex, film.weight_kg, film.height_cm)
        logit = clinical.logit(facts) if clinical else None
        return Probability(
            image=score.probability,
            clinical=None if logit is None else sigmoid(logit),
            combined=combine(self._bundle.card.combined, score.logit, logit),
        )


def load(
    bundle: str, device: str, threads: int, decoder: Decode = decode, section: str = "model"
) -> BundlePredictor:
    """Load and verify a bundle; raise Misconfigured, by the configuration's `section`, where it
    cannot be used.
    """
    if threads:
        torch.set_num_threads(threads)
    return BundlePredictor(open_bundle(bundle, device, section), decoder, section)


def open_bundle(bundle: str, device: str, section: str = "model") -> scoring.Bundle:
    """Load and verify a shipped bundle by its name, or any by its folder."""
    try:
        return store.load_bundle(folder_of(bundle), _device(device, section))
    except store.BundleError as error:
        raise Misconfigured(f"{section}.bundle: {error}") from error


def _device(wanted: str, section: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise Misconfigured(f"{section}.device: {wanted}: torch finds no GPU here; set auto or cpu")
    return wanted


def _prediction(shown: Radiograph, score: scoring.Score, probability: Probability) -> Prediction:
    if not (math.isfinite(score.probability) and np.isfinite(score.heat.values).all()):
        raise Permanent("the model gave no finite score for this film")
    grey = np.clip(shown.pixels, 0.0, 1.0)
    grey *= 255  # in place: a large film has a hundred million pixels
    return Prediction(probability, score.heat, np.rint(grey, out=grey).astype(np.uint8))
