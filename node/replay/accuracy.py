"""How well findings agree with bone densitometry: rates, their intervals, and net benefit."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with Wilson's 95 % score interval (JASA 1927;22:209-212)."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its interval; of nothing, 0 to 1."""
        if not self.of:
            return 0.0, 1.0
        p, n, z = self.hits / self.of, self.of, _Z * _Z
        middle = p + z / (2 * n)
        half = _Z * math.sqrt(p * (1 - p) / n + z / (4 * n * n))
        scale = 1 + z / n
        # Exact at the ends, where rounding could leave the share outside.
        low = (middle - half) / scale if self.hits else 0.0
        return low, (middle + half) / scale if self.hits < n else 1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One patient: what the film said by which threshold, and what densitometry found.

    `suspected` is None where the finding was left open.
    """

    suspected: bool | None
    threshold: float
    osteoporosis: bool


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What findings were worth, over patients. An open finding counts as one that was not made."""

    patients: int
    undetermined: int
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share
    net_benefit: float | None


def accuracy(judged: Iterable[Judged]) -> Accuracy:
    """Return how findings agree with densitometry.

    Net benefit (Vickers and Elkin, Med Decis Making 2006;26:565-574) weighs each false alarm by the
    odds of the threshold that it passed, since overrides hold films to different ones. A threshold
    of 1 has no odds; what passes it counts as certain, and weighs nothing.
    """
    patients = open_ = hit = missed = alarm = spared = 0
    harm = 0.0
    for one in judged:
        patients += 1
        open_ += one.suspected is None
        if one.osteoporosis:
            hit += bool(one.suspected)
            missed += not one.suspected
        elif one.suspected:
            alarm += 1
            harm += one.threshold / (1 - one.threshold) if one.threshold < 1 else 0.0
        else:
            spared += 1
    return Accuracy(
        patients=patients,
        undetermined=open_,
        sensitivity=Share(hit, hit + missed),
        specificity=Share(spared, spared + alarm),
        ppv=Share(hit, hit + alarm),
        npv=Share(spared, spared + missed),
        net_benefit=(hit - harm) / patients if patients else None,
    )
