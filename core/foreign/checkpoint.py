"""Another program's state dict becomes a checkpoint that explains itself, with the same output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from core.architecture import Norm, Padding, UNetConfig
from core.checkpoint import SUFFIX, CheckpointInfo, save_checkpoint
from core.errors import CarmaskError, CheckpointError
from core.foreign.programs import Layer, Parts, Program, layers_of
from core.foreign.state_dict import read_state_dict
from core.model import UNet
from core.names import first_few
from core.preprocess import Preprocessing
from core.split_verdict import UNKNOWN

Colours = tuple[float, float, float]


@dataclass(frozen=True)
class ImportOptions:
    """What a state dict does not say of itself; None stands for its program's usual setting."""

    title: str = ""
    """Name to show; by default the program's and the file's."""
    size: int | None = None
    """Side in px of a square with as many pixels as the network's grid gets."""
    mean: Colours | None = None
    """Subtracted from R, G and B in [0, 1]."""
    std: Colours | None = None
    """Divides them afterwards."""
    padding: Padding = "same"
    """Whether the 3x3 convolutions are padded."""
    part: str = ""
    """Which network to take where the file holds several, such as "model" and "ema"."""


def import_checkpoint(
    file: Path, run: Path, options: ImportOptions | None = None
) -> tuple[Path, CheckpointInfo]:
    """Returns the checkpoint, and its facts, that another program's state dict was made into.

    Args:
        file: Weights of a program in `core.foreign.programs`, from torch.save or as safetensors.
        run: Folder to make; below a folder of runs the pages find it.
        options: What the file does not say.

    Raises:
        CheckpointError: The file can't be read, is no network that is known, or the folder has a
            checkpoint already.
        ConfigError: A setting is outside its range.
    """
    options = options or ImportOptions()
    target = run / "checkpoints" / f"best{SUFFIX}"
    if target.exists():
        raise CheckpointError(f"{target} is there already; choose another folder.")
    stored = read_state_dict(file, options.part)
    program = stored.program
    try:
        parts = program.take_apart(layers_of(stored.tensors))
        model = convert(program, parts, options.padding)
    except CheckpointError as error:
        raise CheckpointError(f"{file.name}: {error}") from error
    info = CheckpointInfo(
        model=model.config,
        preprocessing=Preprocessing(
            program.size if options.size is None else options.size,
            options.mean or program.mean,
            options.std or program.std,
        ),
        title=options.title or f"{program.title}, {file.stem}",
        run=run.absolute().name,
        split={"verdict": UNKNOWN.to_json()},
        origin={
            "program": program.title,
            "file": file.name,
            **({"part": stored.part} if stored.part else {}),
            "sha256": stored.sha256,
            "classes": parts.classes,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(target, model, info)
    return target, info


def convert(program: Program, parts: Parts, padding: Padding) -> UNet:
    """Returns Carmask's network with the same output, in evaluation mode.

    Two classes become one: of two, softmax is the sigmoid of their difference, so the last layer's
    rows are subtracted from each other.

    Args:
        program: The program that the parts come from.
        parts: Its network.
        padding: Whether its 3x3 convolutions are padded; tensors don't tell.

    Raises:
        CheckpointError: The parts do not make up a U-Net that can be built here.
    """
    config = _architecture(program, parts, padding)
    tensors = _tensors(program, parts, config)
    expected = config.tensor_shapes()
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise CheckpointError(
                f"The shapes are not those of a U-Net that doubles its channels at each level: "
                f"{name} is {_text(found.get(name))}, needed is {_text(expected.get(name))} for "
                f"width {config.width} and depth {config.depth}."
            )
    model = UNet(config)
    model.load_state_dict(tensors)
    return model.eval()


def _architecture(program: Program, parts: Parts, padding: Padding) -> UNetConfig:
    """Returns the architecture that the shapes tell."""
    blocks = [*parts.contracting, *parts.expansive]
    if any([layer.kernel for layer in block] != [3, 3] for block in blocks):
        raise CheckpointError("Each level of the network needs two 3x3 convolutions.")
    if [layer.kernel for layer in parts.final] != [1]:
        raise CheckpointError("The last layer must be a 1x1 convolution.")
    _require_biases([layer for block in blocks for layer in block], parts.up, parts.final)
    width, channels = parts.contracting[0][0].weight.shape[:2]
    classes = parts.classes
    if channels != 3 or classes > 2:
        raise CheckpointError(
            f"The network maps {channels} channels to {classes} classes; needed are 3 channels "
            "(RGB), and 1 class (car) or 2 (background and car)."
        )
    depth = len(parts.expansive)
    if len(parts.contracting) != depth + 1 or len(parts.up) not in (0, depth):
        raise CheckpointError(
            f"The network has {len(parts.contracting)} levels on the way down, {depth} on the way "
            f"up and {len(parts.up)} up-convolutions; that is no U-Net."
        )
    narrows = any(first.weight.shape[0] != last.weight.shape[0] for first, last in parts.expansive)
    upsampling = "activated" if parts.activated else "transposed" if parts.up else "bilinear"
    try:
        return UNetConfig(
            in_channels=3,
            out_channels=1,
            width=width,
            depth=depth,
            padding=padding,
            norm=_norm([layer for block in blocks for layer in block]),
            upsampling=upsampling,  # type: ignore[arg-type]
            narrowing="convs" if narrows or not parts.up else "up",
            odd_sides=program.odd_sides if padding == "same" else "grow",
        )
    except CarmaskError as error:
        raise CheckpointError(f"Such a network can't be built: {error}") from error


def _norm(layers: Sequence[Layer]) -> Norm:
    normalised = {layer.norm is not None for layer in layers}
    if len(normalised) > 1:
        raise CheckpointError("Some 3x3 convolutions are normalised and others are not.")
    return "batch" if normalised == {True} else "none"


def _require_biases(convs: Sequence[Layer], up: Sequence[Layer], final: Sequence[Layer]) -> None:
    """Refuses a network from which single biases are missing; layers of one kind have all or none.

    The 1x1 convolution stands alone and has one in every program.
    """
    without = [layer.name for layer in final if layer.bias is None]
    for layers in (convs, up):
        lacking = [layer.name for layer in layers if layer.bias is None]
        without += lacking if len(lacking) < len(layers) else []
    if without:
        raise CheckpointError(
            f"There is no bias of {first_few(without, 5)}. The file is damaged, or not all of the "
            "network was saved in it; save it again."
        )


def _tensors(program: Program, parts: Parts, config: UNetConfig) -> dict[str, Tensor]:
    """Returns the weights under Carmask's names."""
    tensors: dict[str, Tensor] = {}
    normalised = config.norm == "batch"
    second = 3 if normalised else 2
    for place, (first, last) in enumerate(parts.contracting):
        _put(tensors, f"contracting.{place}", 0, first, normalised)
        _put(tensors, f"contracting.{place}", second, last, normalised)
    for place, layer in enumerate(parts.up):
        if config.upsampling == "activated":
            _put(tensors, f"up_convs.{place}", 0, layer, normalised)
        else:
            _put(tensors, "up_convs", place, layer, False)
    for place, (first, last) in enumerate(parts.expansive):
        if program.up_first:
            first = _skip_first(first)
        _put(tensors, f"expansive.{place}", 0, first, normalised)
        _put(tensors, f"expansive.{place}", second, last, normalised)
    weight, bias = parts.final[0].weight, _bias(parts.final[0])
    if len(weight) == 2:
        weight, bias = (t.double().diff(dim=0).float() for t in (weight, bias))
    tensors["final.weight"], tensors["final.bias"] = weight, bias
    return tensors


def _put(
    tensors: dict[str, Tensor], prefix: str, place: int, layer: Layer, normalised: bool
) -> None:
    """Adds a layer; with a normalisation after it, its bias moves into that one's mean."""
    tensors[f"{prefix}.{place}.weight"] = layer.weight
    if not normalised:
        tensors[f"{prefix}.{place}.bias"] = _bias(layer)
    if layer.norm is None:
        return
    tensors |= {
        f"{prefix}.{place + 1}.weight": layer.norm.weight,
        f"{prefix}.{place + 1}.bias": layer.norm.bias,
        f"{prefix}.{place + 1}.running_mean": layer.norm.mean - _bias(layer),
        f"{prefix}.{place + 1}.running_var": layer.norm.variance,
        f"{prefix}.{place + 1}.num_batches_tracked": torch.tensor(0),
    }


def _bias(layer: Layer) -> Tensor:
    """Returns a layer's bias, zeros where it has none."""
    return torch.zeros(layer.channels) if layer.bias is None else layer.bias


def _skip_first(layer: Layer) -> Layer:
    """Returns a convolution of (way up, skip) as one of (skip, way up)."""
    half = layer.weight.shape[1] // 2
    weight = torch.cat([layer.weight[:, half:], layer.weight[:, :half]], dim=1)
    return Layer(layer.name, weight, layer.bias, layer.norm)


def _text(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "one number"
