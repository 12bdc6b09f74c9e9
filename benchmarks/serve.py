"""The API under load: right answers, times against the bare prediction, and memory.

    python benchmarks/serve.py --requests 400 --callers 8

starts `carmask serve --api-only` on a free port and sends photos of 0.3 to 12 megapixels to it, of
which one in ten is broken. Each mask must have the bytes that core makes of that photo by itself.
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
WARM_UP = 0.25
"""Share of the requests after which memory is compared with that at the end."""
START_SECONDS = 180


@dataclass(frozen=True)
class Case:
    """One body, and what must come back."""

    body: bytes
    status: int
    mask: bytes = b""


def main() -> int:
    """Runs the load and prints one line of JSON; 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--checkpoint", default="", help="a name; default: the best one")
    parser.add_argument("--largest", type=float, default=12.0, help="megapixels")
    options = parser.parse_args()
    sizes = [size for size in MEGAPIXELS if size <= options.largest]
    cases, bare = _cases(sizes, options.checkpoint)
    port = free_port()
    command = [sys.executable, "-m", "serving", "serve", "--api-only", "--port", str(port)]
    command += ["--queue", str(options.callers)]
    server = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        cold = _wait_until_ready(port)
        found = _load(port, server.pid, cases, options)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    print(json.dumps({"cold_start_s": round(cold, 1), **_quantiles("bare", bare), **found}))
    return 1 if found["wrong"] else 0


def _cases(sizes: Sequence[float], checkpoint: str) -> tuple[list[Case], list[float]]:
    """Returns the bodies, nine photos to one that is none, and the seconds that core needs."""
    session = Models(runs_folder()).session(checkpoint)
    settings = MaskSettings(session.model.threshold)
    cases, seconds = [], []
    for number, size in enumerate(sizes):
        body = _photo(size, number)
        for _ in range(2):  # the first one warms up
            started = time.perf_counter()
            photo = read_photo(body)
            mask = mask_file(session.predict(photo).mask(settings))
            took = time.perf_counter() - started
        seconds.append(took)
        cases.append(Case(body, 200, mask))
    broken = [Case(cases[0].body[:500], 422), Case(b"no photo", 422), Case(b"GIF89a", 422)]
    good = [cases[number % len(cases)] for number in range(27)]
    return good + broken, seconds


def _photo(megapixels: float, seed: int) -> bytes:
    """Returns a JPEG of soft noise with a bright body in it, 3 by 2."""
    rng = np.random.default_rng(seed)
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    small = rng.integers(0, 256, (12, 18, 3), dtype=np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels[height // 3 : height // 2, width // 4 : width * 3 // 4] = (200, 30, 40)
    return encode_jpeg(pixels)


def _load(
    port: int, pid: int, cases: Sequence[Case], options: argparse.Namespace
) -> dict[str, float | dict[str, int]]:
    """Sends all requests, and returns the figures."""
    order = random.Random(0).choices(cases, k=options.requests)
    path = f"/api/v1/segment?output=mask&checkpoint={options.checkpoint}"
    statuses, wrong, seconds, memory = Counter[str](), 0, [], []

    def send(case: Case) -> tuple[float, int, bool]:
        started = time.perf_counter()
        while True:
            status, body = _post(port, path, case.body)
            if status != 429:
                break
            time.sleep(0.2)
        right = status == case.status and (status != 200 or body == case.mask)
        return time.perf_counter() - started, status, right

    with ThreadPoolExecutor(options.callers) as callers:
        for number, (took, status, right) in enumerate(callers.map(send, order)):
            statuses[str(status)] += 1
            wrong += not right
            if status == 200:
                seconds.append(took)
            if number in (round(options.requests * WARM_UP), options.requests - 1):
                memory.append(_resident_mb(pid))
    return {
        "requests": options.requests,
        "callers": options.callers,
        "wrong": wrong,
        "statuses": dict(statuses),
        **_quantiles("answer", seconds),
        "memory_mb": memory[-1],
        "growth_mb": round(memory[-1] - memory[0], 1),
    }


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
    cuts = quantiles(seconds, n=20, method="inclusive")
    return {f"{name}_p50_s": round(cuts[9], 4), f"{name}_p95_s": round(cuts[18], 4)}


def _resident_mb(pid: int) -> float:
    """Returns a process's resident memory; Linux."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
