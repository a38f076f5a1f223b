"""Programs read a summary of admitted and refused films."""

from datetime import UTC, datetime

from node.domain.admission.refusal_counts import RefusalCount, summarise_reasons


def test_films_are_counted_by_caller_and_in_total() -> None:
    """The summary has every key of `jobs reasons --json`, with the most frequent reason first."""
    counts = [
        RefusalCount("XRAY2", "age", 1),
        RefusalCount("XRAY1", "", 7),
        RefusalCount("XRAY1", "age", 2),
        RefusalCount("XRAY1", "view", 5),
    ]
    assert summarise_reasons(counts, datetime(2026, 1, 31, tzinfo=UTC)) == {
        "since": "2026-01-31T00:00:00+00:00",
        "admitted": 7,
        "refused": 8,
        "reasons": {"view": 5, "age": 3},
        "callers": [
            {"calling_ae": "XRAY1", "admitted": 7, "refused": 7, "reasons": {"view": 5, "age": 2}},
            {"calling_ae": "XRAY2", "admitted": 0, "refused": 1, "reasons": {"age": 1}},
        ],
    }


def test_an_empty_table_has_zero_films() -> None:
    """The summary of an empty table has every key."""
    empty = {"since": None, "admitted": 0, "refused": 0, "reasons": {}, "callers": []}
    assert summarise_reasons([], None) == empty
