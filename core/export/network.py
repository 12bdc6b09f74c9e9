"""A U-Net inside an ONNX graph: `UNet.whole` node by node."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from core.export.graph import Graph, Value
from core.export.resize import Size
from core.model import UNet, fold_normalisation


def network(graph: Graph, model: UNet, images: Value, size: Size) -> Value:
    """Returns logits float32 (1, out_channels, h, w) for every pixel of a picture.

    Args:
        graph: Gets the nodes.
        model: The network; batch normalisations become part of the convolutions.
        images: Its input, float32 (1, in_channels, h, w), normalised.
        size: Height and width of that.
    """
    config = model.config
    model = fold_normalisation(model)
    grown, corner = _grown(images, size, model)
    x = _to_depth(graph, grown, config.stem_factor)
    skips: list[Value] = []
    for level, double_conv in enumerate(model.contracting):
        if level > 0:
            x = graph.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = _layers(graph, double_conv, x)
        skips.append(x)
    skips.pop()
    for up_conv, double_conv in zip(model.up_convs, model.expansive, strict=True):
        x = _joined(graph, skips.pop(), _layers(graph, up_conv, x), model)
        x = _layers(graph, double_conv, x)
    logits = _layers(graph, model.final, x)
    if config.stem_factor > 1:
        logits = graph.add("DepthToSpace", logits, blocksize=config.stem_factor, mode="CRD")
    end = [corner.height + size.height, corner.width + size.width]
    return _cut(graph, logits, graph.joined(corner.height, corner.width), graph.joined(*end))


def _grown(images: Value, size: Size, model: UNet) -> tuple[Value, Size]:
    """Returns the picture as large as the network needs it, and where in the logits it begins.

    The corner is what an unpadded network, which loses a margin, has too much at the top and left.
    """
    graph = images.graph
    corners = []
    for axis, side in ((2, size.height), (3, size.width)):
        places, corner = _grown_side(graph, side, size, model)
        images = images.take(places, axis)
        corners.append(corner)
    return images, Size(*corners)


def _grown_side(graph: Graph, side: Value, size: Size, model: UNet) -> tuple[Value, Value]:
    """Returns which row is at each place of the grown side, and where its logits begin."""
    config = model.config
    last = side - 1
    if config.padding == "same":
        grown = side.at_least(config.multiple)
        if config.odd_sides == "grow":
            grown = (side + (config.multiple - 1)) / config.multiple * config.multiple
        return graph.range(grown).at_most(last), graph.constant(0, np.int64)
    covering = _covering(side, config.depth)
    before = (covering - side) / 2
    places = graph.range(covering) - before
    # The picture is mirrored where it is longer than both margins, else its edges are repeated.
    mirrors = graph.constant(True, bool)
    for each in (size.height, size.width):
        margin = _covering(each, config.depth) - each
        mirrors = mirrors & (margin - margin / 2 < each)
    mirrored = graph.add("Abs", graph.add("Abs", places) * -1 + last) * -1 + last
    repeated = places.at_least(0).at_most(last)
    lost = _lost(config.depth)
    corner = (covering - lost - side) / 2
    return mirrors.where(mirrored, repeated, np.int64), corner


def _lost(depth: int) -> int:
    """Returns how many rows an unpadded network's logits have less than its picture."""
    fine = 1 << depth
    return 4 * fine + 8 * (fine - 1)


def _covering(side: Value, depth: int) -> Value:
    """Returns the smallest side whose logits cover `side`; see `UNetConfig.covering_size`.

    From a bottom of b rows the picture has b * 2^depth + 4 * (2^depth - 1) rows, and the logits
    have `_lost` fewer.
    """
    fine = 1 << depth
    margin = 4 * (fine - 1)
    bottom = (side + (_lost(depth) - margin + fine - 1)) / fine
    return bottom * fine + margin


def _joined(graph: Graph, skip: Value, up: Value, model: UNet) -> Value:
    """Returns the skip and what comes from below, made equally large, as one."""
    if model.config.odd_sides == "zeros":
        rows, columns = (skip.side(axis) - up.side(axis) for axis in (2, 3))
        pads = graph.joined(0, 0, 0, 0, 0, 0, rows, columns)
        up = graph.add("Pad", up, pads)
    if model.config.padding == "valid":
        corner = [(skip.side(axis) - up.side(axis)) / 2 for axis in (2, 3)]
        ends = [at + up.side(axis) for axis, at in zip((2, 3), corner, strict=True)]
        skip = _cut(graph, skip, graph.joined(*corner), graph.joined(*ends))
    return graph.add("Concat", skip, up, axis=1)


def _cut(graph: Graph, x: Value, start: Value, end: Value) -> Value:
    """Returns the part of a (N, C, H, W) between two corners, each int64 (2,)."""
    return graph.add("Slice", x, start, end, graph.constant([2, 3], np.int64))


def _to_depth(graph: Graph, images: Value, factor: int) -> Value:
    """Returns each square of pixels as channels, as `pixel_unshuffle` does."""
    if factor == 1:
        return images
    rows, columns = (images.side(axis) / factor for axis in (2, 3))
    squares = graph.joined(1, images.side(1), rows, factor, columns, factor)
    x = graph.add("Transpose", graph.add("Reshape", images, squares), perm=[0, 1, 3, 5, 2, 4])
    return graph.add("Reshape", x, graph.joined(1, -1, rows, columns))


def _layers(graph: Graph, layer: nn.Module, x: Value) -> Value:
    """Returns what a layer, or a sequence of them, makes of a (N, C, H, W)."""
    if isinstance(layer, nn.Sequential):
        for each in layer:
            x = _layers(graph, each, x)
        return x
    if isinstance(layer, nn.Identity):
        return x
    if isinstance(layer, nn.ReLU):
        return graph.add("Relu", x)
    if isinstance(layer, nn.Upsample):
        scales = graph.constant([1.0, 1.0, 2.0, 2.0], np.float32)
        how = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
        return graph.add("Resize", x, None, scales, **how)
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return _convolution(graph, layer, x)
    assert isinstance(layer, nn.GroupNorm | nn.InstanceNorm2d), layer
    return _normalisation(graph, layer, x)


def _convolution(graph: Graph, layer: nn.Conv2d | nn.ConvTranspose2d, x: Value) -> Value:
    bias = None if layer.bias is None else _weights(graph, layer.bias)
    return graph.add(
        "ConvTranspose" if isinstance(layer, nn.ConvTranspose2d) else "Conv",
        x,
        _weights(graph, layer.weight),
        bias,
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.stride),
        pads=[int(each) for each in layer.padding] * 2,
    )


def _normalisation(graph: Graph, layer: nn.GroupNorm | nn.InstanceNorm2d, x: Value) -> Value:
    """Returns a group or instance normalisation: each group is an instance of one channel."""
    grouped = isinstance(layer, nn.GroupNorm)
    groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else layer.num_features
    sides = graph.joined(1, x.side(1), x.side(2), x.side(3))
    parts = graph.add("Reshape", x, graph.joined(1, groups, -1)) if grouped else x
    plain = [graph.constant(np.full(groups, value), np.float32) for value in (1, 0)]
    normal = graph.add("InstanceNormalization", parts, *plain, epsilon=layer.eps)
    if grouped:
        normal = graph.add("Reshape", normal, sides)
    weight, bias = (_weights(graph, each).unsqueezed(1, 2) for each in (layer.weight, layer.bias))
    return normal * weight + bias


def _weights(graph: Graph, tensor: Tensor) -> Value:
    return graph.constant(tensor.detach().numpy(), np.float32)
