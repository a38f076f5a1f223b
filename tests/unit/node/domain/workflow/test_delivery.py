"""What is sent where."""

from dataclasses import replace

import pytest

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

REPORT = Result(ResultKind.REPORT, "1.2.840.10008.5.1.4.1.1.88.34", "2.25.1", "results/r", "2.25.3")
HEATMAP = Result(ResultKind.HEATMAP, "1.2.840.10008.5.1.4.1.1.7", "2.25.2", "results/h", "2.25.4")
BOTH = (ResultKind.REPORT, ResultKind.HEATMAP)


def test_each_destination_gets_what_it_asked_for() -> None:
    """One parcel for each object and destination: each succeeds or fails by itself."""
    routes = (
        Route("pacs", BOTH, SendCondition.ALWAYS),
        Route("ris", (ResultKind.REPORT,), SendCondition.ALWAYS),
    )
    assert plan_deliveries((REPORT, HEATMAP), routes, flagged=False) == [
        PlannedDelivery("pacs", REPORT),
        PlannedDelivery("pacs", HEATMAP),
        PlannedDelivery("ris", REPORT),
    ]


def test_some_want_flagged_films_only() -> None:
    """They hear nothing of the others; who wants all gets all."""
    routes = (
        Route("pacs", BOTH, SendCondition.ALWAYS),
        Route("clinic", BOTH, SendCondition.FLAGGED),
    )
    assert {p.destination for p in plan_deliveries((REPORT,), routes, flagged=False)} == {"pacs"}
    assert {p.destination for p in plan_deliveries((REPORT,), routes, flagged=True)} == {
        "pacs",
        "clinic",
    }


def test_each_destination_gets_the_report_in_its_own_form() -> None:
    """Of its SOP Class; and without a word of a heatmap that it does not get."""
    newer = replace(REPORT, variant=ReportVariant(SrClass.COMPREHENSIVE_3D))
    older = replace(REPORT, variant=ReportVariant(SrClass.COMPREHENSIVE))
    bare = replace(REPORT, variant=ReportVariant(SrClass.COMPREHENSIVE_3D, shows_heatmap=False))
    routes = (
        Route("pacs", BOTH, SendCondition.ALWAYS),
        Route("attic", BOTH, SendCondition.ALWAYS, SrClass.COMPREHENSIVE),
        Route("ris", (ResultKind.REPORT,), SendCondition.ALWAYS),
    )
    sent = plan_deliveries((newer, older, bare, HEATMAP), routes, flagged=False)
    assert [(one.destination, one.result) for one in sent] == [
        ("pacs", newer),
        ("pacs", HEATMAP),
        ("attic", older),
        ("attic", HEATMAP),
        ("ris", bare),
    ]


@pytest.mark.parametrize(
    ("when", "flagged", "noted"),
    [
        (SendCondition.ALWAYS, True, True),
        (SendCondition.ALWAYS, False, True),
        (SendCondition.FLAGGED, True, True),
        (SendCondition.FLAGGED, False, False),
    ],
)
def test_a_destination_in_shadow_gets_nothing_and_that_is_noted(
    when: SendCondition, flagged: bool, noted: bool
) -> None:
    """Of the films that it would have had results of, and of no other; the rest get theirs."""
    routes = (Route("trial", BOTH, when, shadow=True), Route("pacs", BOTH, SendCondition.ALWAYS))
    sent = plan_deliveries((REPORT, HEATMAP), routes, flagged)
    assert [one.destination for one in sent] == ["pacs", "pacs"]
    assert shadow_destinations(routes, flagged) == (("trial",) if noted else ())


def test_nothing_is_built_for_a_destination_in_shadow() -> None:
    lit_one = Route("pacs", (ResultKind.REPORT,), SendCondition.ALWAYS)
    assert active_routes((Route("trial", BOTH, SendCondition.ALWAYS, shadow=True), lit_one)) == (
        lit_one,
    )


def test_nothing_is_made_up() -> None:
    """No result, no destination, or none of the wanted kind: no parcel."""
    route = Route("pacs", (ResultKind.HEATMAP,), SendCondition.ALWAYS)
    assert plan_deliveries((REPORT,), (), flagged=True) == []
    assert plan_deliveries((), (route,), flagged=True) == []
    assert plan_deliveries((REPORT,), (route,), flagged=True) == []
