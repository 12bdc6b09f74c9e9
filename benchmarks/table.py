"""All that Carmask says about speed, as one table: each against its peer, in turn.

Have the machine to yourself; it takes some ten minutes.

    python benchmarks/table.py --write docs/benchmarks.md
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.augment import part_of, plain_pil, run_ours, run_plain, spread  # noqa: E402
from benchmarks.cutouts import processor  # noqa: E402
from benchmarks.inference import plain_network  # noqa: E402
from benchmarks.training import measured  # noqa: E402
from core.image import encode_jpeg, read_image  # noqa: E402
from core.masks import MaskSettings, mask_from_probability  # noqa: E402
from core.preprocess import resize  # noqa: E402
from core.torch_predictor import TorchPredictor  # noqa: E402
from tests.e2e.browser import find_chromium  # noqa: E402
from tests.e2e.server import serve  # noqa: E402
from training.augment.recipe import find_recipe  # noqa: E402
from training.augment.written.settings import AugmentJob  # noqa: E402
from training.data.folder import open_dataset  # noqa: E402
from training.machine import peak_bytes  # noqa: E402
from training.presets import find_preset  # noqa: E402

MEGAPIXELS = (0.3, 2.0, 12.0)
CHECKPOINTS = ("carmask-studio-5", "carmask-outside", "carmask-fast")
SIDES = ("carmask", "plain")
PEERS = """\
The peers are what one writes first: a plain U-Net of width 64 on squares of 256 px (contiguous
float32, eager), a training loop that reads its photos between two steps, an augmentation loop in
one process, and a Streamlit page of a few lines with that network (benchmarks/plain_page.py). Each
pair was measured in turn; the ratio is the median with the 5th to 95th percentile. Memory is the
most that the largest process of each side took.""".splitlines()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    unit: str
    ours: Sequence[float]
    """Of each turn; in seconds less is better, in images a second more."""
    peer: Sequence[float]
    memory: tuple[float, float]
    """Of ours and the peer, in MB; NaN where it was not measured."""

    def text(self) -> str:
        """Returns the line in Markdown."""
        ours, peer = np.array(self.ours), np.array(self.peer)
        ratio = peer / ours if self.unit == "s" else ours / peer
        memory = [f"{each:,.0f} MB" if np.isfinite(each) else "" for each in self.memory]
        cells = [self.what, f"{np.median(ours):.3g} {self.unit}", f"{np.median(peer):.3g}"]
        return "| " + " | ".join([*cells, f"**{spread(ratio)}**", *memory]) + " |"


# Photo to mask


def photo_of(megapixels: float, data: Path) -> bytes:
    """Returns a photo of a data folder, enlarged, as a JPEG file."""
    image = open_dataset(data).samples[0].read()[0]
    scale = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    height, width = (round(side * scale) for side in image.shape[:2])
    return encode_jpeg(resize(image, height, width))


def masker(side: str, run: str) -> Callable[[bytes], object]:
    """Returns one side as a function from a photo's file to its mask."""
    if side == "plain":
        network = plain_network(None)
        return lambda file: network(read_image(file)) >= 0.5
    predictor = TorchPredictor.load(ROOT / "runs" / run, "cpu")
    settings = MaskSettings()
    return lambda file: mask_from_probability(predictor(read_image(file)), settings)


def mask_one(side: str, run: str, file: bytes) -> None:
    """Makes one mask, to see what memory it takes."""
    masker(side, run)(file)


def photo_rows(data: Path, turns: int) -> Iterator[Row]:
    """Yields how long a photo takes, of each size, by each checkpoint."""
    for run in CHECKPOINTS:
        sides = {side: masker(side, run) for side in SIDES}
        for megapixels in MEGAPIXELS:
            file = photo_of(megapixels, data)
            seconds = in_turn(sides, file, turns)
            memory = [peak_of(mask_one, side, run, file) for side in SIDES]
            yield Row(
                f"photo to mask, {megapixels:g} megapixels, `{run}`",
                "s",
                seconds["carmask"],
                seconds["plain"],
                (memory[0], memory[1]),
            )


