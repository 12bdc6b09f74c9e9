"""How much memory segmenting one photo takes, as a process of its own: prints it in bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core.device import resolve_device
from training.evaluation.subjects import cascade_of, ensemble_of, subject_of
from training.machine import peak_bytes


def main() -> None:
    """Segments a photo and prints the most memory that was held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--flips", action="store_true")
    parser.add_argument("--cascade", action="store_true")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    options = parser.parse_args()
    subjects = [subject_of(path, flips=options.flips) for path in options.checkpoints]
    if options.cascade:
        subject = cascade_of(*options.checkpoints)
    else:
        subject = subjects[0] if len(subjects) == 1 else ensemble_of(subjects, flips=options.flips)
    photo = np.zeros((options.height, options.width, 3), np.uint8)
    subject.load(options.device)(photo)
    print(peak_bytes(resolve_device(options.device)))


if __name__ == "__main__":
    main()
