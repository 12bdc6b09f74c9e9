"""The programs whose networks are known here: their layers' names and their usual settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.architecture import OddSides
from core.errors import CheckpointError
from core.names import natural_order

if TYPE_CHECKING:
    from torch import Tensor


_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
"""Tensors of a batch normalisation."""


@dataclass(frozen=True)
class BatchNorm:
    """A batch normalisation with its statistics, each (C,)."""

    weight: Tensor
    bias: Tensor
    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class Layer:
    """A convolution, and the batch normalisation after it."""

    name: str
    """Its name in the file, such as "inc.double_conv.0"."""
    weight: Tensor
    """(out, in, k, k), or (in, out, k, k) of an up-convolution."""
    bias: Tensor | None
    """(out,), or None."""
    norm: BatchNorm | None
    """None where the next layer is no batch normalisation."""

    @property
    def kernel(self) -> int:
        """Side of its kernel; 2 of an up-convolution."""
        return self.weight.shape[-1]

    @property
    def channels(self) -> int:
        """Channels that it gives."""
        return self.weight.shape[1 if self.kernel == 2 else 0]


def layers_of(tensors: Mapping[str, Tensor]) -> dict[str, list[Layer]]:
    """Returns the layers by the first part of their names ("inc", "down1", ...), in their order.

    Args:
        tensors: A whole state dict.

    Raises:
        CheckpointError: A layer is neither a convolution nor a batch normalisation.
    """
    modules: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        module, _, field = name.rpartition(".")
        modules.setdefault(module, {})[field] = tensor
    layers: dict[str, list[Layer]] = {}
    for name in sorted(modules, key=natural_order):
        fields = modules[name]
        group = layers.setdefault(name.partition(".")[0], [])
        weight = fields.get("weight")
        if weight is not None and weight.ndim == 4 and weight.is_floating_point():
            group.append(Layer(name, weight, fields.get("bias"), None))
            _require_channels(group[-1], name, {"bias": fields["bias"]} if "bias" in fields else {})
        elif fields.keys() >= set(_BATCH_NORM) and group:
            last = group.pop()
            norm = BatchNorm(*(fields[field] for field in _BATCH_NORM))
            group.append(Layer(last.name, last.weight, last.bias, norm))
            _require_channels(last, name, {field: fields[field] for field in _BATCH_NORM})
        else:
            raise CheckpointError(
                f"The layer {name!r} ({', '.join(sorted(fields))}) is neither a convolution nor a "
                "batch normalisation after one; such a network can't be imported."
            )
    return layers


def _require_channels(layer: Layer, name: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuses tensors of a module that are not one number for each channel of a layer."""
    for field, tensor in tensors.items():
        if tuple(tensor.shape) != (layer.channels,):
            raise CheckpointError(
                f"{name}.{field} has the shape {tuple(tensor.shape)}; needed is one number for "
                f"each of the {layer.channels} channels of {layer.name}. The file is damaged, or "
                "was put together of two networks."
            )


Groups = Mapping[str, list[Layer]]


@dataclass(frozen=True)
class Parts:
    """A U-Net taken apart."""

    contracting: list[list[Layer]]
    """Two 3x3 convolutions a level, the finest level first."""
    up: list[Layer]
    """The up-convolutions, the coarsest level first; none where the network interpolates."""
    expansive: list[list[Layer]]
    """Two 3x3 convolutions a level, the coarsest level first."""
    final: list[Layer]
    """The 1x1 convolution."""
    activated: bool
    """Whether a ReLU follows each up-convolution."""

    @property
    def classes(self) -> int:
        """Number of classes that the network tells apart."""
        return self.final[0].weight.shape[0]


@dataclass(frozen=True)
class Program:
    """A program that trains U-Nets."""

    title: str
    """What to call it."""
    names: str
    """How its tensors are called."""
    fits: Callable[[Set[str]], bool]
    """Tells whether a network's tensors are its own by the first parts of their names."""
    take_apart: Callable[[Groups], Parts]
    """Returns the parts of its network."""
    up_first: bool
    """Whether the way up stands before the skip where they are joined."""
    odd_sides: OddSides
    """What it does with a side that is no multiple."""
    size: int
    """Side in px of a square with as many pixels as it trains on by default."""
    mean: tuple[float, float, float]
    """What it subtracts from R, G and B in [0, 1]."""
    std: tuple[float, float, float]
    """What it divides them by afterwards."""


