"""The programs whose networks are known here: their names for the layers, their usual settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.architecture import OddSides
from core.errors import CheckpointError
from core.foreign.layers import Layer
from core.names import first_few

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
    take_apart: Callable[[Groups], Parts | None]
    """Returns the parts of its network; None where the layers are not its own."""
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


def _pytorch_unet(groups: Groups) -> Parts | None:
    """Source: github.com/milesial/Pytorch-UNet, unet/unet_model.py and unet/unet_parts.py."""
    depth = sum(bool(re.fullmatch(r"down\d+", name)) for name in groups)
    down = [f"down{level}" for level in range(1, depth + 1)]
    up = [f"up{level}" for level in range(1, depth + 1)]
    if not depth or set(groups) != {"inc", "outc", *down, *up}:
        return None
    return Parts(
        contracting=[groups[name] for name in ("inc", *down)],
        up=[layer for name in up for layer in groups[name] if layer.kernel == 2],
        expansive=[[layer for layer in groups[name] if layer.kernel != 2] for name in up],
        final=groups["outc"],
        activated=False,
    )


def _encoder_decoder(groups: Groups) -> Parts | None:
    """Source: github.com/ajstyle007/U-Net-Paper-Implementation-Car-Segmentation-, WebApp/unet.py.

    Programs differ in whether they count the levels of the way up from above or from below, so
    the channels give the order.
    """
    kinds: dict[str, list[list[Layer]]] = {}
    for name, layers in groups.items():
        match = re.fullmatch(r"(encoder|bottleneck|upconv|decoder|final_conv)_?\d*", name)
        if match is None:
            return None
        kinds.setdefault(match[1], []).append(layers)
    if not {"encoder", "decoder", "final_conv"} <= kinds.keys():
        return None
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


PROGRAMS = (
    Program(
        title="Pytorch-UNet",
        names="inc.double_conv.0.weight ... outc.conv.weight",
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
        take_apart=_encoder_decoder,
        up_first=True,
        odd_sides="grow",  # it would cut its output; its own photos are 256 x 256
        size=256,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
)
"""Every program that is known."""


def recognise(groups: Groups) -> tuple[Program, Parts]:
    """Returns the program whose names the layers have, and its network's parts.

    Raises:
        CheckpointError: No program is known that names its layers like this.
    """
    for program in PROGRAMS:
        parts = program.take_apart(groups)
        if parts is not None:
            return program, parts
    found = first_few(list(groups), 6)
    known = " or ".join(f"{program.title} ({program.names})" for program in PROGRAMS)
    raise CheckpointError(f"No known network: its parts are called {found}. Needed: {known}.")
