"""How a training is ended before its time: by errors, with advice, and by Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch

from core.errors import DivergedError, RunError, ShortMemoryError, reason
from training.config import TrainConfig
from training.engine.distributed import DistributedContext
from training.presets import memory_advice
from training.runs.runlog import Cause

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""Words of torch's allocators for CUDA, Apple's GPU and the CPU."""


def explained(error: Exception, run: Path, config: TrainConfig, device: torch.device) -> Exception:
    """Returns a RunError with advice, or the error itself where it is one of Carmask's.

    Args:
        error: What was raised.
        run: The run's folder.
        config: Its settings.
        device: Where the network is.
    """
    go_on = f"go on with --resume {run}"
    if isinstance(error, OSError):
        return RunError(
            f"The run {run} can't be written: {reason(error)}. Make room, then {go_on}."
        )
    if is_short_memory(error):
        return short_memory(config, device)
    if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
        return RunError(
            "A process that reads photos was killed, maybe for want of memory; "
            f"{go_on}, if need be with fewer --workers."
        )
    return error


def is_short_memory(error: Exception) -> bool:
    """Returns whether an error means out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).casefold() for words in _NO_MEMORY
    )


def short_memory(config: TrainConfig, device: torch.device) -> ShortMemoryError:
    """Returns an error that proposes settings that need less memory."""
    return ShortMemoryError(
        f"There is too little memory on {device} for a step of {config.batch} photos of "
        f"{config.size} px. {memory_advice(config)}"
    )


def cause_of(error: Exception) -> Cause:
    """Returns what kind of failure an error is."""
    if isinstance(error, DivergedError):
        return "diverged"
    return "memory" if isinstance(error, ShortMemoryError) else ""


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TIMEOUT = 20.0
"""Seconds from a signal to the end, where several processes train; torchrun kills after 30."""
_EXIT_STATUS = 2
"""That of the command line after an error."""


class StopSignals:
    """While entered, Ctrl-C and SIGTERM are noted, and `check` raises KeyboardInterrupt.

    An exception between a change of weights and the step's count would falsify the saved state,
    and one raised during a fork dies with the child. A second signal raises at once, except inside
    `held`.
    """

    def __init__(self, processes: DistributedContext, on_stuck: Callable[[], None]) -> None:
        """Notes nothing before it is entered.

        Args:
            processes: Those that stop together.
            on_stuck: Called from another thread before this process is ended because it hangs in
                an exchange with a process that is gone (NCCL does not notice).
        """
        self._processes = processes
        self._on_stuck = on_stuck
        self._obeyed = threading.Event()
        self._wakeup: socket.socket | None = None
        self._noted = False
        self._holding = False
        self._before: dict[int, Any] = {}

    def check(self) -> None:
        """Raises KeyboardInterrupt in all processes at the same step after a signal to any."""
        if self._processes.total(self._noted):
            self._obeyed.set()
            raise KeyboardInterrupt

    def check_here(self) -> None:
        """Raises KeyboardInterrupt after a signal to this very process."""
        if self._noted:
            self._obeyed.set()
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Postpones even a second signal until the block has ended."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._noted and not self._holding:
            raise KeyboardInterrupt
        self._noted = True

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():  # others get no signals
            self._before = {each: signal.signal(each, self._note) for each in _SIGNALS}
            if self._processes.count > 1:
                self._watch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._before = {}
        self._obeyed.set()
        if self._wakeup is not None:
            signal.set_wakeup_fd(-1)
            self._wakeup.close()

    def _watch(self) -> None:
        """Lets signals wake a thread, too, as Python's handlers wait for the main thread."""
        self._wakeup, reader = socket.socketpair()
        self._wakeup.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._end_when_stuck, args=(reader,), daemon=True).start()

    def _end_when_stuck(self, reader: socket.socket) -> None:
        with reader:
            for number in iter(lambda: reader.recv(1), b""):
                if number[0] in _SIGNALS and not self._obeyed.wait(_TIMEOUT):
                    self._on_stuck()
                    os._exit(_EXIT_STATUS)
