"""The API under load: right answers, times against the bare prediction, and memory.

    python benchmarks/serve.py --requests 10000 --minutes 40

starts `carmask serve --api-only` on a free port and sends photos of 0.3 to 12 megapixels to it, of
which one in ten is broken. Each mask must have the bytes that core makes of that photo by itself.
Progress goes to stderr, one line of JSON to stdout; the exit status is 1 if an answer was wrong.

Memory is that after 500 requests (a quarter of fewer than 2,000) and at the end. Times: `answer` is
of photos while all callers are at it; in ten pauses each photo is also sent by one caller
(`alone`), in turn with the bare prediction by core in this process (`bare`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.image import encode_jpeg, read_photo  # noqa: E402
from core.masks import MaskSettings  # noqa: E402
from core.places import runs_folder  # noqa: E402
from core.results import mask_file  # noqa: E402
from serving.models import Models  # noqa: E402
from tests.e2e.server import free_port  # noqa: E402

MEGAPIXELS = (0.3, 0.3, 1.0, 1.0, 2.0, 3.0, 6.0, 12.0)
WARM_UP, WARM_UP_SHARE = 500, 0.25
"""Requests after which memory is compared with that at the end, and their largest share."""
PAUSES, PROGRESS = 10, 100
"""Parts of the load, between which times are compared; requests between two lines of progress."""
START_SECONDS = 180


@dataclass(frozen=True)
class Case:
    """One body, and what must come back."""

    body: bytes
    status: int
    mask: bytes = b""


def main() -> int:
    """Runs the load and prints one line of JSON; 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--checkpoint", default="", help="a name; default: the best one")
    parser.add_argument("--minutes", type=float, help="send no more requests after so long")
    parser.add_argument("--largest", type=float, default=12.0, help="megapixels")
    options = parser.parse_args()
    sizes = [size for size in MEGAPIXELS if size <= options.largest]
    core = Bare(options.checkpoint)
    cases = _cases(sizes, core)
    port = free_port()
    command = [sys.executable, "-m", "serving", "serve", "--api-only", "--port", str(port)]
    command += ["--queue", str(options.callers)]
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        cold = _wait_until_ready(port)
        found = Load(port, server.pid, cases, core, options).run()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    print(json.dumps({"cold_start_s": round(cold, 1), **found}))
    return 1 if found["wrong"] else 0


class Bare:
    """What the server does for a mask, without a server."""

    def __init__(self, checkpoint: str) -> None:
        self._session = Models(runs_folder()).session(checkpoint)
        self._settings = MaskSettings(self._session.model.threshold)

    def mask(self, body: bytes) -> bytes:
        """Returns the mask's file for a photo's file."""
        photo = read_photo(body)
        return mask_file(self._session.predict(photo).mask(self._settings))


def _cases(sizes: Sequence[float], core: Bare) -> list[Case]:
    """Returns the bodies, nine photos to one that is none."""
    bodies = [_photo(size, number) for number, size in enumerate(sizes)]
    cases = [Case(body, 200, core.mask(body)) for body in bodies]
    broken = [Case(bodies[0][:500], 422), Case(b"no photo", 422), Case(b"GIF89a", 422)]
    return [cases[number % len(cases)] for number in range(27)] + broken


def _photo(megapixels: float, seed: int) -> bytes:
    """Returns a JPEG of soft noise with a bright body in it, 3 by 2."""
    rng = np.random.default_rng(seed)
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    small = rng.integers(0, 256, (12, 18, 3), dtype=np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels[height // 3 : height // 2, width // 4 : width * 3 // 4] = (200, 30, 40)
    return encode_jpeg(pixels)


class Load:
    """All requests, in parts between which times are compared without load."""

    def __init__(
        self,
        port: int,
        pid: int,
        cases: Sequence[Case],
        core: Bare,
        options: argparse.Namespace,
    ) -> None:
        self._port, self._pid, self._cases, self._core = port, pid, cases, core
        self._callers, self._requests = options.callers, options.requests
        self._path = f"/api/v1/segment?output=mask&checkpoint={options.checkpoint}"
        self._started = time.perf_counter()
        self._until = self._started + 60 * (options.minutes or float("inf"))
        self._warm_up = min(WARM_UP, round(self._requests * WARM_UP_SHARE))
        self._statuses = Counter[str]()
        self._times: dict[str, list[float]] = {"answer": [], "alone": [], "bare": []}
        self._wrong, self._memory = 0, list[float]()

    def run(self) -> dict[str, float | dict[str, int]]:
        """Sends all requests that the time allows, and returns the figures."""
        order = random.Random(0).choices(self._cases, k=self._requests)
        step = -(-len(order) // PAUSES)
        with ThreadPoolExecutor(self._callers) as callers:
            for first in range(0, len(order), step):
                for answer in callers.map(self._send, order[first : first + step]):
                    if answer is not None:
                        self._count(*answer)
                self._compare()
        done = self._statuses.total()
        memory = self._memory or [_resident_mb(self._pid)]
        growth = {"memory_mb": memory[-1], "growth_mb": round(memory[-1] - memory[0], 1)}
        found = {
            "requests": done,
            "callers": self._callers,
            "wrong": self._wrong,
            "statuses": dict(self._statuses),
            "minutes": round((time.perf_counter() - self._started) / 60, 1),
            "memory_from": self._warm_up,
        } | growth
        for name, seconds in self._times.items():
            found |= _quantiles(name, seconds)
        return found

    def _send(self, case: Case) -> tuple[float, int, bool] | None:
        """Returns seconds, status and whether that is right; None once the time is over."""
        if time.perf_counter() > self._until:
            return None
        started = time.perf_counter()
        while True:
            status, body = _post(self._port, self._path, case.body)
            if status != 429:
                break
            time.sleep(0.2)
        right = status == case.status and (status != 200 or body == case.mask)
        return time.perf_counter() - started, status, right

    def _count(self, took: float, status: int, right: bool) -> None:
        self._statuses[str(status)] += 1
        self._wrong += not right
        if status == 200:
            self._times["answer"].append(took)
        done = self._statuses.total()
        if done >= self._warm_up and (done % PROGRESS == 0 or done == self._warm_up):
            self._memory.append(_resident_mb(self._pid))
        if done % PROGRESS == 0:
            seconds = time.perf_counter() - self._started
            memory = _resident_mb(self._pid)
            text = f"{done} of {self._requests}, {self._wrong} wrong, {seconds:.0f} s, {memory} MB"
            print(text, file=sys.stderr, flush=True)

    def _compare(self) -> None:
        """Sends each photo alone, in turn with core's own prediction of it."""
        for case in {case.mask: case for case in self._cases if case.mask}.values():
            answer = self._send(case)
            if answer is None:
                return
            self._wrong += not answer[2]
            self._times["alone"].append(answer[0])
            started = time.perf_counter()
            self._core.mask(case.body)
            self._times["bare"].append(time.perf_counter() - started)


def _post(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _wait_until_ready(port: int) -> float:
    """Returns the seconds until the networks were loaded."""
    started = time.perf_counter()
    while time.perf_counter() - started < START_SECONDS:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.perf_counter() - started
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("The server did not get ready.")


def _quantiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    cuts = quantiles(seconds, n=20, method="inclusive")
    return {f"{name}_p50_s": round(cuts[9], 4), f"{name}_p95_s": round(cuts[18], 4)}


def _resident_mb(pid: int) -> float:
    """Returns a process's resident memory; Linux."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
