"""Cases in processes of their own: one that crashes, hangs or eats memory is one finding.

Processes take turns: of `n`, each has every n-th case. What a case does depends on its number
alone, so that it is no matter which of them has it.
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
from tests.fuzz.chance import chance_of
from tests.fuzz.surface import Tally, Wrong
from tests.fuzz.surfaces import load
from tests.fuzz.watch import Held, forget_peak, held_by, peak_of

TOO_SLOW = 5.0  # seconds of processor time
_PATIENCE = 30.0  # seconds by the clock, on a machine that is busy, then the process is killed
_TOO_MUCH = 1024.0  # MiB that one case may take
_ROOM = 8 * 1024**3  # bytes of address space: a bomb is to be seen, not to hurt this machine
_WARM = 100  # cases before a process's memory is first looked at

# A server that has imported what is slow to import, so that a process that died is soon replaced.
_processes = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class _Done:
    case: int
    outcome: str
    fault: str
    seconds: float
    peak: float
    held: Held | None


def run_here(name: str, seed: int, cases: range, workers: int, seen: Callable[[], None]) -> Tally:
    """Run a surface's cases; `seen` is called after each."""
    tally, lock = Tally(name), Lock()
    survivable = getattr(load(name), "CRASHES_SURVIVED", False)
    _processes.set_forkserver_preload(["tests.fuzz.warm"])

    def drive(scratch: Path, share: list[int]) -> None:
        start = partial(_serve, name=name, seed=seed, scratch=scratch)
        while share:
            share = _one_process(start, share, note)

    def note(done: _Done | None, case: int, end: str, grown: Held | None) -> None:
        with lock:
            if grown is not None:
                tally.growth = max(tally.growth, grown.memory)
                tally.descriptors = max(tally.descriptors, grown.descriptors)
                return
            seen()
            if done is None:
                tally.note(case, end, 0.0)
                if survivable and end.startswith("crash"):
                    tally.crashes.append(case)
                else:
                    tally.blame(case, end)
                return
            tally.note(case, done.outcome, done.seconds)
            tally.peak = max(tally.peak, done.peak)
            for fault in _faults(done):
                tally.blame(case, fault)

    shares = [list(cases[n::workers]) for n in range(workers)]
    with tempfile.TemporaryDirectory(prefix="fuzz") as scratch, ThreadPoolExecutor(workers) as pool:
        list(pool.map(partial(drive, Path(scratch)), shares))
    return tally


def _faults(done: _Done) -> list[str]:
    faults = [done.fault] if done.fault else []
    if done.seconds > TOO_SLOW:
        faults.append(f"took {done.seconds:.1f} s")
    if done.peak > _TOO_MUCH:
        faults.append(f"took {done.peak:.0f} MiB of memory")
    return faults


def _one_process(
    start: Callable[..., None], share: list[int], note: Callable[..., None]
) -> list[int]:
    """Run cases until all are done or one ended the process; return those that are left."""
    line, far = _processes.Pipe()
    process = _processes.Process(target=start, args=(far, share), daemon=True)
    process.start()
    far.close()
    warm: Held | None = None
    last: Held | None = None
    done = 0
    try:
        while done < len(share):
            if not line.poll(_PATIENCE + (60 if done == 0 else 0)):
                process.kill()
                note(None, share[done], f"hang: more than {_PATIENCE:g} s", None)
                return share[done + 1 :]
            one: _Done = line.recv()
            done += 1
            note(one, one.case, "", None)
            if one.held is not None:
                warm, last = warm or one.held, one.held
    except (EOFError, OSError):
        process.join()
        note(None, share[done], f"crash: exit status {process.exitcode}", None)
        return share[done + 1 :]
    finally:
        if warm is not None and last is not None:
            grown = Held(
                last.memory - warm.memory, last.descriptors - warm.descriptors, last.threads
            )
            note(None, -1, "", grown)
    process.join()
    return []


def _serve(line: Connection, share: list[int], name: str, seed: int, scratch: Path) -> None:
    log.configure("error", "json")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - codecs in C complain to it
        os.dup2(nowhere.fileno(), 2)
    surface = load(name)
    getattr(surface, "prepare", lambda: None)()
    resource.setrlimit(resource.RLIMIT_AS, (_ROOM, _ROOM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for number, case in enumerate(share):
            done = one_case(surface.run, name, seed, case, Path(folder))
            held = None
            if number == _WARM or (number > _WARM and number == len(share) - 1):
                gc.collect()
                held = held_by()
            line.send(_Done(case, *done, held))


def one_case(
    run: Callable[..., str], name: str, seed: int, case: int, folder: Path
) -> tuple[str, str, float, float]:
    """Run one case; return its outcome, what was wrong, seconds, and MiB at its peak."""
    forget_peak()
    before = held_by().memory
    began = process_time()
    outcome, fault = "", ""
    try:
        outcome = run(chance_of(seed, name, case), folder)
    except Wrong as wrong:
        outcome, fault = "finding", str(wrong)
    except Exception as error:  # noqa: BLE001 - what nobody foresaw is what is looked for
        outcome = "finding"
        fault = f"unforeseen {type(error).__name__} {_passed(error)}: {str(error)[:200]!r}"
    return outcome, fault, process_time() - began, peak_of() - before


def _passed(error: BaseException) -> str:
    """Return where of ours an error came through, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "site-packages" not in one.filename]
    return f"in {ours[-1].name} of {Path(ours[-1].filename).name} from {Path(where(error)).name}"
