"""One ONNX file that does what the predictor does: a photo in, its probability out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, find_checkpoint
from core.errors import ConfigError
from core.model import UNet, fold_normalisation
from core.onnx_predictor import network_facts
from core.preprocess import LONGEST_SIDES, Preprocessing
from core.torch_predictor import load_photo_network

FORMAT = "carmask-onnx-1"
OPSETS = range(13, 24)
"""Versions of ONNX's operators that can be asked for; older runtimes know older ones only."""
OPSET = 17
"""Known to ONNX Runtime since 1.12 (2022)."""
_WRITTEN = 18
"""The least version that torch writes. The operators used mean the same in all of `OPSETS`, and
`_tidy` takes away what is newer; the checker refuses what would be left."""
_SLIVER = 1e-3
"""Share of a pixel below which OpenCV leaves it out of an area."""


def export_onnx(file_or_run: Path, opset: int = OPSET) -> bytes:
    """Returns an ONNX file of a checkpoint, or of the best one of a run.

    Its input `image` is a photo, uint8 (height, width, 3) RGB of any size; its output
    `probability` is float32 (height, width) in [0, 1], the predictor's within 1e-4. The metadata
    hold the checkpoint's facts ("info", JSON) and its threshold.

    Args:
        file_or_run: The checkpoint.
        opset: Version of ONNX's operators.

    Raises:
        CheckpointError: It can't be read, or it does not segment RGB photos.
        ConfigError: The opset is not in `OPSETS`.
    """
    require_opset(opset)
    model, info = load_photo_network(find_checkpoint(file_or_run))
    network = PhotoNetwork(model, info.preprocessing)
    example = torch.zeros(300, 200, 3, dtype=torch.uint8)
    about = "A photo, uint8 (height, width, 3) RGB, to its probability of car."
    return _file(network, example, checkpoint_facts(info), about, opset)


def export_network(file_or_run: Path, opset: int = OPSET) -> bytes:
    """Returns an ONNX file of a checkpoint's network alone, as `core.onnx_predictor` runs it.

    Its input `image` is a photo on the network's grid, normalised, float32 (height, width, 3); its
    output `probability` is float32 (height, width) in [0, 1]. The metadata hold the checkpoint's
    fingerprint. Arguments and errors are those of `export_onnx`.
    """
    require_opset(opset)
    path = find_checkpoint(file_or_run)
    model, _ = load_photo_network(path)
    about = "A normalised photo, float32 (height, width, 3), to its probability of car."
    return _file(GridNetwork(model), torch.zeros(300, 200, 3), network_facts(path), about, opset)


def require_opset(opset: int) -> None:
    """Raises a ConfigError where an opset is not in `OPSETS`."""
    if opset not in OPSETS:
        raise ConfigError(f"Opset {opset} is unknown; use {OPSETS[0]} to {OPSETS[-1]}.")


def _file(
    network: nn.Module, example: Tensor, facts: dict[str, str], about: str, opset: int
) -> bytes:
    """Returns the ONNX file of a network that takes pictures (height, width, 3)."""
    sides = {0: "height", 1: "width"}
    file = to_onnx(network, {"image": example}, {"image": sides}, "probability", opset)
    file.doc_string = about
    onnx.helper.set_model_props(file, facts)
    return bytes(file.SerializeToString())


def to_onnx(
    module: nn.Module,
    example: dict[str, Tensor],
    sides: dict[str, dict[int, str]],
    output: str,
    opset: int = OPSET,
) -> onnx.ModelProto:
    """Returns a module as ONNX.

    Args:
        module: What is exported, in evaluation mode.
        example: Inputs by name.
        sides: Which of their axes may have any length, with a name for each.
        output: What its result is called.
        opset: Version of ONNX's operators.
    """
    dynamic = {
        name: {axis: torch.export.Dim.DYNAMIC for axis in axes} for name, axes in sides.items()
    }
    with torch.no_grad():
        program = torch.onnx.export(
            module.eval(),
            kwargs=example,
            input_names=list(example),
            output_names=[output],
            opset_version=max(opset, _WRITTEN),
            dynamic_shapes=dynamic,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    file = program.model_proto
    _tidy(file)
    _name_sides(file.graph, sides)
    file.opset_import[0].version = opset
    file.ir_version = onnx.helper.find_min_ir_version_for(file.opset_import)
    onnx.checker.check_model(file)
    return file


def _tidy(file: onnx.ModelProto) -> None:
    """Leaves out notes on torch's code, and what operators before version 18 lack.

    That is attributes at their default, Shape of a few axes only, and Reshape's "allowzero": no
    side is ever 0.
    """
    del file.graph.value_info[:], file.metadata_props[:], file.graph.metadata_props[:]
    for part in (*file.graph.node, *file.graph.input, *file.graph.output, *file.graph.initializer):
        del part.metadata_props[:]
    nodes = list(file.graph.node)
    del file.graph.node[:]
    for node in nodes:
        known = onnx.defs.get_schema(node.op_type, file.opset_import[0].version).attributes
        stated = [
            each
            for each in node.attribute
            if each.name != "allowzero" and each != known[each.name].default_value
        ]
        del node.attribute[:]
        node.attribute.extend(stated)
        part = [_whole_shape(file.graph, node)] if node.op_type == "Shape" and stated else []
        file.graph.node.extend([node, *part])


def _name_sides(graph: onnx.GraphProto, sides: dict[str, dict[int, str]]) -> None:
    """Gives the lengths that are free the names by which the caller knows them."""
    names: dict[str, str] = {}
    for value in (*graph.input, *graph.output):
        dims = value.type.tensor_type.shape.dim
        names |= {dims[axis].dim_param: name for axis, name in sides.get(value.name, {}).items()}
        for dim in dims:
            if dim.dim_param in names:
                dim.dim_param = names[dim.dim_param]


def _whole_shape(graph: onnx.GraphProto, node: onnx.NodeProto) -> onnx.NodeProto:
    """Makes a Shape of some axes one of all; returns the slice that these are of it."""
    bounds = {"start": 0, "end": np.iinfo(np.int64).max}
    bounds |= {each.name: each.i for each in node.attribute}
    del node.attribute[:]
    (result,) = node.output
    names = [f"{result}_all", *(f"{result}_{name}" for name in bounds)]
    node.output[0] = names[0]
    for name, bound in zip(names[1:], bounds.values(), strict=True):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([bound]), name))
    return onnx.helper.make_node("Slice", names, [result])


