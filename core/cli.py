"""The command line: python -m core segment | cutout | mask | info | import | export."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from core.checkpoint import (
    find_checkpoint,
    load_checkpoint,
    read_info,
    save_checkpoint,
)
from core.cli_photos import (
    add_network_options,
    chosen_checkpoints,
    chosen_edits,
    name_edited,
    networks_state,
    photo_progress,
)
from core.cutout import Edge
from core.drawing import OverlayStyle
from core.edits import EditStore
from core.errors import ConfigError, EditError
from core.exits import EXIT_OK, EXIT_SOME_FAILED, ended
from core.files import read_bytes_within, write_bytes_atomically
from core.listing.command import add_cutout
from core.mask_files import ENDINGS
from core.masks import MaskSettings
from core.names import counted, first_few
from core.photos import list_photos
from core.places import current_edits

if TYPE_CHECKING:
    from core.segment import Engine

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its status.

    0 all good, 1 some photos failed, 2 wrong usage, 130 stopped.
    """
    options = _parser().parse_args(arguments)
    work = partial(options.command, options)
    return ended(work, "Stopped; the photos that were done are there.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Cut cars out of photos with a U-Net."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    segment = commands.add_parser(
        "segment",
        help="write masks and overlays of photos",
        description="Writes <stem>_mask.png and <stem>_overlay.jpg of each photo and results.csv, "
        "whose column stem says which files are of which photo, and whose column doubt has the "
        "uncertainty of each mask: more than that in doubt_limit is worth a look. Stopped or "
        "killed, the same command goes on where it ended.",
    )
    segment.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="photo, folder, ZIP")
    segment.add_argument("--out", type=Path, required=True, metavar="DIR")
    add_network_options(segment)
    segment.add_argument("--threshold", type=float, help="default: the checkpoint's own")
    segment.add_argument("--keep-largest", action="store_true", help="keep the largest part only")
    segment.add_argument("--fill-holes", action="store_true", help="fill what the mask encloses")
    segment.add_argument(
        "--min-area", type=float, default=0.0, metavar="SHARE", help="remove smaller parts"
    )
    segment.add_argument("--cutout", action="store_true", help="also write <stem>_cutout.png")
    segment.add_argument(
        "--hard-edge",
        action="store_true",
        help="cut-outs with alpha 0 or 255 and the photo's own colours; without it the edge is "
        "soft and free of the old background",
    )
    segment.add_argument("--colour", default=OverlayStyle().colour, metavar="#RRGGBB")
    segment.add_argument("--opacity", type=float, default=OverlayStyle().opacity)
    segment.add_argument("--outline", type=float, default=OverlayStyle().outline, metavar="PX")
    segment.add_argument("--anew", action="store_true", help="do not go on where a stop was")
    segment.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: workers of a Ray cluster, the one of RAY_ADDRESS or one on this machine; all "
        "must see photos, checkpoints and DIR under the same paths",
    )
    segment.add_argument(
        "--workers", type=int, metavar="N", help="with --engine ray; default: one a core"
    )
    segment.add_argument("--json", action="store_true", help="print the table as JSON")
    segment.set_defaults(command=_segment)

    info = commands.add_parser("info", help="print what a checkpoint says of itself")
    info.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="file, or a run's folder")
    info.set_defaults(command=_info)
    add_cutout(commands)
    _add_mask(commands)
    _add_import(commands)
    _add_export(commands)
    return parser


def _add_mask(commands: Commands) -> None:
    """Adds the command that takes edited masks in and out."""
    mask = commands.add_parser(
        "mask",
        help="take the edited mask of a photo in or out",
        description="Files are PNG, or JSON with a COCO RLE where the name ends in .json; both "
        "hold the mask bit for bit at the photo's size. Edited masks lie in edits/, or in the "
        "folder that CARMASK_EDITS names.",
    )
    mask.add_argument("photo", type=Path, metavar="PHOTO")
    way = mask.add_mutually_exclusive_group(required=True)
    way.add_argument(
        "--import",
        dest="given",
        type=Path,
        metavar="FILE",
        help="make this the photo's accepted mask; one that was accepted before stays stored",
    )
    way.add_argument(
        "--out", type=Path, nargs="+", metavar="FILE", help="write the accepted mask: .png or .json"
    )
    mask.set_defaults(command=_mask)


