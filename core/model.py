"""The U-Net of Ronneberger, Fischer and Brox (2015), as published and in its padded forms.

Source: "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
arXiv:1505.04597, figure 1 and section 2.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.architecture import Norm, UNetConfig


def normalisation(norm: Norm, channels: int) -> list[nn.Module]:
    """Returns the layer that follows a 3x3 convolution, in a list; empty for "none"."""
    if norm == "batch":
        return [nn.BatchNorm2d(channels)]
    if norm == "group":
        groups = next(g for g in (8, 4, 2, 1) if channels % g == 0)
        return [nn.GroupNorm(groups, channels)]
    if norm == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    return []


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions, each followed by a ReLU (blue arrows of figure 1)."""

    def __init__(
        self, in_channels: int, middle_channels: int, out_channels: int, config: UNetConfig
    ) -> None:
        padding = 1 if config.padding == "same" else 0
        layers: list[nn.Module] = []
        for source, target in ((in_channels, middle_channels), (middle_channels, out_channels)):
            layers += [
                nn.Conv2d(source, target, 3, padding=padding, bias=config.norm == "none"),
                *normalisation(config.norm, target),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UpConv(nn.ConvTranspose2d):
    """The 2x2 up-convolution, which halves the channels in figure 1 (green arrows)."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel_size=2, stride=2, bias=bias)


def upsampling(in_channels: int, out_channels: int, config: UNetConfig) -> nn.Module:
    """Returns the step to a grid twice as fine; interpolation keeps the channels as they are."""
    if config.upsampling == "bilinear":
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    if config.upsampling == "transposed":
        return UpConv(in_channels, out_channels)
    return nn.Sequential(
        UpConv(in_channels, out_channels, bias=config.norm == "none"),
        *normalisation(config.norm, out_channels),
        nn.ReLU(inplace=True),
    )


def copy_and_crop(skip: Tensor, up: Tensor) -> Tensor:
    """Returns skip features cropped to `up` and joined to it (grey arrows of figure 1).

    Args:
        skip: (N, C, H, W) features of the contracting path.
        up: (N, C, h, w) features from below, h <= H and w <= W.

    Returns:
        (N, 2C, h, w).
    """
    top = (skip.shape[2] - up.shape[2]) // 2
    left = (skip.shape[3] - up.shape[3]) // 2
    cropped = skip[:, :, top : top + up.shape[2], left : left + up.shape[3]]
    return torch.cat([cropped, up], dim=1)


class UNet(nn.Module):
    """A U-Net; `forward` reads like figure 1 of the paper.

    Source: Ronneberger et al. 2015, figure 1; weights start from N(0, 2 / fan-in), section 3.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or UNetConfig()
        c = self.config
        widths, levels = c.contracting_widths(), c.expansive_widths()
        pixels = c.stem_factor**2
        sources = [c.in_channels * pixels, *widths[:-1]]
        self.contracting = nn.ModuleList(
            DoubleConv(source, width, width, c)
            for source, width in zip(sources, widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout2d(c.dropout)
        self.up_convs = nn.ModuleList(upsampling(below, skip, c) for below, skip, _ in levels)
        self.expansive = nn.ModuleList(
            DoubleConv(2 * skip, skip, out, c) for _, skip, out in levels
        )
        self.final = nn.Conv2d(c.width, c.out_channels * pixels, kernel_size=1)
        self.apply(self._start_weights)

    @staticmethod
    def _start_weights(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits for a batch of pictures.

        Args:
            images: float (N, in_channels, H, W), normalised. With padding "same" any H and W.

        Returns:
            Float (N, out_channels, H', W'): H' = H and W' = W with padding "same", else
            `config.output_size` of each.

        Raises:
            ImageError: An unpadded network can't take this height or width.
        """
        height, width = images.shape[-2:]
        if self.config.padding == "valid":
            self.config.output_size(height), self.config.output_size(width)
        x = self._pad_to_multiple(images)
        x = F.pixel_unshuffle(x, self.config.stem_factor)

        skips: list[Tensor] = []
        for level, double_conv in enumerate(self.contracting):
            if level > 0:
                x = self.pool(x)
            x = double_conv(x)
            skips.append(x)
        x = self.dropout(skips.pop())
        for up_conv, double_conv in zip(self.up_convs, self.expansive, strict=True):
            skip = skips.pop()
            x = up_conv(x)
            if self.config.odd_sides == "zeros":
                x = F.pad(x, (0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2]))
            x = copy_and_crop(skip, x)
            x = double_conv(x)
        logits: Tensor = self.final(x)

        logits = F.pixel_shuffle(logits, self.config.stem_factor)
        return logits[..., :height, :width]

    def whole(self, images: Tensor) -> Tensor:
        """Returns logits (N, out_channels, H, W) for every pixel of pictures (N, C, H, W).

        A padded network does that by itself; for an unpadded one the border is mirrored, as in
        the paper's overlap-tile strategy (section 2, figure 2).
        """
        if self.config.padding == "same":
            logits: Tensor = self(images)
            return logits
        sides = images.shape[-2:]
        rows, columns = (self.config.covering_size(side) - side for side in sides)
        margins = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        mirrors = rows - rows // 2 < sides[0] and columns - columns // 2 < sides[1]
        logits = self(F.pad(images, margins, mode="reflect" if mirrors else "replicate"))
        top, left = ((logits.shape[2 + i] - sides[i]) // 2 for i in (0, 1))
        return logits[:, :, top : top + sides[0], left : left + sides[1]]

    def _pad_to_multiple(self, images: Tensor) -> Tensor:
        """Returns the pictures grown at the right and bottom to what the poolings need."""
        if self.config.padding == "valid":
            return images
        multiple = self.config.multiple
        if self.config.odd_sides == "zeros":  # any side that a pooling leaves something of
            rows, columns = (max(0, multiple - side) for side in images.shape[-2:])
        else:
            rows, columns = (-side % multiple for side in images.shape[-2:])
        if not rows and not columns:
            return images
        return F.pad(images, (0, columns, 0, rows), mode="replicate")

    def parameter_count(self) -> int:
        """Returns the number of trained parameters."""
        return sum(p.numel() for p in self.parameters())


def fold_normalisation(model: UNet) -> UNet:
    """Returns a copy for prediction whose batch normalisations are part of the convolutions.

    The same function within rounding, with fewer passes over memory. A network with another
    normalisation, or none, is returned as a plain copy in evaluation mode.

    Args:
        model: Network with finished statistics.
    """
    folded = copy.deepcopy(model).eval()
    if model.config.norm == "batch":
        for module in folded.modules():
            if isinstance(module, nn.Sequential):
                _fold_into(module)
    return folded


def _fold_into(layers: nn.Sequential) -> None:
    """Puts each batch normalisation that follows a convolution into it, in place."""
    for place in range(1, len(layers)):
        convolution, norm = layers[place - 1], layers[place]
        if isinstance(norm, nn.BatchNorm2d):
            transposed = isinstance(convolution, nn.ConvTranspose2d)
            layers[place - 1] = fuse_conv_bn_eval(convolution, norm, transposed)  # type: ignore[type-var]
            layers[place] = nn.Identity()
