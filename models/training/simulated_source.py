"""Batches of simulated films, rendered during the training."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.nets.grid import FilmNet
from models.simulate.subject import SimulatedSubject
from models.training.manifest_source import Films, logits
from models.training.simulated_batches import (
    CALIBRATE,
    TRAIN,
    Batch,
    Float,
    Maps,
    Pair,
    render_films,
    sample_subjects,
    twin_batch,
    twin_pair,
)

CALIBRATION_FILMS = 480


@dataclass(frozen=True)
class SimulatedSource:
    """Twins of the training variants, and held-out films for the validation.

    At 192 px, rendering a film takes half as long as a training step on this film. Therefore only
    one batch in ``echo`` is new; the others repeat some of the last ``window`` pairs (data echoing,
    Choi et al., 2019). To save time, a validation uses only ``validation_films`` films.
    """

    maps: Maps
    seed: int
    held_out: Films
    pairs: int = 4
    echo: int = 3
    window: int = 2000
    validation_films: int = 160
    cache: OrderedDict[int, Pair] = field(default_factory=OrderedDict, repr=False, compare=False)

    def batch(self, number: int, size: int) -> Batch:
        """Return pairs of films that differ only in density."""
        fresh, again = divmod(number, self.echo)
        end = (fresh + 1) * self.pairs
        chosen = range(end - self.pairs, end)
        if again:
            rng = np.random.default_rng([43, self.seed, number])
            chosen = rng.integers(max(0, end - self.window), end, self.pairs).tolist()
        return twin_batch([self._pair(index, size) for index in chosen])

    def _pair(self, number: int, size: int) -> Pair:
        if number not in self.cache:
            seed = self.seed * 1_000_000_007 + number
            self.cache[number] = twin_pair(self.maps, TRAIN, seed, size)
            if len(self.cache) > self.window:
                self.cache.popitem(last=False)
        return self.cache[number]

    def validate(self, net: FilmNet) -> tuple[Float, Float]:
        """Return logits and labels of the validation films."""
        films = self.held_out.select(slice(self.validation_films))
        return logits(net, films), films.label


def render_calibration_films(maps: Maps, size: int) -> Films:
    """Return films of the variants reserved for calibration."""
    return render_labelled(maps, sample_subjects(CALIBRATE, CALIBRATION_FILMS), size)


def render_labelled(maps: Maps, patients: Sequence[SimulatedSubject], size: int) -> Films:
    """Return the patients' films with labels and T-scores."""
    return Films(
        pixels=render_films(maps, patients, size),
        label=np.array([patient.label for patient in patients], np.float32),
        t_score=np.array([patient.t_score for patient in patients], np.float32),
    )
