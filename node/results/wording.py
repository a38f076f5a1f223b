"""What results say in words, in the report's comment and on the heatmap alike.

The sentences are written for the radiologist who reads them cold, between two other films.
"""

from node.domain.prediction import Decision, Finding, IntendedUse, Used, Verdict
from node.results.envelope import PRODUCT, fit

NOT_FOR_DIAGNOSIS = "RESEARCH USE ONLY - NOT FOR DIAGNOSIS"
SIMULATED = (
    "Demonstration model: it was trained on simulated films, has no known clinical accuracy, "
    "and must not be used for diagnosis."
)
SIMULATED_SHORT = "Demonstration model: trained on simulated films, no known clinical accuracy"
_SCORED_BY = {
    Used.IMAGE: "the image alone",
    Used.CLINICAL: "clinical facts alone",
    Used.COMBINED: "the image combined with clinical facts from the film's header",
}
_CLINICAL_APART = (
    "it is a chance of its own, not comparable with the score above, and no decision rests on it."
)
_CLINICAL_PART = "by itself it is not comparable with the image's score, and decides nothing."
_FINEST_DIGITS = 12  # what a Decimal String (DS) has room for
_MAX_REASON = 1024


def banner(use: IntendedUse) -> str:
    """Return the line that must be seen first; empty for a cleared model."""
    return "" if use is IntendedUse.CLEARED else NOT_FOR_DIAGNOSIS


def percentages(decision: Decision) -> tuple[float, float]:
    """Return score and threshold in percent, with as many digits as it takes to tell them apart.

    Rounded to 0.1 %, a score just below its threshold would read as one that reaches it.
    Raises ValueError for a decision without a score.
    """
    if decision.score is None:
        raise ValueError("an undetermined decision has no score")
    score, threshold = decision.score * 100, decision.threshold * 100
    for digits in range(1, _FINEST_DIGITS):
        shown = round(score, digits), round(threshold, digits)
        if (shown[0] >= shown[1]) is decision.flagged:
            return shown
    return round(score, _FINEST_DIGITS), round(threshold, _FINEST_DIGITS)


def comment(verdict: Verdict) -> str:
    """Return the report's comment: intended use, the result in words, and what was missing."""
    parts = [_intended_use(verdict.model.intended_use), *_result(verdict)]
    return " ".join(part for part in parts if part)


def headline(decision: Decision) -> str:
    """Return the result in a few words, for the heatmap."""
    if decision.finding is Finding.PRESENT:
        return "Osteoporosis suspected: score at or above threshold"
    return "Osteoporosis not suspected: score below threshold"


def model_line(verdict: Verdict, software_version: str) -> str:
    """Return who made this: product, model and the first digits of its bundle's digest."""
    model = verdict.model
    made_by = f"{PRODUCT} {software_version}, model {model.name} {model.version}"
    return fit(f"{made_by} (bundle {model.digest[:12]})", 160)


def _intended_use(use: IntendedUse) -> str:
    if use is IntendedUse.DEMONSTRATION:
        return f"{NOT_FOR_DIAGNOSIS}. {SIMULATED}"
    if use is IntendedUse.RESEARCH:
        return f"{NOT_FOR_DIAGNOSIS}. The model is under study and not cleared for clinical use."
    return ""


def _result(verdict: Verdict) -> list[str]:
    decision = verdict.decision
    if decision.finding is Finding.UNDETERMINED or decision.used is None:
        reason = fit(decision.reason, _MAX_REASON).rstrip(".") or "the model gave no score"
        return [
            f"Result: undetermined, no score: {reason}.",
            "This says nothing about bone density.",
        ]
    score, threshold = percentages(decision)
    if decision.flagged:
        sentences = [
            f"Result: osteoporosis suspected. The score of {score} % reaches the decision "
            f"threshold of {threshold} %.",
            "The score is no measurement of bone density; DXA confirms or refutes it.",
        ]
    else:
        sentences = [
            f"Result: osteoporosis not suspected. The score of {score} % is below the decision "
            f"threshold of {threshold} %.",
            "This does not exclude osteoporosis.",
        ]
    return [*sentences, _basis(verdict, decision.used), _clinical(verdict, decision.used)]


def _basis(verdict: Verdict, used: Used) -> str:
    basis = f"The score rests on {_SCORED_BY[used]}"
    if used is Used.IMAGE and verdict.probability.clinical is None:
        return f"{basis}; no clinical score was at hand, which takes age, sex, height and weight."
    return f"{basis}."


def _clinical(verdict: Verdict, used: Used) -> str:
    """Return the clinical score and where it comes from; of a combined one, the image's too."""
    probability, about = verdict.probability, verdict.model.clinical
    if probability.clinical is None or not about or used is Used.CLINICAL:
        return ""
    percent, source = round(probability.clinical * 100, 1), fit(about, _MAX_REASON)
    told = f"Clinical score from age, sex, weight and height: {percent} %, by a model {source}; "
    if used is Used.IMAGE:
        return told + _CLINICAL_APART
    if probability.image is None:
        return ""
    return f"Image alone: {round(probability.image * 100, 1)} %. {told}{_CLINICAL_PART}"
