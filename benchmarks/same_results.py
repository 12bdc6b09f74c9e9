"""Whether this working tree gives the same results as another commit, bit for bit.

`python benchmarks/same_results.py --against main` runs the same commands in both trees, on one
thread of the CPU: a short training (its weights), its and the flagship's evaluation (their figures)
and `segment` on some photos (their masks). What differs is named. If the weights differ, both are
scored on the same photos, and `python -m training compare` gives the paired verdict.

Exit status: 0 all is the same, 1 something differs, 2 a command failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parent.parent
FIT = "--preset quick --minutes 0 --epochs 1 --size 128 --threads 1 --workers 0 --precision fp32"
TIMES = "seconds"
"""The column of an evaluation's rows that no two runs share."""


def main() -> int:
    """Prints what is the same and what differs; see the module's docstring for the status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", default="HEAD", metavar="COMMIT", help="default: HEAD")
    parser.add_argument("--data", type=Path, default=ROOT / "samples", help="photos with masks")
    parser.add_argument("--photos", type=int, default=20, help="photos to segment")
    parser.add_argument("--checkpoint", default="runs/carmask-studio-5", help="in each tree")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, checkout(options.against, Path(place)) as other:
        before, after = Path(place) / "before", Path(place) / "after"
        try:
            make_results(other, before, options)
            make_results(ROOT, after, options)
        except subprocess.CalledProcessError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        weights = weights_differ(before, after)
        found = {
            "weights of a short training": weights,
            "figures of its evaluation": rows_differ(before, after, "trained.csv"),
            f"figures of {options.checkpoint}": rows_differ(before, after, "shipped.csv"),
            "masks": masks_differ(before, after),
        }
        for what, differences in found.items():
            print(f"{what}: {'differ: ' + differences if differences else 'the same'}")
        if weights:
            pair = [str(folder / "runs" / folder.name) for folder in (before, after)]
            run(ROOT, "training", "compare", *pair, "--data", str(options.data.resolve()))
        return int(any(found.values()))


@contextmanager
def checkout(commit: str, place: Path) -> Iterator[Path]:
    """Gives a folder with the files of a commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    folder = place / "tree"
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def run(tree: Path, package: str, *arguments: str) -> None:
    """Runs a command line of a tree; only its errors are shown, and what compare says."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tree)}
    environment.pop("CARMASK_RUNS", None)
    quiet = None if "compare" in arguments else subprocess.DEVNULL
    command = [sys.executable, "-m", package, *arguments]
    subprocess.run(command, cwd=tree, env=environment, check=True, stdout=quiet)


def make_results(tree: Path, out: Path, options: argparse.Namespace) -> None:
    """Writes runs/, trained.csv, shipped.csv and masks/ with a tree's code."""
    data = str(options.data.resolve())
    fit = ["--data", data, "--device", "cpu", "--runs", str(out / "runs"), "--name", out.name]
    run(tree, "training", "fit", *FIT.split(), *fit)
    shipped = out / "shipped.safetensors"  # beside it are no stored rows that could be found again
    source = tree / options.checkpoint / "checkpoints" / "best.safetensors"
    shipped.write_bytes(source.read_bytes())
    for checkpoint, rows in ((out / "runs" / out.name, "trained.csv"), (shipped, "shipped.csv")):
        words = ["--checkpoint", str(checkpoint), "--data", data, "--device", "cpu"]
        run(tree, "training", "evaluate", *words, "--out", str(out / rows))
    photos = sorted((options.data / "images").glob("*.*"))[:: max(1, 96 // options.photos)]
    paths = [str(path.resolve()) for path in photos[: options.photos]]
    words = ["--out", str(out / "masks"), "--device", "cpu", "--checkpoint", options.checkpoint]
    run(tree, "core", "segment", *paths, *words)


def weights_differ(before: Path, after: Path) -> str:
    """Returns which tensors of the trained networks differ; "" if none does."""
    old, new = (
        load_file(folder / "runs" / folder.name / "checkpoints" / "best.safetensors")
        for folder in (before, after)
    )
    return _names(
        name
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or old[name].tobytes() != new[name].tobytes()
    )


def rows_differ(before: Path, after: Path, name: str) -> str:
    """Returns which columns of an evaluation differ, but times; a new column is no difference."""
    old, new = (pd.read_csv(folder / name) for folder in (before, after))
    return _names(
        column
        for column in old.columns
        if column != TIMES
        and not (column in new and (column in _ABOUT or old[column].equals(new[column])))
    )


_ABOUT = ("checkpoint", "subject", "run", "path")
"""Columns that name the checkpoint, which lies in another folder."""


def masks_differ(before: Path, after: Path) -> str:
    """Returns which masks differ in a pixel; "" if none does."""
    old, new = (
        {path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in found}
        for found in ((folder / "masks").glob("*_mask.png") for folder in (before, after))
    )
    return _names(
        name
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or not np.array_equal(old[name], new[name])
    ) or ("" if old else "there is none")


def _names(names: Iterator[str]) -> str:
    found = list(names)
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


if __name__ == "__main__":
    sys.exit(main())
