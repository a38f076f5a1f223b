"""Run cases in worker processes, so that a crash or a hang ends one case and not the run.

Each of `n` workers runs every n-th case. A case depends only on its number, so the
distribution of cases to workers does not matter.
"""

import gc
import multiprocessing
import os
import resource
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from time import process_time

from node import log
from node.log import where
from tests.fuzz.chance import case_random
from tests.fuzz.surface import InvariantViolation, SurfaceResult
from tests.fuzz.surfaces import load
from tests.fuzz.watch import ResourceUsage, peak_memory, reset_peak_memory, resource_usage

MAX_SECONDS = 5.0  # seconds of processor time
_HANG_SECONDS = 30.0  # seconds of real time, after which the process is killed
_MAX_MEMORY = 1024.0  # MiB for one case
_ADDRESS_SPACE = 8 * 1024**3  # bytes; the limit protects the machine from memory bombs
_WARM_UP = 100  # number of cases before the first measurement of memory

# The fork server has imported the libraries, so that a crashed worker is replaced quickly.
_multiprocessing = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class _CaseResult:
    case: int
    outcome: str
    violation: str
    seconds: float
    peak: float
    usage: ResourceUsage | None


def run_in_processes(
    name: str, seed: int, cases: range, workers: int, on_case: Callable[[], None]
) -> SurfaceResult:
    """Run the cases of a surface; `on_case` is called after each."""
    result, lock = SurfaceResult(name), Lock()
    may_crash = getattr(load(name), "CRASHES_SURVIVED", False)
    _multiprocessing.set_forkserver_preload(["tests.fuzz.warm"])

    def run_share(scratch: Path, share: list[int]) -> None:
        start = partial(_work, name=name, seed=seed, scratch=scratch)
        while share:
            share = _run_worker(start, share, add_case, add_end, add_growth)

    def add_case(case: _CaseResult) -> None:
        with lock:
            on_case()
            result.add_case(case.case, case.outcome, case.seconds)
            result.peak = max(result.peak, case.peak)
            for violation in _violations(case):
                result.add_finding(case.case, violation)

    def add_end(case: int, end: str) -> None:
        with lock:
            on_case()
            result.add_case(case, end, 0.0)
            if may_crash and end.startswith("crash"):
                result.crashes.append(case)
            else:
                result.add_finding(case, end)

    def add_growth(before: ResourceUsage, after: ResourceUsage) -> None:
        with lock:
            result.growth = max(result.growth, after.memory - before.memory)
            result.descriptors = max(result.descriptors, after.descriptors - before.descriptors)

    shares = [list(cases[n::workers]) for n in range(workers)]
    with tempfile.TemporaryDirectory(prefix="fuzz") as scratch, ThreadPoolExecutor(workers) as pool:
        list(pool.map(partial(run_share, Path(scratch)), shares))
    return result


def _violations(case: _CaseResult) -> list[str]:
    violations = [case.violation] if case.violation else []
    if case.seconds > MAX_SECONDS:
        violations.append(f"took {case.seconds:.1f} s")
    if case.peak > _MAX_MEMORY:
        violations.append(f"took {case.peak:.0f} MiB of memory")
    return violations


def _run_worker(
    start: Callable[..., None],
    share: list[int],
    add_case: Callable[[_CaseResult], None],
    add_end: Callable[[int, str], None],
    add_growth: Callable[[ResourceUsage, ResourceUsage], None],
) -> list[int]:
    """Run cases in one process; return the cases that remain after a crash or a hang."""
    receiver, sender = _multiprocessing.Pipe()
    process = _multiprocessing.Process(target=start, args=(sender, share), daemon=True)
    process.start()
    sender.close()
    usages: list[ResourceUsage] = []
    done = 0
    try:
        while done < len(share):
            if not receiver.poll(_HANG_SECONDS + (60 if done == 0 else 0)):
                process.kill()
                add_end(share[done], f"hang: more than {_HANG_SECONDS:g} s")
                return share[done + 1 :]
            case: _CaseResult = receiver.recv()
            done += 1
            add_case(case)
            if case.usage is not None:
                usages.append(case.usage)
    except (EOFError, OSError):
        process.join()
        add_end(share[done], f"crash: exit status {process.exitcode}")
        return share[done + 1 :]
    finally:
        if usages:
            add_growth(usages[0], usages[-1])
    process.join()
    return []


def _work(sender: Connection, share: list[int], name: str, seed: int, scratch: Path) -> None:
    log.configure("error", "json")
    with open(os.devnull, "wb") as null:  # noqa: PTH123 - codecs in C write to standard error
        os.dup2(null.fileno(), 2)
    surface = load(name)
    getattr(surface, "prepare", lambda: None)()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for number, case in enumerate(share):
            result = run_case(surface.run, name, seed, case, Path(folder))
            usage = None
            if number == _WARM_UP or (number > _WARM_UP and number == len(share) - 1):
                gc.collect()
                usage = resource_usage()
            sender.send(_CaseResult(case, *result, usage))


def run_case(
    run: Callable[..., str], name: str, seed: int, case: int, folder: Path
) -> tuple[str, str, float, float]:
    """Run one case; return outcome, violation, processor seconds, and peak memory in MiB."""
    reset_peak_memory()
    before = resource_usage().memory
    start = process_time()
    outcome, violation = "finding", ""
    try:
        outcome = run(case_random(seed, name, case), folder)
    except InvariantViolation as error:
        violation = str(error)
    except Exception as error:  # noqa: BLE001 - every other error is a finding
        violation = f"unexpected {type(error).__name__} {_location(error)}: {str(error)[:200]!r}"
    return outcome, violation, process_time() - start, peak_memory() - before


def _location(error: BaseException) -> str:
    """Return the last own function in the traceback, and the file that raised the error."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename][-1]
    return f"in {own.name} of {Path(own.filename).name} from {Path(where(error)).name}"
