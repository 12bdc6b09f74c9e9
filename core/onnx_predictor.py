"""A network that ONNX Runtime runs on the CPU, where PyTorch is too large to be installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.checkpoint import find_checkpoint, network_fingerprint, read_info
from core.errors import CheckpointError, reason
from core.predictor import Predictor, require_photo_network

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NETWORK_FORMAT = "carmask-network-1"
NETWORK_SUFFIX = ".onnx"
"""Of the file beside a checkpoint; `core.export.export_network` makes it."""
_HOW = "Where PyTorch is installed, `carmask export RUN --network` writes it."


class OnnxPredictor(Predictor):
    """A network in a session of ONNX Runtime."""

    def __init__(self, path: Path) -> None:
        """Opens the network that lies beside a checkpoint.

        Raises:
            CheckpointError: The checkpoint can't be read or does not segment RGB photos; or its
                network is missing, damaged, or that of another checkpoint.
        """
        info = read_info(path)
        require_photo_network(path, info)
        super().__init__(info.preprocessing, batch=1)
        self.info = info
        self._session = _session(path.with_suffix(NETWORK_SUFFIX))
        facts = self._session.get_modelmeta().custom_metadata_map
        if facts != network_facts(path):
            file = path.with_suffix(NETWORK_SUFFIX)
            raise CheckpointError(f"{file} is not the network of {path.name}. {_HOW}")

    @classmethod
    def load(cls, file_or_run: Path) -> OnnxPredictor:
        """Returns a predictor for a checkpoint file, or for the best checkpoint of a run.

        Raises:
            CheckpointError: As the constructor.
        """
        return cls(find_checkpoint(file_or_run))

    def _batch_of(self, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Returns the probabilities of inputs, one after another."""
        pictures = [np.ascontiguousarray(each.transpose(1, 2, 0)) for each in inputs]
        found = [self._session.run(None, {"image": each})[0] for each in pictures]
        return np.stack(found)


def network_facts(path: Path) -> dict[str, str]:
    """Returns the metadata of the file that holds a checkpoint's network; raises as `read_info`."""
    return {"format": NETWORK_FORMAT, "fingerprint": network_fingerprint(path)}


def _session(file: Path) -> InferenceSession:
    """Returns a session whose threads sleep while they wait, so that they take no core.

    Raises:
        CheckpointError: There is no such file, ONNX Runtime can't read it, or is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        text = "Neither PyTorch nor ONNX Runtime is installed: pip install torch, or onnxruntime."
        raise CheckpointError(text) from error
    if not file.is_file():
        raise CheckpointError(f"There is no network at {file}. {_HOW}")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # it would keep what the largest photo took
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base class
        raise CheckpointError(f"{file} can't be read ({reason(error)}). {_HOW}") from error