def in_turn(
    sides: dict[str, Callable[[bytes], object]], file: bytes, turns: int
) -> dict[str, list[float]]:
    """Returns the seconds of each turn of each side; a first turn warms both up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):
        for name, work in sides.items():
            started = time.perf_counter()
            work(file)
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


# Training and augmentation


def training_row(data: Path, turns: int) -> Row:
    """Returns how fast a training learns, forward, backward and reading together."""
    config = find_preset("best").config({"data": (str(data),), "device": "cpu"})
    speeds = measured(config, data, turns, 2)
    memory = [peak_of(measured, config, data, 1, 1, (side,)) for side in speeds]
    what = "training, preset `best` at 512 px"
    return Row(what, "images/s", speeds["engine"], speeds["plain"], (memory[0], memory[1]))


def augment_turn(side: str, photos: Path, out: Path) -> float:
    """Returns the images a second of writing an augmented set once."""
    shutil.rmtree(out, ignore_errors=True)
    job = AugmentJob(photos, out, 5, find_recipe("light"))
    speed = run_ours(job) if side == "carmask" else run_plain(plain_pil, job)
    return speed.images / speed.seconds


def augment_row(data: Path, turns: int) -> Row:
    """Returns how fast an augmented set is written, five pictures a photo."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        part_of(data, 200, place / "data")
        speeds: dict[str, list[float]] = {side: [] for side in SIDES}
        for turn in range(turns + 1):  # the first one warms both up
            for side in SIDES:
                speed = augment_turn(side, place / "data", place / side)
                speeds[side] += [speed] if turn else []
        memory = [peak_of(augment_turn, side, place / "data", place / side) for side in SIDES]
    what = "augmented set, recipe `light`"
    return Row(what, "images/s", speeds["carmask"], speeds["plain"], (memory[0], memory[1]))


# Pages


def first_picture(browser: Browser, address: str) -> float:
    """Returns the seconds from a new visitor's request to all pictures of the page."""
    context = browser.new_context()
    page = context.new_page()
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("[data-testid=stMain] img", timeout=120_000)
    page.wait_for_function(
        "document.querySelector('.stApp[data-test-script-state=notRunning]') && "
        "[...document.images].every(each => each.complete && each.naturalWidth > 0)",
        polling=50,
    )
    seconds = time.perf_counter() - started
    context.close()
    return seconds


def page_rows(data: Path, turns: int) -> Iterator[Row]:
    """Yields how long a visitor waits: the first one of a new server, and those after."""
    photo = open_dataset(data).samples[0]
    pages = {
        "start page": ("streamlit_app.py", ""),
        "Segment page": ("streamlit_app.py", f"/segment?sample={photo.name}"),
        "plain": ("benchmarks/plain_page.py", ""),
    }
    waits: dict[tuple[str, bool], list[float]] = {}
    memory: dict[str, float] = {}
    shown = str(photo.image_path.resolve())
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.txt"
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        for _ in range(turns):
            for name, (script, path) in pages.items():
                with serve(log, script, shown) as (address, server):
                    for first in (True, False, False):
                        seconds = first_picture(browser, address + path)
                        waits.setdefault((name, first), []).append(seconds)
                    memory[name] = max(memory.get(name, 0.0), peak_of_process(server.pid))
        browser.close()
    for name in ("start page", "Segment page"):
        for first in (True, False):
            who = "first visit after the start" if first else "later visits"
            yield Row(
                f"{name} to its pictures, {who}",
                "s",
                waits[name, first],
                waits["plain", first],
                (memory[name], memory["plain"]),
            )


# Memory


def peak_of(work: Callable[..., object], *arguments: object) -> float:
    """Returns the MB that a piece of work takes at most, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak_after, work, arguments).result()


def _peak_after(work: Callable[..., object], arguments: Sequence[object]) -> float:
    work(*arguments)
    scale = 1 if platform.system() == "Darwin" else 1024  # bytes there, kilobytes here
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * scale
    return max(peak_bytes(torch.device("cpu")), workers) / 1e6


def peak_of_process(process: int) -> float:
    """Returns the MB that another process took at most; NaN where the system doesn't say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))


# The table


def machine() -> str:
    """Returns what the figures were measured on."""
    return (
        f"{processor()}, {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__} with {torch.get_num_threads()} threads, {date.today():%d %B %Y}"
    )


def lines_of(data: Path, turns: int) -> Iterator[str]:
    """Yields the page, line by line."""
    yield "# Speed"
    yield ""
    yield f"`make bench` on {machine()}."
    yield ""
    yield from PEERS
    yield ""
    yield "| what | Carmask | peer | times as fast | memory | peer's |"
    yield "|---|---|---|---|---|---|"
    for row in photo_rows(data, turns):
        yield row.text()
    yield training_row(data, turns).text()
    yield augment_row(data, turns).text()
    for row in page_rows(data, turns):
        yield row.text()


def main() -> None:
    """Measures everything and prints one table; each line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "samples")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write it as Markdown")
    options = parser.parse_args()

    lines = []
    for line in lines_of(options.data, options.turns):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        options.write.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
