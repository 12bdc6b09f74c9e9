"""Saving the best threshold into a checkpoint, after the person said yes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.checkpoint import save_threshold
from core.errors import CarmaskError
from dashboard.compare.choice import Chosen
from dashboard.ui.access import local_only
from dashboard.ui.text import plain
from training.evaluation.curves import CurveMetric, ThresholdCurves

_SAID = "threshold_said"


@local_only
def offer_threshold(chosen: Chosen, curves: Sequence[ThresholdCurves], metric: CurveMetric) -> None:
    """Draws the way to make a row's best threshold its checkpoint's own.

    Args:
        chosen: The comparison.
        curves: Of each row.
        metric: What is best by.
    """
    said = st.session_state.pop(_SAID, None)
    if said:
        st.error(plain(said), icon=":material/error:")
    better = {
        place: each.best_threshold(metric)
        for place, (row, each) in enumerate(zip(chosen.rows, curves, strict=True))
        if len(row.paths) == 1 and not row.flips  # the others' threshold is in no single file
    }
    if not better:
        return
    with st.popover("Save the best threshold", icon=":material/save:"):
        place = st.selectbox(
            "Checkpoint",
            list(better),
            format_func=lambda at: chosen.rows[at].title,
            key="threshold_of",
        )
        own, best = chosen.evaluations[place].facts.threshold, better[place]
        now, then = curves[place].at(metric, own), curves[place].at(metric, best)
        title = "Dice" if metric == "dice" else "IoU"
        st.markdown(
            f"**{plain(chosen.rows[place].title)}** uses {own:.2f} now, with {title} {now:.4f} on "
            f"these images; {best:.2f} is best for them, with {then:.4f}."
        )
        st.caption(
            "Saved, it is what Segment and every evaluation start from. The figures on this page "
            "are then measured again; with the former threshold they are found again. A threshold "
            "that was chosen on some images flatters the figures on the same ones."
        )
        st.button(
            f"Save {best:.2f} into {plain(chosen.rows[place].paths[0].name)}",
            key="save_threshold",
            type="primary",
            disabled=abs(best - own) < 0.005,
            on_click=_save,
            args=(chosen.rows[place].paths[0], best),
        )


@local_only
def _save(path: Path, threshold: float) -> None:
    """Saves it; what went wrong is told on the page. A callback."""
    try:
        save_threshold(path, threshold)
        st.toast(f"{plain(path.name)} now uses {threshold:.2f}.", icon=":material/check:")
    except CarmaskError as error:
        st.session_state[_SAID] = str(error)
