"""Alarms for long queues."""

from node.domain.hysteresis import QueueAlarms


def alarm_states(*depths: int, limit: int = 10) -> list[bool]:
    """Return after each depth of one queue whether its alarm is raised."""
    alarms, states = QueueAlarms(), []
    for depth in depths:
        alarms = alarms.update({"films": depth}, limit)
        states.append("films" in alarms.raised)
    return states


def test_an_alarm_is_raised_at_the_limit_and_ends_at_half_of_it() -> None:
    """A queue that varies around its limit raises one alarm."""
    assert alarm_states(9, 10, 9, 6, 5, 9, 10) == [False, True, True, True, False, False, True]


def test_the_smallest_limit_is_a_single_film() -> None:
    """The alarm ends when the queue is empty."""
    assert alarm_states(0, 1, 0, limit=1) == [False, True, False]


def test_each_queue_has_its_own_alarm() -> None:
    """An empty queue is missing from the depths, and has no alarm."""
    alarms = QueueAlarms().update({"films": 3, "results for pacs": 12}, 10)
    assert alarms.raised == {"results for pacs"}
    assert alarms.update({"films": 12}, 10).raised == {"films"}
