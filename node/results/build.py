"""Build the results of a film: each one once, for all destinations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pydicom import Dataset

from node.domain.decision.prediction import Prediction
from node.domain.workflow.delivery import ReportVariant, ResultKind, ResultReference, Route
from node.results.heatmap import build_heatmap
from node.results.result_context import Subject
from node.results.sr_document import succeed
from node.results.sr_report import build_report
from node.results.text_report import build_text


@dataclass(frozen=True, slots=True)
class BuiltResult:
    """One result as a data set; `variant` is set for reports."""

    kind: ResultKind
    content: Dataset
    variant: ReportVariant | None = None


def build_results(
    subject: Subject,
    prediction: Prediction | None,
    routes: Sequence[Route],
    earlier: Sequence[ResultReference] = (),
) -> Iterator[BuiltResult]:
    """Yield a film's results for these routes.

    `earlier` are the reports of earlier analyses, oldest first. `prediction` is None if the film
    was not scored. Without an image score there is no heatmap, and the report says why.
    """
    explained = prediction if subject.verdict.decision.has_heatmap else None
    heatmap = (
        build_heatmap(subject, explained)
        if explained and _is_sent(ResultKind.HEATMAP, routes)
        else None
    )
    field = explained.heat.field_of_view if explained else None
    for variant in dict.fromkeys(r.variant for r in routes if ResultKind.REPORT in r.send):
        referenced = heatmap if variant.shows_heatmap else None
        build = partial(build_report, field=field, heatmap=referenced, sr_class=variant.sr_class)
        yield BuiltResult(ResultKind.REPORT, succeed(subject, earlier, build), variant)
    if heatmap is not None:
        yield BuiltResult(ResultKind.HEATMAP, heatmap)
    if _is_sent(ResultKind.TEXT, routes):
        yield BuiltResult(ResultKind.TEXT, succeed(subject, earlier, build_text))


def _is_sent(kind: ResultKind, routes: Sequence[Route]) -> bool:
    return any(kind in route.send for route in routes)
