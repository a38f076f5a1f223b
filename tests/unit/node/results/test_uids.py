"""Identity: one UID for one content, another UID as soon as anything in the content may differ."""

from dataclasses import replace

import pytest

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import FieldOfView
from node.domain.decision.prediction import Finding
from node.domain.workflow.delivery import ResultReference
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from node.results.result_context import ResultSettings
from node.results.sr_report import build_report
from node.results.uids import UidKind, device_uid, uid
from tests.support.result_subjects import MODEL, SETTINGS, prediction, subject, verdict

FIELD = FieldOfView(0, 0, 400, 320)


@pytest.mark.parametrize("kind", list(UidKind))
def test_a_uid_is_valid_for_every_kind(kind: UidKind) -> None:
    """2.25 and the decimal of a UUID: 44 characters at most, no leading zero, by PS3.5, B.2."""
    for fact in range(200):
        made = uid(kind, str(fact))
        assert len(made) <= 44
        assert made.startswith("2.25.")
        assert not made.removeprefix("2.25.").startswith("0")


def test_facts_do_not_run_into_each_other() -> None:
    """Two lists of facts that read alike when joined are two UIDs."""
    assert uid(UidKind.REPORT, "a|b", "c") != uid(UidKind.REPORT, "a", "b|c")
    assert uid(UidKind.REPORT, "ab", "c") != uid(UidKind.REPORT, "a", "bc")


def test_the_same_film_gives_the_same_bytes() -> None:
    """A second attempt, from a header read anew, is the very same pair of objects."""
    first, second = subject(), subject()
    maps = build_heatmap(first, prediction()), build_heatmap(second, prediction())
    reports = (
        build_report(first, FIELD, maps[0]),
        build_report(second, FIELD, maps[1]),
    )
    assert to_bytes(maps[0]) == to_bytes(maps[1])
    assert to_bytes(reports[0]) == to_bytes(reports[1])
    assert to_bytes(reports[0]) == to_bytes(reports[0])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(subject(made=verdict(threshold=0.42)), id="threshold"),
        pytest.param(subject(made=verdict(Finding.ABSENT)), id="finding"),
        pytest.param(subject(made=verdict(model=replace(MODEL, digest="aa" * 32))), id="bundle"),
        pytest.param(
            subject(made=verdict(model=replace(MODEL, intended_use=IntendedUse.RESEARCH))),
            id="intended-use",
        ),
        pytest.param(subject(settings=ResultSettings("0.2.0")), id="software"),
        pytest.param(replace(subject(), film=replace(subject().film, digest="00")), id="pixels"),
        pytest.param(
            replace(subject(), replaces=ResultReference("1.2", "1.3", "1.4")), id="predecessor"
        ),
    ],
)
def test_whatever_changes_the_content_changes_the_uid(other: object) -> None:
    """Another threshold, bundle, film or encoder makes other objects in other series."""
    one = build_report(subject(), FIELD, None)
    two = build_report(other, FIELD, None)  # type: ignore[arg-type]
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID


def test_a_report_with_a_heatmap_is_another_report() -> None:
    """What a report refers to, and the outline it draws, are part of its content."""
    scored = subject()
    heatmap = build_heatmap(scored, prediction())
    reports = [
        build_report(scored, FIELD, heatmap),
        build_report(scored, FIELD, None),
        build_report(scored, FieldOfView(0, 0, 100, 100), None),
    ]
    assert len({report.SOPInstanceUID for report in reports}) == 3


def test_a_changed_model_is_another_device() -> None:
    """IHE AI Results tells models apart by their Device UID."""
    assert device_uid("a" * 64) != device_uid("b" * 64)


def test_the_threshold_leaves_the_tracking_uid_alone() -> None:
    """The tracking UID follows one model's finding on one film through every reassessment."""
    assert subject(made=verdict(threshold=0.6)).tracking_uid == subject().tracking_uid


@pytest.mark.parametrize(
    "wrong",
    [
        {"series_number_report": 0},
        {"series_number_heatmap": 2**31},
        {"heatmap_max_side": 10},
        {"software_version": ""},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, int | str]) -> None:
    """A constructed setting is a valid setting."""
    with pytest.raises(ValueError, match=r"is from 1|at least|must not be empty"):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type]
