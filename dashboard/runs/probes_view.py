"""The probes of a run: the same photos after each epoch, so that masks are seen to get sharp."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.drawing import OverlayStyle, error_picture, heatmap, overlay
from core.errors import CarmaskError
from core.image import encode_jpeg
from dashboard.runs.listed import Listed
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.text import plain
from training.runs.probes import Probe, RunProbes, probes_error, read_probes

OVERLAY, ERRORS, PROBABILITY = "Overlay", "Errors", "Probability"
_STYLE = OverlayStyle(outline=5.0)
"""A thicker line than on a photo: these pictures are small."""


def show_probes(run: Listed) -> None:
    """Draws the pictures of one epoch, with a slider over all of them."""
    found = read_probes(run.summary.folder)
    if found is None or not found.probes or not found.epochs:
        error = probes_error(run.summary.folder)
        if error:
            st.warning(plain(error), icon=":material/warning:")
            return
        st.info(
            "This run keeps no probes: a few validation photos with their masks after each "
            "epoch. Runs of this version do, from their first validation on."
        )
        return
    with st.container(key="probe", horizontal=True, vertical_alignment="bottom", gap="medium"):
        epoch = _ask_epoch(found.epochs)
        look = st.segmented_control(
            "Show",
            (OVERLAY, ERRORS, PROBABILITY),
            default=OVERLAY,
            required=True,
            key="probe_look",
            bind="query-params",
        )
    if look == ERRORS:
        st.caption("Green: right. Yellow: missed. Vermilion: called car by mistake.")
    shown = [probe_tile(found, each, epoch, str(look)) for each in found.probes]
    ratio = float(np.median([ratio for _, ratio in shown]))
    gallery(
        [tile for tile, _ in shown],
        label=f"Probes after epoch {epoch}",
        wrap=True,
        ratio=min(max(ratio, 0.75), 2.0),
        key="probes",
    )


def _ask_epoch(epochs: tuple[int, ...]) -> int:
    """Draws the slider; until somebody moves it, it follows a run to its newest epoch."""
    wanted = st.query_params.get("at", "")
    epoch = next((each for each in epochs if str(each) == wanted), epochs[-1])
    if len(epochs) == 1:
        st.markdown(f"After epoch {epoch}", width="content")
        return epoch
    if st.session_state.get("at_choice") != epoch:
        st.session_state["at_choice"] = epoch
    return st.select_slider(
        "After epoch", epochs, key="at_choice", on_change=_choose_epoch, args=(epoch,), width=420
    )


def _choose_epoch(shown: int) -> None:
    if st.session_state["at_choice"] != shown:  # else the browser only repeats it
        st.query_params["at"] = str(st.session_state["at_choice"])


def probe_tile(found: RunProbes, probe: Probe, epoch: int, look: str) -> tuple[Tile, float]:
    """Returns a probe's picture after an epoch, and its width over height; kept for all sessions.

    Args:
        found: The run's probes.
        probe: One of them.
        epoch: The epoch.
        look: What is shown: `OVERLAY`, `ERRORS` or `PROBABILITY`.
    """
    times = tuple(_changed(found, epoch))
    return _tile(str(found.folder), found, probe, epoch, look, times)


def _changed(found: RunProbes, epoch: int) -> list[int]:
    paths = [found.folder / "probes.json", found.folder / f"epoch_{epoch:04}"]
    return [path.stat().st_mtime_ns if path.exists() else 0 for path in paths]


@st.cache_data(max_entries=400, show_spinner=False)
def _tile(
    folder: str, _found: RunProbes, probe: Probe, epoch: int, look: str, times: tuple[int, ...]
) -> tuple[Tile, float]:
    """Returns what `probe_tile` does; `times` is when the pictures were written."""
    try:
        image = _found.photo(probe.number)
        probability = _found.probability(epoch, probe.number)
        mask = probability >= 0.5
        if look == PROBABILITY:
            picture = heatmap(probability)
        elif look == ERRORS:
            picture = error_picture(image, mask, _found.truth(probe.number))
        else:
            picture = overlay(image, mask, _STYLE)
    except CarmaskError as error:
        return Tile(str(probe.number), probe.name, b"", str(error)), 1.5
    height, width = image.shape[:2]
    return Tile(
        str(probe.number), probe.name, encode_jpeg(picture, 88), probe.source
    ), width / height
