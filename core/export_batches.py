"""An ONNX file for servers that put the photos of several requests together: Triton, KServe."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from core.checkpoint import find_checkpoint
from core.errors import ConfigError
from core.export import OPSET, GridNetwork, checkpoint_facts, require_opset, to_onnx
from core.model import UNet
from core.preprocess import Preprocessing
from core.torch_predictor import load_photo_network


def export_batches(
    file_or_run: Path, size: tuple[int, int] | None = None, opset: int = OPSET
) -> bytes:
    """Returns an ONNX file of a checkpoint, or of the best one of a run, for photos of one size.

    Its input `images` is any number of photos, uint8 (batch, height, width, 3) RGB; its output
    `probability` is float32 (batch, height, width) in [0, 1], of a single pass. Whoever asks brings
    photos to this size and the probability back. The metadata are those of `export_onnx`.

    Args:
        file_or_run: The checkpoint.
        size: Width and height in px; None for a square of the checkpoint's own grid.
        opset: Version of ONNX's operators.

    Raises:
        CheckpointError: It can't be read, or it does not segment RGB photos.
        ConfigError: The opset is not in `OPSETS`, or the network can't work at this size.
    """
    require_opset(opset)
    model, info = load_photo_network(find_checkpoint(file_or_run))
    width, height = size or (info.preprocessing.size, info.preprocessing.size)
    multiple = model.config.multiple
    if model.config.padding != "same":
        raise ConfigError("A network without padding gives less than it gets; use --onnx.")
    if min(width, height) < 1 or width % multiple or height % multiple:
        need = f"both sides must be multiples of {multiple}"
        raise ConfigError(f"--size is {width}x{height}; {need}.")
    network = BatchNetwork(model, info.preprocessing)
    example = {"images": torch.zeros(2, height, width, 3, dtype=torch.uint8)}
    file = to_onnx(network, example, {"images": {0: "batch"}}, "probability", opset)
    file.doc_string = "Photos, uint8 (batch, height, width, 3) RGB, to their probability of car."
    onnx.helper.set_model_props(file, checkpoint_facts(info))
    return bytes(file.SerializeToString())


class BatchNetwork(nn.Module):
    """A padded network for photos of one size."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: UNet, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = GridNetwork(model).network
        self.register_buffer("mean", torch.tensor(preprocessing.mean))
        self.register_buffer("std", torch.tensor(preprocessing.std))

    def forward(self, images: Tensor) -> Tensor:
        """Returns the probability float32 (N, H, W) of photos uint8 (N, H, W, 3)."""
        levels = (images.float() / 255 - self.mean) / self.std
        return torch.sigmoid(self.network(levels.permute(0, 3, 1, 2)))[:, 0]
