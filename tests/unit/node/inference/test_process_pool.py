"""A process of the pool may be killed at any moment, and only its own task fails."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from node.inference.process_pool import ProcessLost, ProcessPool

TIME_LIMIT = 60.0
_WRITE = "1"  # the number of the system call in /proc on x86-64
_LARGE = 2**20  # bytes


def run_task(name: str) -> object:
    """Run the task of this name in a process of the pool."""
    match name:
        case "pid":
            return os.getpid()
        case "large":
            return np.ones(2**27, np.float32)
        case "exit 0":
            os._exit(0)
        case _:
            time.sleep(2)
            return name


def kill_while_sending() -> None:
    """Kill the first child process that blocks in a large write."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in multiprocessing.active_children():
            call = Path(f"/proc/{child.pid}/syscall").read_text().split()
            if call[0] == _WRITE and int(call[3], 16) > _LARGE:
                os.kill(child.pid, signal.SIGKILL)
                return
    raise AssertionError("no process was sending")


def test_a_process_that_is_killed_while_idle_is_replaced() -> None:
    with ProcessPool(run_task, 1, TIME_LIMIT) as pool:
        killed = pool.call("pid")
        os.kill(killed, signal.SIGKILL)
        time.sleep(0.5)
        assert pool.call("pid") != killed


def test_a_process_that_is_killed_while_it_sends_loses_only_its_own_task() -> None:
    with ProcessPool(run_task, 2, TIME_LIMIT) as pool, ThreadPoolExecutor(2) as threads:
        large = threads.submit(pool.call, "large")
        small = threads.submit(pool.call, "small")
        kill_while_sending()
        with pytest.raises(ProcessLost, match=r"^crashed \(SIGKILL\)$"):
            large.result()
        assert small.result() == "small"
        assert pool.call("next") == "next"


def test_a_process_that_exits_with_status_0_is_lost() -> None:
    with ProcessPool(run_task, 1, TIME_LIMIT) as pool:
        with pytest.raises(ProcessLost, match=r"^crashed \(exit status 0\)$"):
            pool.call("exit 0")
        assert pool.call("next") == "next"