class GridNetwork(nn.Module):
    """A network for pictures of any size, as `UNet.whole`."""

    def __init__(self, model: UNet) -> None:
        super().__init__()
        self.network = fold_normalisation(model)
        for layer in self.network.modules():
            if isinstance(layer, nn.InstanceNorm2d):
                layer.forward = partial(_normalised, layer)  # type: ignore[method-assign]

    def forward(self, image: Tensor) -> Tensor:
        """Returns the probability float32 (h, w) of a normalised picture float32 (h, w, 3)."""
        height, width = image.shape[:2]
        (rows, top), (columns, left) = _grown([height, width], self.network.config)
        grown = image.index_select(0, rows).index_select(1, columns)
        logits = self.network(grown.permute(2, 0, 1)[None])[0, 0]
        inside = logits.index_select(0, torch.arange(height) + top)
        return torch.sigmoid(inside.index_select(1, torch.arange(width) + left))


class PhotoNetwork(nn.Module):
    """Photo, grid, network, probability, photo's size: the predictor as one module."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: UNet, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.grid = GridNetwork(model)
        self.size = preprocessing.size
        self.register_buffer("mean", torch.tensor(preprocessing.mean))
        self.register_buffer("std", torch.tensor(preprocessing.std))

    def forward(self, image: Tensor) -> Tensor:
        """Returns the probability float32 (H, W) of a photo uint8 (H, W, 3)."""
        levels = photo_to_grid(image, self.size)
        probability = self.grid((levels / 255 - self.mean) / self.std)
        return grid_to_photo(probability, *image.shape[:2])


def _normalised(layer: nn.InstanceNorm2d, images: Tensor) -> Tensor:
    """Returns what the layer does, without its check of a height and width not yet known."""
    return torch.instance_norm(
        images, layer.weight, layer.bias, None, None, True, 0.0, layer.eps, False
    )


def photo_to_grid(image: Tensor, size: int) -> Tensor:
    """Returns a photo uint8 (H, W, 3) on its grid, as `Preprocessing.to_grid` does.

    Returns:
        Levels from 0 to 255, float32 (h, w, 3).
    """
    sides = [_real(side) for side in image.shape[:2]]
    scale = size / torch.sqrt(sides[0] * sides[1])
    scale = torch.minimum(scale, size * LONGEST_SIDES / torch.maximum(*sides))
    grid = [(side * scale).round().clamp(min=1) for side in sides]
    levels = _resized(image, _length(grid[0], 1), _length(grid[1], 1), _cubic, 2)
    by_two = torch.logical_and(*(side == 2 * less for side, less in zip(sides, grid, strict=True)))
    rounded = torch.where(by_two, (levels + 0.5).floor(), levels.round())  # OpenCV's special case
    shrinks = grid[0] * grid[1] < sides[0] * sides[1]
    return torch.where(shrinks, rounded, levels.clamp(0, 255))


def grid_to_photo(probability: Tensor, height: int, width: int) -> Tensor:
    """Returns a probability float32 (h, w) at the photo's size, as `enlarge` does."""
    return _resized(probability, height, width, _linear, 1).clamp(max=1)


Kernel = Callable[[Tensor], Tensor]


