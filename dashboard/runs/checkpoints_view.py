"""The checkpoints of a run, each one click from Segment and from an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.checkpoint import SUFFIX, CheckpointInfo, read_info
from core.errors import CarmaskError
from core.metric_table import HEADLINE
from dashboard.compare.rows import link_rows
from dashboard.runs.listed import Listed
from dashboard.runs.table import styled
from dashboard.ui.checkpoints import checkpoint_name
from dashboard.ui.frame import SEGMENT
from dashboard.ui.onnx_download import offer_onnx
from dashboard.ui.scores import scores_of
from dashboard.ui.text import plain

_LINKS = 6
"""Checkpoints that have a link of their own; more would be a wall of links."""


def show_checkpoints(run: Listed) -> None:
    """Draws a row a checkpoint, the ways to Segment, and the checkpoints as ONNX."""
    good: list[tuple[Path, CheckpointInfo]] = []
    for path in _files(run.summary.folder):
        try:
            good.append((path, read_info(path)))
        except (CarmaskError, OSError) as error:
            st.warning(f"**{plain(path.name)}**: {plain(str(error))}", icon=":material/warning:")
    if not good:
        st.info("This run has no checkpoint that can be read; one is written after each epoch.")
        return
    table = pd.DataFrame([_row(path, info) for path, info in good])
    table["Written"] = pd.to_datetime(table["Written"], utc=True, errors="coerce")
    clean = all(info.verdict.is_clean for _, info in good)
    st.dataframe(
        styled(table),
        hide_index=True,
        height="content",
        column_config={
            metric.label: st.column_config.NumberColumn(
                format=f"%.{metric.digits}f", help=metric.help
            )
            for metric in HEADLINE
        }
        | {
            "Images seen": st.column_config.NumberColumn(format="localized"),
            "Written": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone=st.context.timezone
            ),
            "Size": st.column_config.NumberColumn(format="bytes"),
        },
        column_order=[str(name) for name in table if name != "Split" or not clean],
        placeholder="",
        alt="Checkpoints",
    )
    with st.container(horizontal=True, gap="small"):
        for path, _ in good[:_LINKS]:
            st.page_link(
                SEGMENT.path,
                label=f"Segment with {plain(path.stem)}",
                icon=SEGMENT.icon,
                query_params={"checkpoint": checkpoint_name(path)},
            )
    with st.container(horizontal=True, gap="small"):
        for path, info in good[:_LINKS]:
            offer_onnx(path, info, key=f"onnx_{path.stem}", label=f"ONNX of {path.stem}")
    if len(good) > 1:
        link_rows([checkpoint_name(path) for path, _ in good])


def _files(run: Path) -> list[Path]:
    """Returns a run's checkpoints: best, last, then those of epochs, the latest first."""
    first = {"best": 0, "last": 1}
    found = sorted((run / "checkpoints").glob(f"*{SUFFIX}"), reverse=True)
    return sorted(found, key=lambda path: first.get(path.stem, 2))


def _row(path: Path, info: CheckpointInfo) -> dict[str, Any]:
    scores = scores_of(path, info)
    measured = scores.photos or "this run's validation"
    return {
        "Name": path.stem,
        "Epoch": info.epoch,
        **{metric.label: scores.means.get(metric.name) for metric in HEADLINE},
        "Measured on": f"{measured}, {scores.prediction}" if scores.means else "",
        "Split": info.verdict.label,
        "Images seen": info.images_seen,
        "Written": info.created,
        "Size": path.stat().st_size,
    }
