"""Accuracy of findings against bone densitometry: rates, intervals and net benefit."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """The share `hits` / `of` of patients, with Wilson's 95 % interval (JASA 1927;22:209-212)."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share from 0 to 1, or None without patients."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval, which is 0 to 1 without patients."""
        if not self.of:
            return 0.0, 1.0
        p, n, z = self.hits / self.of, self.of, _Z * _Z
        middle = p + z / (2 * n)
        half = _Z * math.sqrt(p * (1 - p) / n + z / (4 * n * n))
        scale = 1 + z / n
        # If the share is 0 or 1, rounding could move the share out of the interval.
        low = (middle - half) / scale if self.hits else 0.0
        return low, (middle + half) / scale if self.hits < n else 1.0


@dataclass(frozen=True, slots=True)
class ComparedFinding:
    """The finding of a patient's film, None if undetermined, and the result of densitometry."""

    suspected: bool | None
    threshold: float
    osteoporosis: bool


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The accuracy of findings; undetermined findings count as negative."""

    patients: int
    undetermined: int
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share
    net_benefit: float | None


def accuracy(findings: Iterable[ComparedFinding]) -> Accuracy:
    """Return the accuracy of findings, one per patient.

    Net benefit (Vickers and Elkin, Med Decis Making 2006;26:565-574) weighs each false positive by
    the odds of its own threshold, because overrides use different thresholds.
    """
    patients = list(findings)
    counts = Counter((patient.osteoporosis, bool(patient.suspected)) for patient in patients)
    tp, fn = counts[True, True], counts[True, False]
    fp, tn = counts[False, True], counts[False, False]
    harm = sum(
        patient.threshold / (1 - patient.threshold)
        for patient in patients
        if patient.suspected and not patient.osteoporosis and patient.threshold < 1
    )
    return Accuracy(
        patients=len(patients),
        undetermined=sum(patient.suspected is None for patient in patients),
        sensitivity=Share(tp, tp + fn),
        specificity=Share(tn, tn + fp),
        ppv=Share(tp, tp + fp),
        npv=Share(tn, tn + fn),
        net_benefit=(tp - harm) / len(patients) if patients else None,
    )
