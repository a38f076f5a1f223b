"""When a queue is too deep."""

from node.domain.hysteresis import QueueAlarms


def standing(*depths: int, limit: int = 10) -> list[bool]:
    """Return, after each of these depths of one queue, whether its alarm stands."""
    alarms, seen = QueueAlarms(), []
    for depth in depths:
        alarms = alarms.update({"films": depth}, limit)
        seen.append("films" in alarms.raised)
    return seen


def test_an_alarm_stands_from_the_limit_until_half_of_it_is_left() -> None:
    """A queue that sways about its limit is one alarm, not one an hour."""
    assert standing(9, 10, 9, 6, 5, 9, 10) == [False, True, True, True, False, False, True]


def test_the_smallest_limit_is_a_single_film() -> None:
    """And the alarm ends when it is gone."""
    assert standing(0, 1, 0, limit=1) == [False, True, False]


def test_each_queue_has_its_own() -> None:
    """One that is gone from the table, as nothing waits for it any more, has none."""
    alarms = QueueAlarms().update({"films": 3, "results for pacs": 12}, 10)
    assert alarms.raised == {"results for pacs"}
    assert alarms.update({"films": 12}, 10).raised == {"films"}
