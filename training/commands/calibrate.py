"""python -m training calibrate: measures what a checkpoint's uncertainty means; writes it in."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands import EXIT_OK
from training.commands.options import add_reading, counting_bar, reading_of

if TYPE_CHECKING:
    from core.familiarity import Familiarity
    from training.calibration import Seen
    from training.data.folder import Sample


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "calibrate",
        help="measure what a checkpoint's uncertainty means, and which photos it knows",
        description="Writes into the checkpoint, whose weights stay as they are. --limits: from "
        "which uncertainty a mask comes with a warning, and from which no car is found, so give "
        "photos without a car as well; of the split's validation photos. --familiar: what the "
        "split's training photos are like, so that a photo that is unlike them goes to the "
        "fallback at once.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="C", help="file, or a run's folder")
    parser.add_argument("--data", action="append", type=Path, default=[], metavar="DIR")
    parser.add_argument("--split", type=Path, metavar="FILE", help="split.json of its run")
    parser.add_argument(
        "--limits",
        action="store_true",
        help="chosen on every other validation car, and judged on the others",
    )
    parser.add_argument(
        "--detail",
        type=int,
        metavar="PX",
        help="size of a finer grid for photos that have as many pixels; 0 for none. Not measured: "
        "compare it with `evaluate` on large photos before",
    )
    parser.add_argument("--familiar", action="store_true", help="from the training photos")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    add_reading(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measures what was named, writes it into the checkpoint and prints it."""
    from core.checkpoint import find_checkpoint, save_facts
    from core.errors import ConfigError
    from training.calibration import halves, how_they_hold, limits_of
    from training.evaluation.images import open_images

    if not (options.limits or options.familiar or options.detail is not None):
        raise ConfigError("There is nothing to write; give --limits, --familiar or --detail.")
    if (options.limits or options.familiar) and not (options.data and options.split):
        raise ConfigError("--limits and --familiar need photos: give --data DIR and --split FILE.")
    path = find_checkpoint(options.checkpoint)
    changes: dict[str, Any] = {}
    reading = reading_of(options)
    if options.detail is not None:
        changes["detail"] = options.detail or None
    if options.familiar:
        images = open_images(options.data, reading, options.split, "train")
        changes["familiar"] = _familiarity(images.samples)
        print(f"photos further than {changes['familiar'].limit} are unlike the training photos")
    if options.limits:
        images = open_images(options.data, reading, options.split, "val")
        chosen_on, judged_on = halves(images.samples)
        limits = changes["limits"] = limits_of(_predicted(path, chosen_on, options.device))
        print(f"a warning above an uncertainty of {limits.check}, no car above {limits.no_car}")
        print(
            "on the other half:",
            *how_they_hold(limits, _predicted(path, judged_on, options.device)),
            sep="\n  ",
        )
    save_facts(path, **changes)
    print(path)
    return EXIT_OK


def _familiarity(samples: Sequence[Sample]) -> Familiarity:
    """Returns what photos have in common."""
    from core.familiarity import thumbnail
    from training.calibration import familiarity_of

    thumbnails = []
    with counting_bar("read photos") as progress:
        for sample in samples:
            thumbnails.append(thumbnail(sample.read()[0]))
            progress(len(thumbnails), len(samples))
    return familiarity_of(thumbnails)


def _predicted(path: Path, samples: Sequence[Sample], device: str) -> list[Seen]:
    """Returns what a checkpoint makes of photos; the limits that it has now play no part."""
    from core.masks import MaskSettings, mask_from_probability
    from core.metrics import score
    from core.predict import Mirrored
    from core.torch_predictor import TorchPredictor
    from core.uncertainty import Limits
    from training.calibration import Seen

    predictor = TorchPredictor.load(path, device)
    model, settings = Mirrored(predictor, Limits()), MaskSettings(predictor.threshold)
    photos: list[Seen] = []
    with counting_bar("predict") as progress:
        for sample in samples:
            image, truth = sample.read()
            prediction = model.predict(image)
            mask = mask_from_probability(prediction.at_size(*image.shape[:2]), settings)
            iou = score(mask, truth).iou if truth.any() else None
            photos.append(Seen(prediction.uncertainty or 0.0, iou))
            progress(len(photos), len(samples))
    return photos
