"""Run the trials of a plan. After a failed trial, the next trial gets a new environment."""

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fault_injection.environment import Environment
from tests.fault_injection.invariants import Violation, ViolationKind
from tests.fault_injection.journal import Journal, TrialResult
from tests.fault_injection.plan import Trial

Notify = Callable[[Trial, TrialResult | None, str], None]
"""A callback before and after each trial; its text is the reason if a trial cannot run."""


def run_trials(
    plan: Sequence[Sequence[Trial]], folder: Path, seed: int, journal: Journal, notify: Notify
) -> bool:
    """Run the trials that the journal does not contain; return whether every trial could run."""
    finished, complete = journal.results(), True
    for group in plan:
        remaining = [trial for trial in group if trial.key not in finished]
        while remaining:
            passed = _run_in_one_environment(remaining, folder, seed, journal, notify)
            if passed < len(remaining) and remaining[passed].key not in journal.results():
                complete = False
            remaining = remaining[passed + 1 :]
    return complete


def _run_in_one_environment(
    trials: Sequence[Trial], folder: Path, seed: int, journal: Journal, notify: Notify
) -> int:
    """Run trials until one fails; return how many passed. The folder of a failed trial is kept."""
    place = folder / "-".join(trials[0].key.replace("/", " ").split())
    shutil.rmtree(place, ignore_errors=True)
    passed = 0
    with contextlib.ExitStack() as stack:
        environment: Environment | None = None
        for trial in trials:
            notify(trial, None, "")
            try:
                if environment is None:
                    environment = stack.enter_context(Environment(place, trial.database))
                result = _run_trial(trial, environment, seed)
            except Exception as error:  # noqa: BLE001 - the next trial may still run
                notify(trial, None, f"{type(error).__name__}: {error}")
                return passed
            journal.add(result)
            notify(trial, result, "")
            if not result.passed:
                return passed
            passed += 1
    shutil.rmtree(place)
    return passed


def _run_trial(trial: Trial, environment: Environment, seed: int) -> TrialResult:
    start, acknowledged = time.monotonic(), len(environment.acknowledgements.films())
    environment.rng.seed(f"{seed}/{trial.key}")
    if environment.node.ended():
        environment.node.serve()
    fault = trial.fault.inject(environment)
    return TrialResult(
        seed=seed,
        key=trial.key,
        injections=fault.injections,
        acknowledged=len(environment.acknowledgements.films()) - acknowledged,
        lost=_count(fault.violations, ViolationKind.LOST),
        duplicated=_count(fault.violations, ViolationKind.DUPLICATED),
        stuck=_count(fault.violations, ViolationKind.STUCK),
        seconds=round(time.monotonic() - start, 1),
        violations=tuple(f"{v.kind}: {v.uid}: {v.text}" for v in fault.violations),
    )


def _count(violations: Sequence[Violation], kind: ViolationKind) -> int:
    return sum(violation.kind is kind for violation in violations)