def _add_import(commands: Commands) -> None:
    """Adds the command that takes over another program's network."""
    other = commands.add_parser(
        "import",
        help="make a checkpoint of another program's weights",
        description="Makes a checkpoint of the weights of milesial/Pytorch-UNet or of "
        "ajstyle007/U-Net-Paper-Implementation-Car-Segmentation-: a state dict, or what Lightning, "
        "an average of weights or a training script put around one. The architecture is found in "
        "it; what it does not say of itself is its program's usual, unless it is given here.",
    )
    other.add_argument(
        "file", type=Path, metavar="FILE", help="what torch.save wrote, or a .safetensors file"
    )
    other.add_argument(
        "--part", default="", metavar="NAME", help="which network, where the file holds several"
    )
    other.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder to make")
    other.add_argument("--title", default="", help="name to show")
    other.add_argument("--size", type=int, metavar="PX", help="a square of as many pixels")
    for name, text in (("mean", "subtracted from R, G and B in [0, 1]"), ("std", "divides them")):
        other.add_argument(f"--{name}", type=float, nargs=3, metavar=("R", "G", "B"), help=text)
    other.add_argument(
        "--padding",
        choices=("same", "valid"),
        default="same",
        help="valid where its 3x3 convolutions have no padding, which weights don't tell",
    )
    other.set_defaults(command=_import)


def _add_export(commands: Commands) -> None:
    """Adds the command that writes a checkpoint for other runtimes."""
    export = commands.add_parser(
        "export",
        help="write a checkpoint as ONNX, or in fewer bytes",
        description="Writes an ONNX file that takes a photo, uint8 (height, width, 3) RGB of any "
        "size, and gives its probability of car, float32 (height, width); or a checkpoint whose "
        "weights are stored in 16 or 8 bits.",
    )
    export.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="file, or run's folder")
    kind = export.add_mutually_exclusive_group(required=True)
    kind.add_argument("--onnx", type=Path, metavar="FILE", help="ONNX file to write")
    kind.add_argument(
        "--network",
        action="store_true",
        help="write the network alone beside the checkpoint, for a server without PyTorch",
    )
    kind.add_argument(
        "--batches", type=Path, metavar="FILE", help="ONNX file of many photos of one size to write"
    )
    for option, bits in (("--half", 16), ("--int8", 8)):
        text = f"checkpoint to write, with weights of {bits} bits"
        kind.add_argument(option, type=Path, metavar="FILE", help=text)
    export.add_argument(
        "--size", type=int, nargs=2, metavar="PX", help="width and height, with --batches"
    )
    export.add_argument("--opset", type=int, help="version of ONNX's operators; default: 17")
    export.set_defaults(command=_export)


def _segment(options: argparse.Namespace) -> int:
    """Segments photos; the options are checked before the first photo is touched."""
    from core.predict import load_model
    from core.segment import SegmentOptions, segment_photos
    from core.session import PredictionSession

    style = OverlayStyle(colour=options.colour, opacity=options.opacity, outline=options.outline)
    engine = _engine(options)
    paths, edits = chosen_checkpoints(options), chosen_edits(options)
    model = load_model(*paths, "cpu" if engine else options.device)
    threshold = model.threshold if options.threshold is None else options.threshold
    settings = MaskSettings(threshold, options.keep_largest, options.fill_holes, options.min_area)
    sources = list_photos(options.paths)
    with photo_progress("segment", sources) as bar:
        edge: Edge = "hard" if options.hard_edge else "soft"
        wanted = SegmentOptions(settings, style, edge if options.cutout else None)
        rows = segment_photos(
            engine(paths, edits) if engine else PredictionSession(model, edits=edits),
            sources,
            options.out,
            wanted,
            bar.show,
            state=networks_state(paths, edits),
            anew=options.anew,
            resumed=bar.resumed,
        )
    failed = sum(bool(row.error) for row in rows)
    if options.json:
        photos = [asdict(row) for row in rows]
        print(json.dumps({"out": str(options.out), "photos": photos, "left_out": sources.left_out}))
    else:
        print(f"{len(rows) - failed} of {counted(len(rows), 'photo')} segmented: {options.out}")
        if others := sum(row.checkpoint not in ("", model.name) for row in rows):
            print(f"{others} of them by the fallback, as {model.name} does not know such photos.")
        name_edited(rows)
        if uncertain := [row.file for row in rows if row.advice]:
            print(
                f"Check {len(uncertain)} of them, which may have no car or be unlike the training "
                f"photos: {first_few(uncertain, 5)}"
            )
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _engine(options: argparse.Namespace) -> Callable[..., Engine] | None:
    """Returns what makes Ray's engine, once paths and edits are known; None for this process."""
    if options.engine == "ray":
        from core.ray_engine import RayEngine

        return partial(RayEngine, device=options.device, workers=options.workers)
    if options.workers is not None:
        raise ConfigError("--workers goes with --engine ray; this process works by itself.")
    return None


