"""`carmask segment --engine ray` against one process: same files, ratio, killed workers.

    pip install "carmask[ray]"
    python benchmarks/ray_workers.py --photos 2000 --checkpoint runs/carmask-fast

segments drawn cars in many sizes by one process; by two workers, of which one is killed in the
middle; and by two workers whose command is killed in the middle and given again. It says whether
all files have the same bytes, and results.csv the same lines besides the times.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.image import encode_jpeg, read_image  # noqa: E402
from core.own_results import MASK_END, TABLE_NAME  # noqa: E402
from core.places import samples_folder  # noqa: E402
from core.segment import JOURNAL_NAME  # noqa: E402

SMALLEST, SIZES = 240, 17
WORKER = "ray::MapWorker"


def main() -> int:
    """Runs all three and prints one line of JSON; 1 where a file, or a line, differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-fast")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        draw(place / "photos", options.photos)
        command = [sys.executable, "-m", "core", "segment", str(place / "photos"), "--cutout"]
        command += ["--checkpoint", str(options.checkpoint.resolve()), "--out"]
        ray = ["--engine", "ray", "--workers", "2"]
        took = {"one_process_s": run([*command, str(place / "one")])}
        took["two_workers_s"] = run([*command, str(place / "two"), *ray])
        out = place / "worker"
        took["worker_killed_s"] = run([*command, str(out), *ray], out, kill_a_worker)
        out = place / "command"
        took["command_killed_s"] = run([*command, str(out), *ray], out, kill_the_command)
        finished = len((out / JOURNAL_NAME).read_bytes().splitlines())
        took["gone_on_s"] = run([*command, str(out), *ray])
        same = {name: differences(place / "one", place / name) for name in ("two", out.name)}
        same["worker"] = differences(place / "one", place / "worker")
    found = {name: round(seconds, 1) for name, seconds in took.items()}
    ratio = round(took["one_process_s"] / took["two_workers_s"], 2)
    facts = {"photos": options.photos, "times_as_fast": ratio, "finished_before_kill": finished}
    print(json.dumps({**facts, "different": same, **found}))
    return 1 if any(same.values()) else 0


def draw(folder: Path, count: int) -> None:
    """Writes photos of the drawn cars, each in a size of its own."""
    folder.mkdir()
    cars = [read_image(path) for path in sorted((samples_folder() / "images").glob("*.jpg"))]
    for number in range(count):
        car = cars[number % len(cars)]
        width = SMALLEST + number % SIZES * 16 + number // len(cars)
        height = round(width * car.shape[0] / car.shape[1])
        small = cv2.resize(car, (width, height), interpolation=cv2.INTER_AREA)
        (folder / f"car{number}.jpg").write_bytes(encode_jpeg(small))


def run(command: list[str], out: Path | None = None, disturb: object = None) -> float:
    """Returns the seconds of a command that is disturbed once a third of its masks are there."""
    started = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    if out is not None and callable(disturb):
        photos = len(list((out.parent / "photos").iterdir()))
        while len(list(out.glob(f"*{MASK_END}"))) < photos / 3:
            assert process.poll() is None, "it ended before it was disturbed"
            time.sleep(0.2)
        disturb(process)
    process.wait()
    return time.perf_counter() - started


def kill_a_worker(_command: subprocess.Popen[bytes]) -> None:
    """Kills one of the command's workers as a lack of memory would."""
    os.kill(workers()[0], signal.SIGKILL)


def kill_the_command(command: subprocess.Popen[bytes]) -> None:
    """Kills the command; its cluster notices, and ends."""
    command.kill()
    while workers():
        time.sleep(0.5)


def workers() -> list[int]:
    """Returns the processes of Ray's workers on this machine; Linux."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_text().startswith(WORKER):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Returns the names of files that differ or are there once only; a table's times may differ.

    What a killed worker was about to write lies there under a hidden name that ends in .tmp.
    """
    files = [path for folder in (one, other) for path in folder.iterdir()]
    names = {path.name for path in files if path.suffix != ".tmp"}
    found = [name for name in names - {TABLE_NAME} if content(one / name) != content(other / name)]
    return sorted(found + ([TABLE_NAME] if table(one) != table(other) else []))


def content(path: Path) -> bytes | None:
    """Returns a file's bytes; None if there is no file."""
    return path.read_bytes() if path.exists() else None


def table(folder: Path) -> list[dict[str, str]]:
    """Returns the lines of results.csv without their times."""
    with (folder / TABLE_NAME).open(encoding="utf-8-sig", newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


if __name__ == "__main__":
    sys.exit(main())
