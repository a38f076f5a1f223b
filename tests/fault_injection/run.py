"""Carries a plan out, trial by trial, each in a house that is torn down when something is wrong."""

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fault_injection.house import House
from tests.fault_injection.journal import Journal, Outcome
from tests.fault_injection.judge import Fault, Finding
from tests.fault_injection.plan import Trial

Tell = Callable[[Trial, Outcome | None, str], None]
"""Told of each trial before it (None, "") and after it; with a text where it could not be done."""


def run(
    plan: Sequence[Sequence[Trial]], folder: Path, seed: int, journal: Journal, tell: Tell
) -> bool:
    """Do what the journal does not have yet; return whether every trial could be carried out."""
    done, complete = journal.outcomes(), True
    for together in plan:
        left = [trial for trial in together if trial.key not in done]
        while left:
            well = _in_one_house(left, folder, seed, journal, tell)
            if well < len(left) and left[well].key not in journal.outcomes():
                complete = False
            left = left[well + 1 :]
    return complete


def _in_one_house(
    trials: Sequence[Trial], folder: Path, seed: int, journal: Journal, tell: Tell
) -> int:
    """Do trials until one goes wrong, and leave that one's folder; return how many went well."""
    place = folder / "-".join(trials[0].key.replace("/", " ").split())
    shutil.rmtree(place, ignore_errors=True)
    well = 0
    with contextlib.ExitStack() as opened:
        house: House | None = None
        for trial in trials:
            tell(trial, None, "")
            try:
                if house is None:
                    house = opened.enter_context(House(place, trial.database))
                outcome = _judged(trial, house, seed)
            except Exception as error:  # noqa: BLE001 - the trial could not be done, the next may
                tell(trial, None, f"{type(error).__name__}: {error}")
                return well
            journal.add(outcome)
            tell(trial, outcome, "")
            if not outcome.clean:
                return well
            well += 1
    shutil.rmtree(place)
    return well


def _judged(trial: Trial, house: House, seed: int) -> Outcome:
    began, before = time.monotonic(), len(house.ledger.all())
    house.draw(f"{seed}/{trial.key}")
    if house.node.ended():
        house.node.serve()
    done = trial.fault.drive(house)
    return Outcome(
        seed=seed,
        key=trial.key,
        trials=done.trials,
        acknowledged=len(house.ledger.all()) - before,
        lost=_count(done.findings, Fault.LOST),
        duplicated=_count(done.findings, Fault.DUPLICATED),
        wedged=_count(done.findings, Fault.WEDGED),
        seconds=round(time.monotonic() - began, 1),
        findings=tuple(f"{one.fault}: {one.uid}: {one.why}" for one in done.findings),
    )


def _count(findings: Sequence[Finding], fault: Fault) -> int:
    return sum(one.fault is fault for one in findings)
