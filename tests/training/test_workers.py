"""Worker processes: what they return and raise, and what their death costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from core.errors import DataError
from training.jobs.workers import WorkerDiedError, WorkerPool

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def test_calls_return_and_raise_what_the_function_does() -> None:
    with WorkerPool(2) as pool:
        assert [pool.submit(pow, 2, n).result(60) for n in range(5)] == [1, 2, 4, 8, 16]
        assert pool.submit(os.getpid).result(60) != os.getpid()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result(60)
        assert isinstance(pool.submit(DataError, "text").result(60), DataError)
        pool.submit(print, "this must not disturb the answers").result(60)
        assert pool.submit(len, b"x" * 5_000_000).result(60) == 5_000_000


def test_a_death_is_one_call_and_the_next_gets_a_new_process() -> None:
    with WorkerPool(1) as pool:
        first = pool.submit(os.getpid).result(60)
        with pytest.raises(WorkerDiedError) as died:
            pool.submit(os._exit, 7).result(60)
        assert died.value.status == 7
        assert pool.submit(os.getpid).result(60) != first


def test_closing_waits_for_what_is_under_way_and_drops_the_rest() -> None:
    pool = WorkerPool(1)
    pool.submit(os.getpid).result(60)
    calls = [pool.submit(time.sleep, 0.2) for _ in range(20)]
    wait(calls[:1])
    pool.close()
    assert calls[0].result() is None and calls[-1].cancelled()


def test_workers_end_with_the_process_that_calls_them() -> None:
    code = (
        "import os, sys, time; from training.jobs.workers import WorkerPool; pool = WorkerPool(1);"
        "print(pool.submit(os.getpid).result(), flush=True); pool.submit(time.sleep, 60);"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        process.kill()
    until = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(worker, 0)
            time.sleep(0.05)
