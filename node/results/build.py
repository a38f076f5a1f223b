"""Build all results of a film; several destinations receive the same result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pydicom import Dataset

from node.domain.decision.prediction import Prediction
from node.domain.workflow.delivery import ReportVariant, ResultKind, ResultReference, Route
from node.results.heatmap import build_heatmap
from node.results.result_context import ResultContext
from node.results.sr_document import supersede
from node.results.sr_report import build_report
from node.results.text_report import build_text


@dataclass(frozen=True, slots=True)
class BuiltResult:
    """A result as a data set; only reports have a `variant`."""

    kind: ResultKind
    content: Dataset
    variant: ReportVariant | None = None


def build_results(
    context: ResultContext,
    prediction: Prediction | None,
    routes: Sequence[Route],
    earlier: Sequence[ResultReference] = (),
) -> Iterator[BuiltResult]:
    """Yield the results of a film that the routes require.

    `earlier` are the reports of earlier analyses, oldest first. `prediction` is None if the film
    was not scored. Without an image score, no heatmap is built.
    """
    kinds = {kind for route in routes for kind in route.send}
    heatmap = field = None
    if prediction is not None and context.verdict.decision.has_heatmap:
        field = prediction.heat.field_of_view
        if ResultKind.HEATMAP in kinds:
            heatmap = build_heatmap(context, prediction)
    for variant in dict.fromkeys(r.variant for r in routes if ResultKind.REPORT in r.send):
        referenced = heatmap if variant.shows_heatmap else None
        build = partial(build_report, field=field, heatmap=referenced, sr_class=variant.sr_class)
        yield BuiltResult(ResultKind.REPORT, supersede(context, earlier, build), variant)
    if heatmap is not None:
        yield BuiltResult(ResultKind.HEATMAP, heatmap)
    if ResultKind.TEXT in kinds:
        yield BuiltResult(ResultKind.TEXT, supersede(context, earlier, build_text))
