"""Deliveries are planned for the configured routes."""

from dataclasses import replace

import pytest

from node.domain.sop_class import SopClass
from node.domain.workflow.delivery import (
    PlannedDelivery,
    ReportVariant,
    Result,
    ResultKind,
    Route,
    SendCondition,
    SrClass,
    active_routes,
    plan_deliveries,
    shadow_destinations,
)

REPORT = Result(ResultKind.REPORT, SopClass.COMPREHENSIVE_3D_SR, "2.25.1", "results/r", "2.25.3")
HEATMAP = Result(ResultKind.HEATMAP, SopClass.SECONDARY_CAPTURE, "2.25.2", "results/h", "2.25.4")
BOTH = (ResultKind.REPORT, ResultKind.HEATMAP)


def test_each_destination_receives_its_kinds_of_results() -> None:
    """One delivery is planned for each result and destination."""
    routes = (
        Route("pacs", BOTH, SendCondition.ALWAYS),
        Route("ris", (ResultKind.REPORT,), SendCondition.ALWAYS),
    )
    assert plan_deliveries((REPORT, HEATMAP), routes, flagged=False) == [
        PlannedDelivery("pacs", REPORT),
        PlannedDelivery("pacs", HEATMAP),
        PlannedDelivery("ris", REPORT),
    ]


def test_a_destination_may_receive_flagged_films_only() -> None:
    """A destination with `when: flagged` receives flagged films only; others receive every film."""
    routes = (
        Route("pacs", BOTH, SendCondition.ALWAYS),
        Route("clinic", BOTH, SendCondition.FLAGGED),
    )
    assert {p.destination for p in plan_deliveries((REPORT,), routes, flagged=False)} == {"pacs"}
    assert {p.destination for p in plan_deliveries((REPORT,), routes, flagged=True)} == {
        "pacs",
        "clinic",
    }


def test_each_destination_receives_its_variant_of_the_report() -> None:
    """The report refers to the heatmap only for a destination that receives the heatmap."""
    newer = replace(REPORT, variant=ReportVariant(SrClass.COMPREHENSIVE_3D))
    older = replace(REPORT, variant=ReportVariant(SrClass.COMPREHENSIVE))
    bare = replace(REPORT, variant=ReportVariant(SrClass.COMPREHENSIVE_3D, shows_heatmap=False))
    routes = (
        Route("pacs", BOTH, SendCondition.ALWAYS),
        Route("archive", BOTH, SendCondition.ALWAYS, SrClass.COMPREHENSIVE),
        Route("ris", (ResultKind.REPORT,), SendCondition.ALWAYS),
    )
    planned = plan_deliveries((newer, older, bare, HEATMAP), routes, flagged=False)
    assert [(delivery.destination, delivery.result) for delivery in planned] == [
        ("pacs", newer),
        ("pacs", HEATMAP),
        ("archive", older),
        ("archive", HEATMAP),
        ("ris", bare),
    ]


@pytest.mark.parametrize(
    ("condition", "flagged", "recorded"),
    [
        (SendCondition.ALWAYS, True, True),
        (SendCondition.ALWAYS, False, True),
        (SendCondition.FLAGGED, True, True),
        (SendCondition.FLAGGED, False, False),
    ],
)
def test_a_destination_in_shadow_mode_receives_nothing(
    condition: SendCondition, flagged: bool, recorded: bool
) -> None:
    """Films record the destinations in shadow mode that would have received results."""
    routes = (
        Route("trial", BOTH, condition, shadow=True),
        Route("pacs", BOTH, SendCondition.ALWAYS),
    )
    planned = plan_deliveries((REPORT, HEATMAP), routes, flagged)
    assert [delivery.destination for delivery in planned] == ["pacs", "pacs"]
    assert shadow_destinations(routes, flagged) == (("trial",) if recorded else ())


def test_a_route_in_shadow_mode_is_not_active() -> None:
    """No result is built for a route in shadow mode."""
    active = Route("pacs", (ResultKind.REPORT,), SendCondition.ALWAYS)
    assert active_routes((Route("trial", BOTH, SendCondition.ALWAYS, shadow=True), active)) == (
        active,
    )


def test_without_matching_result_or_route_nothing_is_planned() -> None:
    """Nothing is planned without a route, a result, or a result of the routed kind."""
    route = Route("pacs", (ResultKind.HEATMAP,), SendCondition.ALWAYS)
    assert plan_deliveries((REPORT,), (), flagged=True) == []
    assert plan_deliveries((), (route,), flagged=True) == []
    assert plan_deliveries((REPORT,), (route,), flagged=True) == []
