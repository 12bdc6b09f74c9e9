"""What every threshold would give, precision against recall, calibration; saving the best one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.checkpoint import save_threshold
from core.errors import CarmaskError
from dashboard.compare.figures import show_figure, show_legend, sides_of
from dashboard.compare.rows import Chosen
from dashboard.ui.access import local_only
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.comparison.curve_figures import (
    CURVE_TITLES,
    calibration_figure,
    precision_figure,
    threshold_figure,
)
from training.evaluation.curves import (
    Calibration,
    CurveMetric,
    Region,
    ThresholdCurves,
    calibration_of,
    curves_of,
)

METRICS: dict[str, CurveMetric] = {title: metric for metric, title in CURVE_TITLES.items()}
REGIONS: dict[str, Region] = {"All pixels": "everywhere", "Edge band": "edge"}


def show_curves(chosen: Chosen) -> None:
    """Draws the curves of all rows."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        title = st.segmented_control(
            "Over the threshold",
            list(METRICS),
            default="Dice",
            key="curve",
            required=True,
            bind="query-params",
            label_visibility="collapsed",
        )
        show_legend(chosen.rows)
    metric = METRICS[title or "Dice"]
    try:
        with waiting("Computing the curves"):
            curves = [_curves(chosen, place) for place in range(len(chosen.rows))]
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _show_thresholds(chosen, curves, metric)
        offer_threshold(chosen, curves, metric)
    with right:
        _show_precision(chosen, curves)
    for column, (name, region) in zip(st.columns(2, gap="medium"), REGIONS.items(), strict=True):
        with column:
            _show_calibration(chosen, name, region)


def _show_thresholds(
    chosen: Chosen, curves: Sequence[ThresholdCurves], metric: CurveMetric
) -> None:
    figure = threshold_figure(sides_of(chosen.rows), curves, _own(chosen), metric)
    note = "Mean over the images. The dot is the best threshold, the ring the checkpoint's own."
    show_figure(figure, f"{CURVE_TITLES[metric]} for every threshold", "thresholds", note)


def _show_precision(chosen: Chosen, curves: Sequence[ThresholdCurves]) -> None:
    figure = precision_figure(sides_of(chosen.rows), curves, _own(chosen))
    note = "Means over the images, a point a threshold; the ring is the checkpoint's own."
    show_figure(figure, "Precision and recall", "precision", note)


def _show_calibration(chosen: Chosen, name: str, region: Region) -> None:
    found = [_calibration(chosen, place, region) for place in range(len(chosen.rows))]
    where = (
        "In the band along the true edge, 2% of the diagonal on either side, where masks differ."
        if region == "edge"
        else "Over all pixels, most of which are easy."
    )
    note = f"{where} On the dotted line a network is as sure as it is right; below it, too sure."
    figure = calibration_figure(sides_of(chosen.rows), found)
    show_figure(figure, f"Calibration: {name.lower()}", f"calibration_{region}", note)
    errors = " · ".join(
        f"{plain(row.title)} {each.error:.4f}" for row, each in zip(chosen.rows, found, strict=True)
    )
    st.caption(f"Expected calibration error: {errors}")


def _own(chosen: Chosen) -> list[float]:
    """Returns the threshold that each row's masks were made with."""
    return [evaluation.facts.threshold for evaluation in chosen.evaluations]


def _curves(chosen: Chosen, place: int) -> ThresholdCurves:
    return _kept_curves(chosen.mark(place), chosen, place)


def _calibration(chosen: Chosen, place: int, region: Region) -> Calibration:
    return _kept_calibration(chosen.mark(place), region, chosen, place)


@st.cache_resource(max_entries=128, show_spinner=False)
def _kept_curves(mark: str, _chosen: Chosen, _place: int) -> ThresholdCurves:
    return curves_of(
        _chosen.evaluations[_place], _chosen.compared.kept(_chosen.evaluations[_place])
    )


@st.cache_resource(max_entries=256, show_spinner=False)
def _kept_calibration(mark: str, region: Region, _chosen: Chosen, _place: int) -> Calibration:
    return calibration_of(
        _chosen.evaluations[_place], region, _chosen.compared.kept(_chosen.evaluations[_place])
    )


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
