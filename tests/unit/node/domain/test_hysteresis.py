"""A long queue raises an alarm, which ends when the queue is short again."""

from node.domain.hysteresis import queues_with_alarm


def alarm_states(*depths: int, limit: int = 10) -> list[bool]:
    """Return whether the alarm is raised after each depth of one queue."""
    raised: frozenset[str] = frozenset()
    states = []
    for depth in depths:
        raised = queues_with_alarm(raised, {"films": depth}, limit)
        states.append("films" in raised)
    return states


def test_an_alarm_is_raised_at_the_limit_and_ends_at_half_of_it() -> None:
    """A queue whose depth varies around its limit raises a single alarm."""
    assert alarm_states(9, 10, 9, 6, 5, 9, 10) == [False, True, True, True, False, False, True]


def test_the_smallest_limit_is_a_single_film() -> None:
    """With a limit of one film, the alarm ends when the queue is empty."""
    assert alarm_states(0, 1, 0, limit=1) == [False, True, False]


def test_each_queue_has_its_own_alarm() -> None:
    """A queue without an entry in the depths is empty, and has no alarm."""
    raised = queues_with_alarm((), {"films": 3, "results for pacs": 12}, 10)
    assert raised == {"results for pacs"}
    assert queues_with_alarm(raised, {"films": 12}, 10) == {"films"}
