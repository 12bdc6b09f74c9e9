"""One ONNX file that does what the predictor does: a photo in, its probability out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from core.checkpoint import CheckpointInfo, find_checkpoint
from core.errors import ConfigError
from core.export.graph import Graph, Value
from core.export.network import network
from core.export.resize import Size, grid_size, grid_to_photo, photo_to_grid
from core.model import UNet
from core.predict import load_photo_network
from core.preprocess import Preprocessing

FORMAT = "carmask-onnx-1"
OPSETS = range(13, 24)
"""Versions of ONNX's operators that can be asked for; older runtimes know older ones only."""
OPSET = 17
"""Known to ONNX Runtime since 1.12 (2022)."""


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
    if opset not in OPSETS:
        raise ConfigError(f"Opset {opset} is unknown; use {OPSETS[0]} to {OPSETS[-1]}.")
    model, info = load_photo_network(find_checkpoint(file_or_run))
    file = helper.make_model(
        _photo_graph(model, info.preprocessing),
        producer_name="carmask",
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=helper.find_min_ir_version_for([helper.make_opsetid("", opset)]),
        doc_string="A photo, uint8 (height, width, 3) RGB, to its probability of car.",
    )
    helper.set_model_props(file, _facts(info))
    onnx.checker.check_model(file)
    return bytes(file.SerializeToString())


def _photo_graph(model: UNet, preprocessing: Preprocessing) -> onnx.GraphProto:
    """Returns the graph: photo, grid, network, probability, photo's size."""
    graph = Graph()
    image = Value(graph, "image", np.dtype(np.uint8))
    photo = Size(image.side(0), image.side(1))
    grid = grid_size(graph, photo, preprocessing)
    levels = photo_to_grid(graph, image, photo, grid)
    mean, std = (graph.constant(v, np.float32) for v in (preprocessing.mean, preprocessing.std))
    normalised = (levels / 255.0 - mean) / std
    images = graph.add("Transpose", normalised, perm=[2, 0, 1]).unsqueezed(0)
    logits = network(graph, model, images, grid)
    on_grid = graph.add("Reshape", graph.add("Sigmoid", logits), graph.joined(grid.height, -1, 1))
    whole = grid_to_photo(graph, on_grid, grid, photo)
    flat = graph.add("Reshape", whole, graph.joined(photo.height, photo.width))
    result = Value(graph, "probability", flat.dtype)
    graph.nodes.append(helper.make_node("Identity", [flat.name], [result.name]))
    sides = ("height", "width")
    return graph.finished("carmask", [(image, (*sides, 3))], [(result, sides)])


def _facts(info: CheckpointInfo) -> dict[str, str]:
    return {
        "format": FORMAT,
        "title": info.title,
        "threshold": str(info.threshold),
        "info": json.dumps(asdict(info)),
    }
