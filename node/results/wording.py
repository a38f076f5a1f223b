"""The texts of results: the phrases of a language with the values of a verdict."""

from collections.abc import Iterator

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import Decision, Finding, ScoreKind, Verdict
from node.results.common_modules import PRODUCT, fit
from node.results.translations.phrases import Phrases

_MAX_DIGITS = 12  # decimals that fit into a Decimal String (DS)
_MAX_CLINICAL_SOURCE = 1024


def percentages(decision: Decision) -> tuple[float, float]:
    """Return score and threshold in percent, rounded to 0.1 % or to as many decimals as needed.

    More decimals are needed if a score just below the threshold would be rounded up to the
    threshold. Raises ValueError for a decision without a score.
    """
    if decision.score is None:
        raise ValueError("the decision has no score")
    score, threshold = decision.score * 100, decision.threshold * 100
    is_positive = decision.score >= decision.threshold
    for digits in range(1, _MAX_DIGITS):
        rounded = round(score, digits), round(threshold, digits)
        if (rounded[0] >= rounded[1]) is is_positive:
            return rounded
    return round(score, _MAX_DIGITS), round(threshold, _MAX_DIGITS)


def comment(verdict: Verdict, phrases: Phrases) -> str:
    """Return the text of the report: intended use, result, prior films, basis and notes."""
    return phrases.sentence_separator.join(
        (*_intended_use(verdict.model.intended_use, phrases), *_result(verdict, phrases))
    )


def headline(decision: Decision, phrases: Phrases) -> str:
    """Return the headline of the legend, which is also the conclusion of the text report."""
    match decision.finding:
        case Finding.PRESENT if decision.already_reported:
            return phrases.headline_already_flagged
        case Finding.PRESENT:
            return phrases.headline_suspected
        case Finding.ABSENT:
            return phrases.headline_not_suspected
        case Finding.UNDETERMINED:
            return phrases.headline_indeterminate


def model_line(verdict: Verdict, software_version: str, phrases: Phrases) -> str:
    """Return a line with product, model, their versions, and 12 digits of the bundle's digest."""
    model = verdict.model
    line = phrases.model.format(
        product=PRODUCT,
        software=software_version,
        name=model.name,
        version=model.version,
        digest=model.digest[:12],
    )
    return fit(line, 160)


def _intended_use(use: IntendedUse, phrases: Phrases) -> list[str]:
    if use is IntendedUse.CLEARED:
        return []
    about = phrases.demonstration if use is IntendedUse.DEMONSTRATION else phrases.research
    return [f"{phrases.not_for_diagnosis}{phrases.full_stop}", about]


def _result(verdict: Verdict, phrases: Phrases) -> list[str]:
    decision = verdict.decision
    if verdict.refusal_reason is not None:
        reason = phrases.refusals[verdict.refusal_reason]
        return [phrases.not_analysed.format(reason=reason), phrases.no_statement]
    if decision.score is None or decision.score_kind is None:
        return [phrases.no_score, phrases.no_statement]
    return [
        *_finding(decision, phrases),
        *_prior_films(decision, phrases),
        *_basis(verdict, decision.score_kind, phrases),
        *(phrases.notes[note] for note in verdict.notes),
    ]


def _finding(decision: Decision, phrases: Phrases) -> tuple[str, str]:
    """Return the sentence about the finding, with score and threshold, and a caution."""
    score, threshold = percentages(decision)
    low, high = (round(end * 100, 1) for end in decision.band or (0.0, 1.0))
    template, caution = {
        Finding.PRESENT: (phrases.suspected, phrases.suspected_caution),
        Finding.ABSENT: (phrases.not_suspected, phrases.not_suspected_caution),
        Finding.UNDETERMINED: (phrases.indeterminate, phrases.indeterminate_caution),
    }[decision.finding]
    return template.format(score=score, threshold=threshold, low=low, high=high), caution


def _prior_films(decision: Decision, phrases: Phrases) -> Iterator[str]:
    """Yield sentences about prior films, without their dates and UIDs."""
    prior = decision.prior
    if prior is None or decision.score is None:
        return
    if prior.reported:
        is_repeat = decision.already_reported
        template = phrases.already_flagged if is_repeat else phrases.prior_flagged
        yield template.format(months=prior.months)
    if prior.score is None:
        yield phrases.scores_not_comparable
        return
    before, now = round(prior.score * 100, 1), round(decision.score * 100, 1)
    yield phrases.score_change.format(before=before, change=f"{now - before:+.1f}")


def _basis(verdict: Verdict, kind: ScoreKind, phrases: Phrases) -> Iterator[str]:
    """Yield sentences about the data that the score is based on, and about the clinical score."""
    probability, model = verdict.probability, verdict.model
    yield phrases.basis.format(parts=phrases.score_sources[kind])
    if kind is ScoreKind.CLINICAL:
        yield phrases.clinical_only_caution
        return
    if not model.clinical:
        return
    if probability.clinical is None:
        yield phrases.no_clinical_score
        return
    percent = round(probability.clinical * 100, 1)
    source = fit(model.clinical, _MAX_CLINICAL_SOURCE)
    if kind is ScoreKind.IMAGE:
        yield phrases.clinical_not_used.format(percent=percent, source=source)
    elif probability.image is not None:
        image = round(probability.image * 100, 1)
        yield phrases.clinical_in_combined.format(image=image, percent=percent, source=source)
