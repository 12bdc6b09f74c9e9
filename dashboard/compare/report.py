"""What a person takes home: the comparison as one file, each checkpoint's model card and ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from core.checkpoint import read_info
from core.masks import Mask
from core.names import safe_stem
from dashboard.compare.images_predictions import predictions
from dashboard.compare.rows import Chosen, Row
from dashboard.ui.access import local_only
from dashboard.ui.onnx_download import offer_onnx
from dashboard.ui.text import plain
from training.data.folder import Sample

_SUFFIX = ".md"


def show_report(chosen: Chosen) -> None:
    """Draws the downloads; each file is made when its button is pressed."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("#### Report")
        st.markdown(
            "The verdicts, all figures, where each fails, and the photos worth looking at, with "
            "their pictures: one file of about 6 MB that opens anywhere, without a network."
        )
        if chosen.images.missing:
            st.caption(f"{plain(chosen.images.missing)} The report then has no pictures.")
        st.download_button(
            "Report as HTML",
            partial(report_of, chosen),
            "carmask-comparison.html",
            "text/html",
            key="save_report",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
        )
    with right:
        st.markdown("#### Model cards")
        st.markdown(
            "What a checkpoint is: data, split, scores with intervals, where it fails, cost, "
            "limits and how to train it again, as Markdown. Some lines are for you to fill in."
        )
        cards = [row for row in chosen.rows if len(row.paths) == 1 and not row.flips]
        for place, row in enumerate(cards):
            st.download_button(
                plain(row.title),
                partial(card_of, row.paths[0]),
                f"model-card-{safe_stem(row.title + _SUFFIX)}{_SUFFIX}",
                "text/markdown",
                key=f"save_card_{place}",
                icon=":material/download:",
                on_click="ignore",
            )
        if not cards:
            st.caption("A card is of a single checkpoint in a single pass; here is none.")
            return
        _show_onnx(cards)


@local_only
def _show_onnx(rows: Sequence[Row]) -> None:
    st.markdown("#### ONNX")
    st.markdown("A network for other programs: a photo of any size in, its probability of car out.")
    for place, row in enumerate(rows):
        (path,) = row.paths
        offer_onnx(path, read_info(path), key=f"save_onnx_{place}", label=f"ONNX of {row.title}")


def report_of(chosen: Chosen) -> bytes:
    """Returns the comparison as an HTML page; asks the networks about the photos in it."""
    from training.comparison.report import Photos, report_html

    def mask_of(place: int, sample: Sample) -> Mask:
        facts = chosen.evaluations[place].facts
        return predictions().mask(chosen.rows[place], sample, facts.settings.masks(facts.threshold))

    photos = Photos(chosen.images.samples, mask_of)
    colours = [row.colour for row in chosen.rows]
    return report_html(chosen.evaluations, colours, chosen.metric, chosen.baseline, photos)


def card_of(path: Path) -> bytes:
    """Returns the model card of a checkpoint as Markdown."""
    from training.comparison.model_card import model_card

    return model_card(path).encode()
