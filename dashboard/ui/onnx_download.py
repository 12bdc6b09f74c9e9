"""A checkpoint as ONNX, to take home."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.checkpoint import SUFFIX, CheckpointInfo
from core.names import safe_stem
from dashboard.ui.access import local_only
from dashboard.ui.checkpoints import checkpoint_name
from dashboard.ui.text import plain


@local_only
def offer_onnx(path: Path, info: CheckpointInfo, *, key: str, label: str = "ONNX") -> None:
    """Draws a button that gives a checkpoint as an ONNX file, made when it is pressed.

    Args:
        path: The checkpoint.
        info: Its facts.
        key: The button's key.
        label: What stands on it.
    """
    segments = (info.model.in_channels, info.model.out_channels) == (3, 1)
    st.download_button(
        plain(label),
        lambda: _file(path),
        f"{safe_stem(checkpoint_name(path).replace('/', '-') + SUFFIX)}.onnx",
        "application/octet-stream",
        key=key,
        icon=":material/download:",
        help="The network for other programs: a photo of any size in (uint8, height x width x 3, "
        "RGB), its probability of car out. Scaling and normalising are inside."
        if segments
        else "Only a network that segments RGB photos can be exported.",
        disabled=not segments,
        on_click="ignore",
    )


def _file(path: Path) -> bytes:
    from core.export import export_onnx

    return export_onnx(path)
