"""The convolutions of a state dict, each with what follows it, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