def _is_pytorch_unet(names: Set[str]) -> bool:
    depth = (len(names) - 2) // 2
    return depth > 0 and names == {"inc", "outc", *_levels("down", depth), *_levels("up", depth)}


def _levels(part: str, depth: int) -> list[str]:
    return [f"{part}{level}" for level in range(1, depth + 1)]


def _pytorch_unet(groups: Groups) -> Parts:
    """Source: github.com/milesial/Pytorch-UNet, unet/unet_model.py and unet/unet_parts.py."""
    depth = (len(groups) - 2) // 2
    down, up = _levels("down", depth), _levels("up", depth)
    return Parts(
        contracting=[groups[name] for name in ("inc", *down)],
        up=[layer for name in up for layer in groups[name] if layer.kernel == 2],
        expansive=[[layer for layer in groups[name] if layer.kernel != 2] for name in up],
        final=groups["outc"],
        activated=False,
    )


_ENCODER_DECODER = re.compile(r"(encoder|bottleneck|upconv|decoder|final_conv)_?\d*")


def _is_encoder_decoder(names: Set[str]) -> bool:
    matches = [_ENCODER_DECODER.fullmatch(name) for name in names]
    kinds = {match[1] for match in matches if match}
    return all(matches) and {"encoder", "decoder", "final_conv"} <= kinds


def _encoder_decoder(groups: Groups) -> Parts:
    """Source: github.com/ajstyle007/U-Net-Paper-Implementation-Car-Segmentation-, WebApp/unet.py.

    Programs differ in whether they count the levels of the way up from above or from below, so
    the channels give the order.
    """
    kinds: dict[str, list[list[Layer]]] = {}
    for name, layers in groups.items():
        match = _ENCODER_DECODER.fullmatch(name)
        assert match is not None
        kinds.setdefault(match[1], []).append(layers)
    up = sorted(
        (layer for layers in kinds.get("upconv", []) for layer in layers),
        key=lambda layer: -layer.weight.shape[0],
    )
    return Parts(
        contracting=sorted(
            kinds["encoder"] + kinds.get("bottleneck", []), key=lambda x: x[-1].weight.shape[0]
        ),
        up=up,
        expansive=sorted(kinds["decoder"], key=lambda x: -x[0].weight.shape[1]),
        final=kinds["final_conv"][0],
        activated=bool(up) and "." in up[0].name,  # a sequence: something follows
    )


_DEEPEST = 8
"""Parts of a name that may stand before a network's own."""

PROGRAMS = (
    Program(
        title="Pytorch-UNet",
        names="inc.double_conv.0.weight ... outc.conv.weight",
        fits=_is_pytorch_unet,
        take_apart=_pytorch_unet,
        up_first=False,
        odd_sides="zeros",
        size=783,  # half of a Carvana photo: 959 x 640
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    ),
    Program(
        title="U-Net Car Segmentation",
        names="encoder1.0.weight ... final_conv.weight",
        fits=_is_encoder_decoder,
        take_apart=_encoder_decoder,
        up_first=True,
        odd_sides="grow",  # it would cut its output; its own photos are 256 x 256
        size=256,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
)
"""Every program that is known."""


def networks_in(names: Iterable[str]) -> dict[str, Program]:
    """Returns the known networks among tensors, each program by what its tensors' names begin with.

    That is "" for a state dict as it is, "model." and the like where it was saved as part of
    something else. Tensors beside a network, such as an average's counter, don't matter.

    Args:
        names: Names of tensors, such as "model.inc.double_conv.0.weight".
    """
    found: dict[str, Program] = {}
    groups = {"": [name for name in names if "." in name]}
    for _ in range(_DEEPEST):
        below: dict[str, list[str]] = {}
        for prefix, inner in groups.items():
            split = [name.partition(".") for name in inner]
            first = {part for part, _, _ in split}
            program = next((each for each in PROGRAMS if each.fits(first)), None)
            if program:
                found[prefix] = program
                continue
            for part, _, rest in split:
                if "." in rest:
                    below.setdefault(f"{prefix}{part}.", []).append(rest)
        groups = below
    return found