def _mask(options: argparse.Namespace) -> int:
    """Makes a file's mask the photo's, or writes the photo's accepted mask."""
    from core.edit_facts import Origin, photo_digest
    from core.mask_files import mask_bytes, read_mask_file

    sources = list_photos([options.photo])
    if len(sources) != 1:
        raise ConfigError(f"{options.photo} holds {len(sources)} photos; give one photo.")
    source = sources[0]
    pixels, store = source.read(), EditStore(current_edits())
    digest, shape = photo_digest(pixels), (pixels.shape[0], pixels.shape[1])
    if options.given:
        mask = read_mask_file(read_bytes_within(options.given), options.given.name, shape)
        edit = store.begin(digest, source.name, mask, Origin(kind="imported")).accept()
        print(f"{store.path(edit)}: the mask of {source.name} from now on")
        return EXIT_OK
    for path in options.out:
        if path.suffix.casefold() not in ENDINGS:
            raise ConfigError(f"--out is {path}; give a file that ends in {' or '.join(ENDINGS)}.")
    accepted = store.accepted(digest, shape)
    if accepted is None or accepted.mask is None:
        why = accepted.problem if accepted else f"{source.name} has no accepted edited mask"
        raise EditError(f"{why.rstrip('.')}. `carmask segment` writes the predicted one.")
    for path in options.out:
        write_bytes_atomically(path, mask_bytes(accepted.mask, path.name))
        print(path)
    return EXIT_OK


def _info(options: argparse.Namespace) -> int:
    """Prints a checkpoint's facts as JSON."""
    path = find_checkpoint(options.checkpoint)
    found = read_info(path)
    facts = {"file": str(path), "bytes": path.stat().st_size, **asdict(found)}
    print(json.dumps(facts, indent=1))
    if not found.verdict.is_clean:
        print(found.verdict.sentence(), file=sys.stderr)
    return EXIT_OK


def _import(options: argparse.Namespace) -> int:
    """Makes a checkpoint of another program's weights and says what it was taken for."""
    from core.foreign.checkpoint import ImportOptions, import_checkpoint

    chosen = ImportOptions(
        title=options.title,
        size=options.size,
        mean=options.mean,
        std=options.std,
        padding=options.padding,
        part=options.part,
    )
    path, info = import_checkpoint(options.file, options.out, chosen)
    model, prepared = info.model, info.preprocessing
    of = f" (its part {info.origin['part']!r})" if "part" in info.origin else ""
    print(
        f"{info.origin['program']}{of}: width {model.width}, depth {model.depth}, padding "
        f"{model.padding}, norm {model.norm}, {model.upsampling} upsampling, "
        f"{'two classes' if info.origin['classes'] == 2 else 'one class'}; {prepared.size} px, "
        f"mean {prepared.mean}, std {prepared.std}\n{path}"
    )
    print(info.verdict.sentence(), file=sys.stderr)
    return EXIT_OK


def _export(options: argparse.Namespace) -> int:
    """Writes a checkpoint as ONNX, or in fewer bytes."""
    from core.export import OPSET, export_network, export_onnx
    from core.export_batches import export_batches
    from core.onnx_predictor import NETWORK_SUFFIX

    opset = options.opset or OPSET
    if options.network:
        path = find_checkpoint(options.checkpoint).with_suffix(NETWORK_SUFFIX)
        write_bytes_atomically(path, export_network(options.checkpoint, opset))
    elif options.half or options.int8:
        path = options.half or options.int8
        network = load_checkpoint(find_checkpoint(options.checkpoint))
        save_checkpoint(path, *network, bits=16 if options.half else 8)
    elif options.batches:
        path = options.batches
        data = export_batches(options.checkpoint, options.size and tuple(options.size), opset)
        write_bytes_atomically(path, data)
    else:
        path = options.onnx
        write_bytes_atomically(path, export_onnx(options.checkpoint, opset))
    print(f"{path}: {path.stat().st_size} bytes")
    return EXIT_OK
