"""The convolutions of a state dict, each with what follows it, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from core.errors import CheckpointError
from core.names import natural_order


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
        """Side of its kernel."""
        return self.weight.shape[-1]


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
        elif {"weight", "bias", "running_mean", "running_var"} <= fields.keys() and group:
            last = group.pop()
            group.append(Layer(last.name, last.weight, last.bias, _batch_norm(fields)))
        else:
            raise CheckpointError(
                f"The layer {name!r} ({', '.join(sorted(fields))}) is neither a convolution nor a "
                "batch normalisation after one; such a network can't be imported."
            )
    return layers


def _batch_norm(fields: Mapping[str, Tensor]) -> BatchNorm:
    return BatchNorm(
        fields["weight"], fields["bias"], fields["running_mean"], fields["running_var"]
    )
