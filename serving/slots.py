"""Work for a few threads, with a queue that says when it is full."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

Value = TypeVar("Value")


class FullError(Exception):
    """All places are taken; `seconds` says when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"All places are taken; come again in {seconds} s.")
        self.seconds = seconds


class Place:
    """One request's place, from before its body is read until its work has ended."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._working = False

    def __enter__(self) -> Place:
        """Starts nothing; the place was taken by `Slots.place`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Gives the place back, unless a thread still works for it: then that does."""
        if not self._working:
            self._slots.leave()

    async def run(self, work: Callable[[], Value], seconds: float) -> Value:
        """Returns what the work returns, done by a thread when one is free.

        Raises:
            TimeoutError: It took longer, waiting included; work that has begun goes on to its end.
        """
        future: Future[Value] = self._slots.submit(work)
        self._working = True
        return await asyncio.wait_for(asyncio.wrap_future(future), seconds)


class Slots:
    """A few threads, and a limited number of requests that wait for them."""

    def __init__(self, workers: int, waiting: int) -> None:
        """Starts with nobody there.

        Args:
            workers: Threads.
            waiting: Most requests besides those that the threads are at.
        """
        self.workers = workers
        self.taken = 0
        """Requests in the house, those that are being worked on included."""
        self._most = workers + waiting
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="carmask-serve")
        self._times: deque[float] = deque(maxlen=32)

    def place(self) -> Place:
        """Returns a place; to be used as a context. For the event loop's thread alone.

        Raises:
            FullError: There is none.
        """
        if self.taken >= self._most:
            raise FullError(self._wait())
        self.taken += 1
        return Place(self)

    def leave(self) -> None:
        """Gives a place back."""
        self.taken -= 1

    def submit(self, work: Callable[[], Value]) -> Future[Value]:
        """Returns the future of work whose place is given back when it ends."""
        loop = asyncio.get_running_loop()

        def timed() -> Value:
            started = perf_counter()
            try:
                return work()
            finally:
                self._times.append(perf_counter() - started)

        def end(_: Future[Value]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.leave)

        future = self._threads.submit(timed)
        future.add_done_callback(end)
        return future

    def close(self) -> None:
        """Lets no new work in; what has begun ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _wait(self) -> int:
        """Returns about when a place will be free, in whole seconds."""
        times = list(self._times)
        mean = sum(times) / len(times) if times else 1.0
        return max(1, math.ceil(mean * (self._most - self.workers) / self.workers))
