"""How a checkpoint stores weights: in 32 bits, in 16, or in 8 with scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from core.header import TensorEntry

Bits = Literal[32, 16, 8]
"""Of a weight of a convolution. Statistics and offsets are few, and always stored in 32."""
_SCALE = ".scale"
"""Ends the name of the scales that belong to a tensor of 8 bits."""
_LEVELS = 127


def packed(tensors: Mapping[str, Tensor], bits: Bits) -> dict[str, Tensor]:
    """Returns tensors as they are stored.

    In 8 bits each slice of a tensor's first axis (an output channel of a convolution) has a scale,
    float32, and holds whole multiples of it from -127 to 127.

    Args:
        tensors: By name, float32 where they are no counts.
        bits: Of the tensors with more than one axis.
    """
    import torch

    result = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or bits == 32:
            continue
        if bits == 16:
            result[name] = tensor.half()
            continue
        scale = tensor.abs().flatten(1).amax(1) / _LEVELS
        scale[scale == 0] = 1
        result[name] = (tensor / _along(scale, tensor)).round().to(torch.int8)
        result[name + _SCALE] = scale
    return result


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns stored tensors as a network needs them: float32, without scales."""
    import torch

    result = {}
    for name, tensor in tensors.items():
        scale = tensors.get(name + _SCALE)
        if tensor.dtype is torch.int8 and scale is not None:
            result[name] = tensor.float() * _along(scale, tensor)
        elif tensors.get(name.removesuffix(_SCALE), tensor).dtype is not torch.int8:
            result[name] = tensor.float() if tensor.dtype is torch.float16 else tensor
    return result


def misfits(
    expected: Mapping[str, tuple[int, ...]], stored: Mapping[str, TensorEntry]
) -> list[str]:
    """Returns the names of tensors that a network needs otherwise, sorted; reads no tensor.

    Args:
        expected: The shapes that the network needs.
        stored: What a file's header says of its tensors.
    """
    shapes = dict(expected)
    kinds: dict[str, tuple[str, ...]] = dict.fromkeys(expected, ("F32", "F16"))
    for name, shape in expected.items():
        if name.endswith("num_batches_tracked"):
            kinds[name] = ("I64",)
        elif shape and name in stored and stored[name]["dtype"] == "I8":
            kinds[name], kinds[name + _SCALE] = ("I8",), ("F32",)
            shapes[name + _SCALE] = shape[:1]
    return sorted(
        name
        for name in shapes.keys() | stored.keys()
        if name not in shapes
        or name not in stored
        or tuple(stored[name]["shape"]) != shapes[name]
        or stored[name]["dtype"] not in kinds[name]
    )


def _along(scale: Tensor, tensor: Tensor) -> Tensor:
    """Returns scales, one for each slice of a tensor's first axis, ready to be multiplied."""
    return scale.reshape(-1, *[1] * (tensor.ndim - 1))
