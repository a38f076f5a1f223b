"""Accuracy of findings against bone densitometry: rates, intervals and net benefit."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of` patients, with Wilson's 95 % score interval (JASA 1927;22:209-212)."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None without patients."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """The interval; 0 to 1 without patients."""
        if not self.of:
            return 0.0, 1.0
        p, n, z = self.hits / self.of, self.of, _Z * _Z
        middle = p + z / (2 * n)
        half = _Z * math.sqrt(p * (1 - p) / n + z / (4 * n * n))
        scale = 1 + z / n
        # At 0 and 1, rounding could leave the share outside its interval.
        low = (middle - half) / scale if self.hits else 0.0
        return low, (middle + half) / scale if self.hits < n else 1.0


@dataclass(frozen=True, slots=True)
class ComparedFinding:
    """The finding of a patient's film, its threshold, and the result of densitometry.

    `suspected` is None if the finding is undetermined.
    """

    suspected: bool | None
    threshold: float
    osteoporosis: bool


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy over patients. An undetermined finding counts as negative."""

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
    the odds of its own threshold, because overrides use different thresholds. A false positive at a
    threshold of 1, which has no odds, has the weight 0.
    """
    patients = undetermined = tp = fn = fp = tn = 0
    harm = 0.0
    for finding in findings:
        patients += 1
        undetermined += finding.suspected is None
        if finding.osteoporosis:
            tp += bool(finding.suspected)
            fn += not finding.suspected
        elif finding.suspected:
            fp += 1
            odds = finding.threshold / (1 - finding.threshold) if finding.threshold < 1 else 0.0
            harm += odds
        else:
            tn += 1
    return Accuracy(
        patients=patients,
        undetermined=undetermined,
        sensitivity=Share(tp, tp + fn),
        specificity=Share(tn, tn + fp),
        ppv=Share(tp, tp + fp),
        npv=Share(tn, tn + fn),
        net_benefit=(tp - harm) / patients if patients else None,
    )
