"""A plan of a reload states which processes are started, replaced and ended, in which order."""

from collections.abc import Sequence

from node.config.settings import Config
from node.runtime.replacement import ReplacementStep, plan_replacement
from node.runtime.roles import Role

OLD = Config()
NEW = Config(policy={"threshold": 0.4})
CHALLENGED = Config(challenger={"bundle": "./next"})


def running(config: Config) -> list[tuple[Role, Config]]:
    """Return the processes of a node that has started with a configuration."""
    return [(step.role, config) for step in plan_replacement((), config)]


def roles(steps: Sequence[ReplacementStep]) -> list[Role]:
    return [step.role for step in steps]


def test_a_start_starts_every_role() -> None:
    steps = plan_replacement((), OLD)
    assert [(step.ends, step.starts) for step in steps] == [(None, True)] * 5
    assert roles(steps).count(Role.INGEST) == OLD.dicom.processes
    assert Role.CHALLENGER not in roles(steps)


def test_ingest_has_as_many_processes_as_configured() -> None:
    steps = plan_replacement((), Config(dicom={"processes": 3}))
    assert roles(steps).count(Role.INGEST) == 3


def test_an_unchanged_configuration_needs_no_step() -> None:
    """An equal configuration that was read again also needs no step."""
    assert plan_replacement(running(OLD), Config()) == ()


def test_a_change_replaces_each_process_once_and_ingest_last() -> None:
    """The analyse role is replaced first, because it plans deliveries for the destinations."""
    before = running(OLD)
    steps = plan_replacement(before, NEW)
    assert roles(steps) == [
        Role.ANALYSE,
        Role.DELIVER,
        Role.MAINTENANCE,
        Role.INGEST,
        Role.INGEST,
    ]
    assert sorted(step.ends for step in steps if step.ends is not None) == list(range(len(before)))
    assert all(step.starts for step in steps)
    assert all(before[step.ends or 0][0] is step.role for step in steps)


def test_only_a_role_with_a_model_ends_before_its_successor_starts() -> None:
    """The device may lack memory for two models, but an ingest process can hand its port over."""
    before = running(CHALLENGED)
    steps = plan_replacement(before, NEW.model_copy(update={"challenger": CHALLENGED.challenger}))
    assert {step.role for step in steps if step.ends_first} == {Role.ANALYSE, Role.CHALLENGER}


def test_a_challenger_is_added_and_removed() -> None:
    [added] = [
        step for step in plan_replacement(running(OLD), CHALLENGED) if step.role is Role.CHALLENGER
    ]
    assert (added.ends, added.starts) == (None, True)
    before = running(CHALLENGED)
    [removed] = [step for step in plan_replacement(before, OLD) if step.role is Role.CHALLENGER]
    assert (before[removed.ends or 0][0], removed.starts) == (Role.CHALLENGER, False)
    assert removed.ends_first


def test_fewer_and_more_ingest_processes() -> None:
    """The plan replaces processes first; it then ends surplus processes or starts more."""
    three = Config(dicom={"processes": 3})
    fewer = [s for s in plan_replacement(running(three), OLD) if s.role is Role.INGEST]
    assert [(s.ends is not None, s.starts) for s in fewer] == [
        (True, True),
        (True, True),
        (True, False),
    ]
    more = [s for s in plan_replacement(running(OLD), three) if s.role is Role.INGEST]
    assert [(s.ends is not None, s.starts) for s in more] == [
        (True, True),
        (True, True),
        (False, True),
    ]


def test_a_process_that_an_earlier_reload_could_not_replace_is_replaced_now() -> None:
    processes = running(NEW)
    stale = next(i for i, process in enumerate(processes) if process[0] is Role.DELIVER)
    processes[stale] = (Role.DELIVER, OLD)
    assert plan_replacement(processes, NEW) == (
        ReplacementStep(Role.DELIVER, ends=stale, starts=True),
    )
