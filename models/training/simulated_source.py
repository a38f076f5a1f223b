"""Training on simulated films, rendered while the net trains."""

from __future__ import annotations

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
    subjects,
    twin_batch,
    twin_pair,
)

CALIBRATION_FILMS = 480


@dataclass(frozen=True)
class SimulatedSource:
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


def _films(maps: Maps, patients: Sequence[SimulatedSubject], size: int) -> Films:
    return Films(
        pixels=render_films(maps, patients, size),
        label=np.array([one.label for one in patients], np.float32),
        t_score=np.array([one.t_score for one in patients], np.float32),
    )
