"""Training on simulated films, rendered while the net trains."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from models.bundle.card import Figure, IntendedUse, Training
from models.bundle.score import Bundle
from models.calibration.platt import area
from models.images.dicom import Radiograph
from models.nets.grid import FilmNet, GridNet
from models.simulate.anatomy import ATTRIBUTION
from models.simulate.cohort import Subject, render, twin
from models.training.build_bundle import Carried, HeldOut, Origin, release
from models.training.manifest_source import Films, logits
from models.training.simulated_batches import (
    CALIBRATE,
    TEST,
    TRAIN,
    Batch,
    Float,
    Maps,
    Pair,
    render_films,
    subjects,
    twin_batch,
    twin_pair,
)

CALIBRATION_FILMS = 480
TEST_FILMS = 640

_GOLDEN_FROM = 24
"""Golden films are the test patients of lowest, middle and highest density among this many."""

SIMULATED = Origin(
    name="osteoscreen-demo",
    version="0.4.0",
    intended_use=IntendedUse.DEMONSTRATION,
    summary=(
        "Grid hybrid net (ResNet-18 over 6 x 6 blocks, Transformer over the blocks) trained on "
        "simulated chest films of known bone density."
    ),
    limits=(
        "Demonstration only: not for patients, not for research on patients.",
        "Trained and tested on simulated films alone, all made from ONE person's chest CT; "
        "held-out variants of that CT do not test new anatomy.",
        "No accuracy on real films is known or claimed: no film with a bone density was available.",
        "The simulated label is a T-score with noise, not a densitometer's reading of a person.",
        "Frontal chest films of adults only; the score of any other picture means nothing.",
    ),
    output="Calibrated probability of osteoporosis in the simulated cohort (37 % have it).",
    data=(
        "simulated, a third of them new and the others shown again, half of them twins of the "
        "other half at another density, "
        f"from {len(TRAIN.variants)} variants of one chest CT"
    ),
    label="simulated lumbar-spine T-score at or under -2.5, with measurement noise",
    validation=f"simulated, {len(CALIBRATE.variants)} variants of the CT kept for calibration",
    attribution=(ATTRIBUTION,),
)


@dataclass(frozen=True)
class Rendered:
    """Twins of the training variants; validation on films that no batch holds.

    At 192 px rendering a film costs half as much as learning from it: one batch in ``echo`` is new,
    the others hold pairs out of the last ``window`` (data echoing, D. Choi et al., 2019). Only the
    first ``watched`` films held out are looked at while the net trains: looks cost time.
    """

    maps: Maps
    seed: int
    held_out: Films
    pairs: int = 4
    echo: int = 3
    window: int = 2000
    watched: int = 160
    kept: OrderedDict[int, Pair] = field(default_factory=OrderedDict, repr=False, compare=False)

    def batch(self, number: int, size: int) -> Batch:
        """Pairs of films that differ in density alone."""
        fresh, again = divmod(number, self.echo)
        end = (fresh + 1) * self.pairs
        chosen = range(end - self.pairs, end)
        if again:
            rng = np.random.default_rng([43, self.seed, number])
            chosen = rng.integers(max(0, end - self.window), end, self.pairs).tolist()
        return twin_batch([self._pair(one, size) for one in chosen])

    def _pair(self, number: int, size: int) -> Pair:
        if number not in self.kept:
            seed = self.seed * 1_000_000_007 + number
            self.kept[number] = twin_pair(self.maps, TRAIN, seed, size)
            if len(self.kept) > self.window:
                self.kept.popitem(last=False)
        return self.kept[number]

    def validate(self, net: FilmNet) -> tuple[Float, Float]:
        """Logits and labels of the films looked at."""
        some = self.held_out.part(0, self.watched)
        return logits(net, some), some.label


def kept_for_calibration(maps: Maps, size: int) -> Films:
    """Films of variants that no batch holds."""
    return _films(maps, subjects(CALIBRATE, CALIBRATION_FILMS), size)


def release_rendered(
    path: Path, net: GridNet, films: Rendered, training: Training, start: Bundle | None
) -> Bundle:
    """Calibrate on the films held out, measure on another set of variants, write the bundle.

    The clinical model of ``start`` goes along. Rendered films have no patients whose facts it could
    be combined with: ``recalibrate`` does that on a cohort.
    """
    said, label = logits(net, films.held_out), films.held_out.label
    clinical = start.clinical if start else None
    carried = None if clinical is None else Carried(clinical, np.full(len(label), np.nan))
    golden = _golden(films.maps, net.config.size)
    figures, card = _figures(net, films.maps), (SIMULATED, training)
    return release(path, net, HeldOut(said, label, carried), figures, golden, card)


def _figures(net: GridNet, maps: Maps) -> tuple[Figure, ...]:
    """AUC on held-out variants, and the same with density switched off, which must be chance."""
    patients = subjects(TEST, TEST_FILMS)
    source = f"simulated, {len(TEST.variants)} variants of the CT seen nowhere else"
    off = [replace(twin(one, -2.0), label=one.label) for one in patients[: TEST_FILMS // 2]]
    found = []
    for name, where, people in (
        ("held out", source, patients),
        ("density switched off", f"{source}; everyone at T -2, labels kept", off),
    ):
        films = _films(maps, people, net.config.size)
        found.append(area(name, logits(net, films), films.label, where))
    return tuple(found)


def _films(maps: Maps, patients: Sequence[Subject], size: int) -> Films:
    return Films(
        pixels=render_films(maps, patients, size),
        label=np.array([one.label for one in patients], np.float32),
        t_score=np.array([one.t_score for one in patients], np.float32),
    )


def _golden(maps: Maps, size: int) -> dict[str, Radiograph]:
    """Three films to keep, by file name."""
    ranked = sorted(subjects(TEST, _GOLDEN_FROM), key=lambda one: one.t_score)
    chosen = {"low": ranked[0], "middle": ranked[len(ranked) // 2], "high": ranked[-1]}
    return {
        f"simulated-{name}-density.png": Radiograph(
            render(maps[one.variant].astype(np.float32), one, size)[0]
        )
        for name, one in chosen.items()
    }
