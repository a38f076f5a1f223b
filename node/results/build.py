"""All that is to be sent for one film: each object that some destination wants, built once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pydicom import Dataset

from node.domain.decision.prediction import Prediction
from node.domain.workflow.delivery import Reference, ReportVariant, ResultKind, Route
from node.results.heatmap import build_heatmap
from node.results.result_context import Subject
from node.results.sr_document import succeed
from node.results.sr_report import build_report
from node.results.text_report import build_text


@dataclass(frozen=True, slots=True)
class Built:
    """One object, and for a report the form that it has."""

    kind: ResultKind
    content: Dataset
    form: ReportVariant | None = None


def build_results(
    subject: Subject,
    prediction: Prediction | None,
    routes: Sequence[Route],
    earlier: Sequence[Reference] = (),
) -> Iterator[Built]:
    """Yield a film's results for these routes.

    `earlier` are the documents of its earlier analyses, oldest first. A film without a score has
    no heatmap, and its report says why there is none; nor has one of clinical facts alone. One
    that was not scored comes without a prediction.
    """
    seen = prediction if subject.verdict.decision.shows_heat else None
    heatmap = build_heatmap(subject, seen) if seen and _wanted(ResultKind.HEATMAP, routes) else None
    field = seen.heat.field_of_view if seen else None
    for form in dict.fromkeys(one.form for one in routes if ResultKind.REPORT in one.send):
        shown = heatmap if form.shows_heatmap else None
        build = partial(build_report, field=field, heatmap=shown, sr_class=form.sr_class)
        yield Built(ResultKind.REPORT, succeed(subject, earlier, build), form)
    if heatmap is not None:
        yield Built(ResultKind.HEATMAP, heatmap)
    if _wanted(ResultKind.TEXT, routes):
        yield Built(ResultKind.TEXT, succeed(subject, earlier, build_text))


def _wanted(kind: ResultKind, routes: Sequence[Route]) -> bool:
    return any(kind in route.send for route in routes)
