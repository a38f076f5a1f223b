"""The texts of one result: a language's phrases, filled in with what was found."""

from collections.abc import Iterator

from models.bundle.intended_use import IntendedUse
from node.domain.decision.decide import NO_SCORE
from node.domain.decision.prediction import Decision, Finding, ScoreKind, Verdict
from node.domain.workflow.delivery import ResultKind
from node.results.common_modules import PRODUCT, fit
from node.results.translations.phrases import Phrases

_FINEST_DIGITS = 12  # what a Decimal String (DS) has room for
_MAX_REASON = 1024


def banner(use: IntendedUse, words: Phrases) -> str:
    """Return the line that must be seen first; empty for a cleared model."""
    return "" if use is IntendedUse.CLEARED else words.not_for_diagnosis


def percentages(decision: Decision) -> tuple[float, float]:
    """Return score and threshold in percent, with as many digits as it takes to tell them apart.

    Rounded to 0.1 %, a score just below its threshold would read as one that reaches it.
    Raises ValueError for a decision without a score.
    """
    if decision.score is None:
        raise ValueError("the decision has no score")
    score, threshold = decision.score * 100, decision.threshold * 100
    reaches = decision.score >= decision.threshold
    for digits in range(1, _FINEST_DIGITS):
        shown = round(score, digits), round(threshold, digits)
        if (shown[0] >= shown[1]) is reaches:
            return shown
    return round(score, _FINEST_DIGITS), round(threshold, _FINEST_DIGITS)


def comment(verdict: Verdict, words: Phrases) -> str:
    """Return the report's comment: intended use, the result in words, and what was missing."""
    parts = [*_intended_use(verdict.model.intended_use, words), *_result(verdict, words)]
    return words.between.join(part for part in parts if part)


def series_description(kind: ResultKind, use: IntendedUse, words: Phrases) -> str:
    """Return what a viewer lists a series by; what its score is not for begins early, since a
    list may show no more than twenty letters of it, as OHIF's does.
    """
    return words.series[use].format(product=PRODUCT, object=words.objects[kind])


def headline(decision: Decision, words: Phrases) -> str:
    """Return the result in a few words, for the heatmap."""
    match decision.finding:
        case Finding.PRESENT:
            return words.headline_known if decision.already_reported else words.headline_suspected
        case Finding.ABSENT:
            return words.headline_not_suspected
        case Finding.UNDETERMINED:
            return words.headline_too_close


def model_line(verdict: Verdict, software_version: str, words: Phrases) -> str:
    """Return who made this: product, model and the first digits of its bundle's digest."""
    model = verdict.model
    line = words.model.format(
        product=PRODUCT,
        software=software_version,
        name=model.name,
        version=model.version,
        digest=model.digest[:12],
    )
    return fit(line, 160)


def _intended_use(use: IntendedUse, words: Phrases) -> list[str]:
    if use is IntendedUse.CLEARED:
        return []
    about = words.demonstration if use is IntendedUse.DEMONSTRATION else words.research
    return [f"{words.not_for_diagnosis}{words.stop}", about]


def _result(verdict: Verdict, words: Phrases) -> list[str]:
    decision = verdict.decision
    if verdict.refusal_reason is not None:
        reason = words.refusals[verdict.refusal_reason]
        return [words.not_analysed.format(reason=reason), words.says_nothing]
    if decision.score is None or decision.score_kind is None:
        said = "" if decision.reason == NO_SCORE else fit(decision.reason, _MAX_REASON)
        reason = said.rstrip(".") or words.no_score
        return [words.undetermined.format(reason=reason), words.says_nothing]
    return [
        *_finding(decision, words),
        *_earlier(decision, words),
        _basis(verdict, decision.score_kind, words),
        _clinical(verdict, decision.score_kind, words),
        *(words.notes[note] for note in verdict.notes),
    ]


def _finding(decision: Decision, words: Phrases) -> tuple[str, str]:
    """Return what was found, and what that does not mean."""
    score, threshold = percentages(decision)
    match decision.finding:
        case Finding.PRESENT:
            return words.suspected.format(score=score, threshold=threshold), words.no_measurement
        case Finding.ABSENT:
            return words.not_suspected.format(score=score, threshold=threshold), words.not_excluded
        case Finding.UNDETERMINED:
            low, high = (round(end * 100, 1) for end in decision.band or (0.0, 1.0))
            told = words.too_close.format(score=score, threshold=threshold, low=low, high=high)
            return told, words.neither


def _earlier(decision: Decision, words: Phrases) -> Iterator[str]:
    """Yield what the patient's earlier films have shown, and how far the score has moved.

    No day and no film is named: the archive knows them, and the report goes beyond it.
    """
    prior = decision.prior
    if prior is None or decision.score is None:
        return
    if prior.reported:
        told = words.known if decision.already_reported else words.reported_before
        yield told.format(months=prior.months)
    if prior.score is None:
        yield words.incomparable
        return
    before, now = round(prior.score * 100, 1), round(decision.score * 100, 1)
    yield words.changed.format(before=before, change=f"{now - before:+.1f}")


def _basis(verdict: Verdict, used: ScoreKind, words: Phrases) -> str:
    """Return what the score rests on."""
    alone = used is ScoreKind.IMAGE and verdict.probability.clinical is None
    told = words.basis_without_clinical if alone else words.basis
    basis = told.format(parts=words.scored_by[used])
    return (
        words.between.join((basis, words.clinical_alone)) if used is ScoreKind.CLINICAL else basis
    )


def _clinical(verdict: Verdict, used: ScoreKind, words: Phrases) -> str:
    """Return the clinical score and where it comes from; of a combined one, the image's too."""
    probability, about = verdict.probability, verdict.model.clinical
    if probability.clinical is None or not about or used is ScoreKind.CLINICAL:
        return ""
    percent, source = round(probability.clinical * 100, 1), fit(about, _MAX_REASON)
    if used is ScoreKind.IMAGE:
        return words.clinical_apart.format(percent=percent, source=source)
    if probability.image is None:
        return ""
    image = round(probability.image * 100, 1)
    return words.clinical_part.format(image=image, percent=percent, source=source)
