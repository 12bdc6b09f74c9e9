"""Locks name who holds them, and Stop reaches that process and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from training.augment.written.status import stop_augment
from training.jobs.process import lock_holder, stop_holder, take_lock

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
HOLD = "import sys, time; from pathlib import Path; from training.jobs.process import take_lock; "
HOLD += "lock = take_lock(Path(sys.argv[1])); print(flush=True); time.sleep(60)"


@contextmanager
def holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Gives a process that holds a lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[str]]:
    """Gives a process that has nothing to do with us."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, text=True) as process:
        yield process
        process.kill()


def test_only_the_holder_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not stop_holder(path)
    with holding(path) as holder:
        assert lock_holder(path) == holder.pid
        assert stop_holder(path)
        assert holder.wait(10) < 0
    assert not stop_holder(path)


def test_this_process_does_not_stop_itself(tmp_path: Path) -> None:
    with take_lock(tmp_path / "lock"):
        assert lock_holder(tmp_path / "lock") == os.getpid()
        assert not stop_holder(tmp_path / "lock")


def test_a_process_id_in_a_file_stops_nobody(tmp_path: Path) -> None:
    """A writer begun from a terminal holds the lock while state.json is still an older one's."""
    with sleeping() as stranger, holding(tmp_path / "lock") as writer:
        (tmp_path / "state.json").write_text(f'{{"status": "running", "pid": {stranger.pid}}}')
        assert stop_augment(tmp_path)
        assert writer.wait(10) < 0
        assert stranger.poll() is None
        assert not stop_augment(tmp_path)
        assert stranger.poll() is None