def _resized(picture: Tensor, height: int, width: int, kernel: Kernel, reach: int) -> Tensor:
    """Returns a picture (H, W, ...) at another size, float32: averaged if its area shrinks.

    It is what OpenCV's `resize` computes, in its order: along each row first, then along the
    columns. Sums are exact where both sides shrink by whole factors.

    Args:
        picture: What is resized.
        height: The new one, in px.
        width: The new one, in px.
        kernel: Weight of a pixel for its distance (px), where the area doesn't shrink.
        reach: Distance from which that is 0.
    """
    by = [_real(picture.shape[0]) / _real(height), _real(picture.shape[1]) / _real(width)]
    shrinks = _real(height) * _real(width) < _real(picture.shape[0]) * _real(picture.shape[1])
    whole = torch.logical_and(*(each == each.floor() for each in by))
    for axis, length in ((1, width), (0, height)):
        turned = picture.transpose(0, axis)
        picture = _summed(turned, length, shrinks, whole, kernel, reach).transpose(0, axis)
    return picture * torch.where(whole & shrinks, 1 / (by[0] * by[1]), 1.0).float()


def _summed(
    picture: Tensor, length: int, shrinks: Tensor, whole: Tensor, kernel: Kernel, reach: int
) -> Tensor:
    """Returns a picture (n, ...) with another number of rows, each a weighted sum of its rows.

    Places and weights are float64: float32 is too coarse for a large photo. The terms are added
    one after another, as in OpenCV, so that levels are rounded alike.
    """
    last = _real(picture.shape[0]) - 1
    factor = (last + 1) / _real(length)
    start = torch.arange(length, dtype=torch.float64) * factor
    middle = start + (factor / 2 - 0.5)
    first = torch.where(shrinks, start.floor(), middle.floor() - (reach - 1))
    count = _length(torch.where(shrinks, factor.ceil() + 1, 2.0 * reach), 2)
    place = first + torch.arange(count, dtype=torch.float64)[:, None]
    share = torch.minimum(start + factor, place + 1) - torch.maximum(start, place)
    covered = torch.where(whole, 1.0, torch.minimum(factor, last + 1 - start))
    share = torch.where(share > _SLIVER, share / covered, 0.0)
    weights = torch.where(shrinks, share, kernel((middle - place).abs())).float()
    inside = torch.minimum(place.clamp(min=0), last).long()
    terms = picture.index_select(0, inside.flatten()).reshape(count, length, -1).float()
    return (terms * weights[:, :, None]).sum(0).reshape(length, *picture.shape[1:])


def _cubic(distance: Tensor) -> Tensor:
    """Returns the weights of a cubic interpolation, with OpenCV's coefficient.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing", equation 4.
    """
    a, d = -0.75, distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, 0.0))


def _linear(distance: Tensor) -> Tensor:
    return (1 - distance).clamp(min=0)


def _grown(sides: Sequence[int], config: UNetConfig) -> list[tuple[Tensor, int]]:
    """Returns for each side which row is at each place once it is grown as in `UNet.whole`.

    And where its logits begin: an unpadded network gets a margin at both ends.
    """
    if config.padding == "same":
        return [(torch.arange(_padded(side, config)).clamp(max=side - 1), 0) for side in sides]
    coverings = [_covering(side, config.depth) for side in sides]
    margins = [covering - side for covering, side in zip(coverings, sides, strict=True)]
    mirrors = torch.scalar_tensor(True, dtype=torch.bool)
    for margin, side in zip(margins, sides, strict=True):
        mirrors = mirrors & (_real(margin - margin // 2) < _real(side))
    found = []
    for covering, margin, side in zip(coverings, margins, sides, strict=True):
        places = torch.arange(covering) - margin // 2
        mirrored = side - 1 - (side - 1 - places.abs()).abs()
        rows = torch.where(mirrors, mirrored, places.clamp(0, side - 1))
        found.append((rows, (margin - _lost(config.depth)) // 2))
    return found


def _padded(side: int, config: UNetConfig) -> int:
    """Returns the side that a padded network works on."""
    least = config.multiple
    if config.odd_sides == "zeros":
        return _length(_real(side).clamp(min=least), least)
    return _length((_real(side) / least).ceil(), 1) * least


def _lost(depth: int) -> int:
    """Returns how many rows an unpadded network's logits have less than its picture."""
    return (4 << depth) + 8 * ((1 << depth) - 1)


def _covering(side: int, depth: int) -> int:
    """Returns the smallest side whose logits cover `side`; see `UNetConfig.covering_size`.

    From a bottom of b rows the picture has b * 2^depth + 4 * (2^depth - 1) rows.
    """
    fine = 1 << depth
    margin = 4 * (fine - 1)
    more = _lost(depth) - margin
    bottom = _length(((_real(side) + more) / fine).ceil(), (more + fine) // fine)
    return bottom * fine + margin


def _real(number: int) -> Tensor:
    return torch.scalar_tensor(number, dtype=torch.float64)


def _length(number: Tensor, least: int) -> int:
    """Returns a computed length of an axis, of which the exporter learns what it is at least."""
    length = cast(int, number.long().item())  # int() would ask for its value while exporting
    torch._check(length >= least)
    return length


def checkpoint_facts(info: CheckpointInfo) -> dict[str, str]:
    """Returns the metadata of an exported checkpoint: its facts as JSON, and its threshold."""
    return {
        "format": FORMAT,
        "title": info.title,
        "threshold": str(info.threshold),
        "info": json.dumps(asdict(info)),
    }
