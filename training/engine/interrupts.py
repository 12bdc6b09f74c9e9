"""Ctrl-C and SIGTERM, answered between two steps and never within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from training.engine.processes import ALONE, Processes

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, Ctrl-C and SIGTERM are noted, and `check` raises KeyboardInterrupt.

    Weights that changed without the step being counted would make the saved state a lie; and an
    exception that falls into a fork is lost with the worker that was to be born. A second signal
    raises at once, for whoever does not want to wait, but not inside `held`.
    """

    def __init__(self, processes: Processes = ALONE) -> None:
        self._processes = processes
        self._noted = False
        self._holding = False
        self._before: dict[int, Any] = {}

    def check(self) -> None:
        """Raises KeyboardInterrupt where a signal has come; called where nothing is half done.

        A signal to one process is one to all: they stop at the same step.
        """
        if self._processes.total(self._noted):
            raise KeyboardInterrupt

    def check_here(self) -> None:
        """Raises KeyboardInterrupt where a signal has come to this very process."""
        if self._noted:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps even a second signal waiting until the block has ended."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._noted and not self._holding:
            raise KeyboardInterrupt
        self._noted = True

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # others get no signals
            self._before = {each: signal.signal(each, self._note) for each in _SIGNALS}
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
