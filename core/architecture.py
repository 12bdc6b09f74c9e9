"""What a U-Net looks like, without the network itself: pages read this and never wait for torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.errors import ConfigError, ImageError

Padding = Literal["valid", "same"]
Norm = Literal["none", "batch", "group", "instance"]
Stem = Literal["plain", "space_to_depth"]
Upsampling = Literal["transposed", "activated", "bilinear"]
Narrowing = Literal["up", "convs"]
OddSides = Literal["grow", "zeros"]

_CHOICES: dict[str, Any] = {
    "padding": Padding,
    "norm": Norm,
    "stem": Stem,
    "upsampling": Upsampling,
    "narrowing": Narrowing,
    "odd_sides": OddSides,
}
"""What each field that is chosen from a list may be."""
_LARGEST = {"in_channels": 64, "out_channels": 64, "width": 512, "depth": 8, "widest": 65_536}
"""Largest value of each field that is a whole number."""
MOST_PARAMETERS = 2_000_000_000
"""Of one network: 8 GB in float32. The paper's has 31 million."""
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Tensors of a batch normalisation that are counted, not trained."""


@dataclass(frozen=True)
class UNetConfig:
    """What a U-Net looks like; the defaults are the paper's figure 1."""

    in_channels: int = 1
    """Channels of the input picture: 1 for grey, 3 for RGB."""
    out_channels: int = 2
    """Channels of the logits: 2 in the paper (softmax), 1 for one mask (sigmoid)."""
    width: int = 64
    """Channels of the first level; each deeper level doubles them, up to `widest`."""
    depth: int = 4
    """Number of poolings; the network has depth + 1 levels."""
    padding: Padding = "valid"
    """"valid" as published (the output is smaller than the input) or "same"."""
    norm: Norm = "none"
    """Normalisation after each 3x3 convolution: none as published, batch, group or instance."""
    stem: Stem = "plain"
    """"plain", or "space_to_depth": the network works on a grid half as fine (pixel unshuffle in,
    pixel shuffle out), so it sees 512 px at the price of 256 px."""
    dropout: float = 0.0
    """Share of features dropped at the end of the contracting path (paper, section 3.1)."""
    upsampling: Upsampling = "transposed"
    """The way up: "transposed", a 2x2 up-convolution as published; "activated", the same with the
    normalisation and a ReLU after it; or "bilinear", interpolation with nothing to learn."""
    narrowing: Narrowing = "up"
    """Where the way up halves its channels: "up", in the up-convolution as published, or "convs",
    in the second 3x3 convolution before it. Interpolation can only do the latter."""
    odd_sides: OddSides = "grow"
    """Where a side is no multiple: "grow", the picture's last row and column are repeated until
    it is one; or "zeros", a pooling drops the odd row and zeros stand in for it on the way up."""
    widest: int = 0
    """Most channels of a level; 0: no limit, as published. nnU-Net limits them, too (Isensee et
    al. 2021): a deep network stays small."""

    def __post_init__(self) -> None:
        self._check_numbers()
        if self.widest and self.widest < self.width:
            raise ConfigError(
                f"widest is {self.widest}; it must be 0 (no limit) or at least the width, "
                f"{self.width}."
            )
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in get_args(choices):
                wanted = ", ".join(get_args(choices))
                raise ConfigError(f"{name} is {value!r}; choose one of: {wanted}.")
        if self.padding == "valid" and self.stem != "plain":
            raise ConfigError("The space-to-depth stem needs padding 'same'; padding is 'valid'.")
        if self.upsampling == "bilinear" and self.narrowing != "convs":
            raise ConfigError("Bilinear upsampling needs narrowing 'convs'; narrowing is 'up'.")
        if self.odd_sides == "zeros" and (self.padding != "same" or self.stem != "plain"):
            raise ConfigError("odd_sides 'zeros' needs padding 'same' and the plain stem.")
        if (count := self.parameter_count()) > MOST_PARAMETERS:
            raise ConfigError(
                f"A network of width {self.width} and depth {self.depth} has {count:,} parameters, "
                f"at most {MOST_PARAMETERS:,} are possible. Make it narrower, less deep, or limit "
                "its widest level."
            )

    def _check_numbers(self) -> None:
        for name, largest in _LARGEST.items():
            value = getattr(self, name)
            least = 0 if name == "widest" else 1
            if type(value) is not int or not least <= value <= largest:
                raise ConfigError(
                    f"{name} is {value!r:.20}; it must be a whole number from {least} to {largest}."
                )
        if type(self.dropout) not in (int, float) or not 0.0 <= self.dropout < 1.0:
            raise ConfigError(
                f"dropout is {self.dropout!r:.20}; it must be at least 0 and below 1."
            )

    @property
    def stem_factor(self) -> int:
        """How much coarser than the picture the first level's grid is: 1 or 2."""
        return 2 if self.stem == "space_to_depth" else 1

    @property
    def multiple(self) -> int:
        """Height and width that a padded network works on are multiples of this."""
        return self.stem_factor << self.depth

    def contracting_widths(self) -> list[int]:
        """Returns the channels of each level on the way down, the finest level first."""
        widths = [self._channels(level) for level in range(self.depth + 1)]
        if self.upsampling == "bilinear":
            widths[-1] = widths[-2]  # nothing else would halve them
        return widths

    def _channels(self, level: int) -> int:
        channels = self.width << level
        return min(channels, self.widest) if self.widest else channels

    def expansive_widths(self) -> list[tuple[int, int, int]]:
        """Returns for each level on the way up, the coarsest first, three numbers of channels.

        They are those that come from below, those of the skip (the way up has as many beside
        them), and those that leave the level.
        """
        below = self.contracting_widths()[-1]
        levels = []
        for level in reversed(range(self.depth)):
            skip = self._channels(level)
            out = self._channels(level - 1) if self.narrowing == "convs" and level else skip
            levels.append((below, skip, out))
            below = out
        return levels

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each tensor of `UNet.state_dict` by its name, without building it.

        The statistics of batch normalisations are among them.
        """
        pixels = self.stem_factor**2
        widths = self.contracting_widths()
        shapes: dict[str, tuple[int, ...]] = {}
        sources = [self.in_channels * pixels, *widths]
        for level, (source, width) in enumerate(zip(sources, widths, strict=False)):
            shapes |= self._double_conv_shapes(f"contracting.{level}", source, width, width)
        for level, (below, skip, out) in enumerate(self.expansive_widths()):
            up = (below, skip, 2, 2)
            if self.upsampling == "transposed":
                shapes |= {f"up_convs.{level}.weight": up, f"up_convs.{level}.bias": (skip,)}
            elif self.upsampling == "activated":
                shapes |= self._conv_shapes(f"up_convs.{level}", 0, up, skip)
            shapes |= self._double_conv_shapes(f"expansive.{level}", 2 * skip, skip, out)
        classes = self.out_channels * pixels
        return shapes | {"final.weight": (classes, self.width, 1, 1), "final.bias": (classes,)}

    def _double_conv_shapes(
        self, block: str, source: int, middle: int, out: int
    ) -> dict[str, tuple[int, ...]]:
        second = 2 if self.norm == "none" else 3
        return self._conv_shapes(block, 0, (middle, source, 3, 3), middle) | self._conv_shapes(
            block, second, (out, middle, 3, 3), out
        )

    def _conv_shapes(
        self, block: str, place: int, weight: tuple[int, ...], out: int
    ) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of a convolution and of the normalisation after it."""
        shapes = {f"{block}.{place}.weight": weight}
        if self.norm == "none":
            return shapes | {f"{block}.{place}.bias": (out,)}
        norm: dict[str, tuple[int, ...]] = {"weight": (out,), "bias": (out,)}
        if self.norm == "batch":
            norm |= {"running_mean": (out,), "running_var": (out,), "num_batches_tracked": ()}
        return shapes | {f"{block}.{place + 1}.{name}": shape for name, shape in norm.items()}

    def parameter_count(self) -> int:
        """Returns how many parameters the network has, without building it."""
        return sum(
            math.prod(shape)
            for name, shape in self.tensor_shapes().items()
            if not name.endswith(_STATISTICS)
        )

    def multiply_adds(self, height: int, width: int) -> int:
        """Returns how many multiplications with a weight `UNet.whole` does for one picture.

        Those of all convolutions, each with its addition: half of what is counted as FLOPs. What
        is little beside them (bias, normalisation, ReLU, pooling, interpolation) is left out.

        Args:
            height: Of the picture on the network's grid, in px.
            width: As the height.
        """
        lost = 0 if self.padding == "same" else 2  # px of each side, by a 3x3 convolution
        grid = [self._worked_on(side) // self.stem_factor for side in (height, width)]
        levels: list[list[int]] = []
        total, widths = 0, self.contracting_widths()
        for source, out in zip(
            [self.in_channels * self.stem_factor**2, *widths], widths, strict=False
        ):
            if levels:
                grid = [side // 2 for side in grid]
            total += 9 * out * _double_conv(grid, lost, source, out)
            grid = [side - 2 * lost for side in grid]
            levels.append(grid)
        levels.pop()
        for below, skip, out in self.expansive_widths():
            if self.upsampling != "bilinear":
                total += 4 * below * skip * grid[0] * grid[1]
            across = levels.pop()
            grid = across if self.odd_sides == "zeros" else [2 * side for side in grid]
            total += 9 * skip * _double_conv(grid, lost, 2 * skip, out)
            grid = [side - 2 * lost for side in grid]
        return total + self.width * self.out_channels * self.stem_factor**2 * grid[0] * grid[1]

    def _worked_on(self, side: int) -> int:
        """Returns the side (px) that a picture's side is grown to before the first convolution."""
        if self.padding == "valid":
            return self.covering_size(side)
        if self.odd_sides == "zeros":
            return max(side, self.multiple)
        return side + -side % self.multiple

    def output_size(self, size: int) -> int:
        """Returns the logits' side for an input side, both in pixels.

        Raises:
            ImageError: An unpadded network can't take this side: a pooling would meet an odd
                side, or nothing would be left.
        """
        if self.padding == "same":
            return size
        side = size
        for _ in range(self.depth):
            side -= 4
            if side <= 0 or side % 2:
                raise ImageError(
                    f"An unpadded U-Net of depth {self.depth} can't take a side of {size} px: "
                    f"every 2x2 pooling needs an even side. Use {self.fitting_size(size)} px."
                )
            side //= 2
        for _ in range(self.depth):
            side = (side - 4) * 2
        side -= 4
        if side <= 0:
            raise ImageError(
                f"{size} px is too small for an unpadded U-Net of depth {self.depth}; "
                f"use at least {self.fitting_size(size)} px."
            )
        return side

    def fitting_size(self, at_least: int) -> int:
        """Returns the smallest input side >= `at_least` (px) that the network can take."""
        if self.padding == "same":
            return at_least
        # Going up from the bottom (side before its two convolutions) every side is even by
        # construction; 4 px are lost at each level.
        bottom = 5
        while True:
            side = bottom
            for _ in range(self.depth):
                side = 2 * side + 4
            out = bottom - 4
            for _ in range(self.depth):
                out = 2 * out - 4
            if out > 0 and side >= at_least:
                return side
            bottom += 1

    def covering_size(self, size: int) -> int:
        """Returns the smallest input side (px) whose output covers a side of `size` px."""
        side = self.fitting_size(size)
        while self.output_size(side) < size:
            side = self.fitting_size(side + 1)
        return side


def _double_conv(grid: list[int], lost: int, source: int, target: int) -> int:
    """Returns pixels times channels that two 3x3 convolutions of a level take and give."""
    first, second = ((grid[0] - n * lost) * (grid[1] - n * lost) for n in (1, 2))
    return first * source + second * target
