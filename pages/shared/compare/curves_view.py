"""What every threshold would give, precision against recall, and how far to believe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import CarmaskError
from pages.shared.compare.choice import Chosen
from pages.shared.compare.figures import Line, lines_figure, show_figure, show_legend
from pages.shared.compare.save_threshold import offer_threshold
from pages.shared.text import plain
from training.evaluation.curves import (
    Calibration,
    CurveMetric,
    Region,
    ThresholdCurves,
    calibration_of,
    curves_of,
)

METRICS: dict[str, CurveMetric] = {"Dice": "dice", "IoU": "iou"}
REGIONS: dict[str, Region] = {"All pixels": "everywhere", "Edge band": "edge"}
_INNER = slice(5, 96)
"""Thresholds that a figure is fitted to: at the ends everything is car, or nothing is."""


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


def threshold_lines(
    chosen: Chosen, curves: Sequence[ThresholdCurves], metric: CurveMetric
) -> list[Line]:
    """Returns each row's mean over the threshold; the best is a dot, its own a ring."""
    lines = []
    for row, evaluation, each in zip(chosen.rows, chosen.evaluations, curves, strict=True):
        values = getattr(each, metric)
        texts = [f"{v:.4f} at {t:.2f}" for t, v in zip(each.thresholds, values, strict=True)]
        best = round(each.best_threshold(metric) * 100)
        own = round(evaluation.facts.threshold * 100)
        lines.append(Line(row, each.thresholds, values, texts, marked=[best], hollow=[own]))
    return lines


def precision_lines(chosen: Chosen, curves: Sequence[ThresholdCurves]) -> list[Line]:
    """Returns each row's precision over its recall; its own threshold is a ring."""
    lines = []
    for row, evaluation, each in zip(chosen.rows, chosen.evaluations, curves, strict=True):
        texts = [
            f"precision {p:.4f}, recall {r:.4f} at {t:.2f}"
            for p, r, t in zip(each.precision, each.recall, each.thresholds, strict=True)
        ]
        own = round(evaluation.facts.threshold * 100)
        lines.append(Line(row, each.recall, each.precision, texts, hollow=[own]))
    return lines


def calibration_lines(chosen: Chosen, found: Sequence[Calibration]) -> list[Line]:
    """Returns each row's share of car over its probability."""
    lines = []
    for row, each in zip(chosen.rows, found, strict=True):
        known = each.pixels > 0
        x, y, pixels = each.probability[known], each.share[known], each.pixels[known]
        texts = [
            f"of {n:,} pixels given {p:.2f}, {s:.0%} are car"
            for n, p, s in zip(pixels, x, y, strict=True)
        ]
        lines.append(Line(row, x, y, texts))
    return lines


def _show_thresholds(
    chosen: Chosen, curves: Sequence[ThresholdCurves], metric: CurveMetric
) -> None:
    title = next(name for name, each in METRICS.items() if each == metric)
    lines = threshold_lines(chosen, curves, metric)
    figure = lines_figure(lines, x="Threshold", y=title)
    figure.update_yaxes(range=_range([line.y[_INNER] for line in lines]))
    note = "Mean over the images. The dot is the best threshold, the ring the checkpoint's own."
    show_figure(figure, f"{title} for every threshold", "thresholds", note)


def _show_precision(chosen: Chosen, curves: Sequence[ThresholdCurves]) -> None:
    lines = precision_lines(chosen, curves)
    figure = lines_figure(lines, x="Recall", y="Precision")
    figure.update_xaxes(range=_range([line.x[_INNER] for line in lines]))
    figure.update_yaxes(range=_range([line.y[_INNER] for line in lines]))
    note = "Means over the images, a point a threshold; the ring is the checkpoint's own."
    show_figure(figure, "Precision and recall", "precision", note)


def _show_calibration(chosen: Chosen, name: str, region: Region) -> None:
    found = [_calibration(chosen, place, region) for place in range(len(chosen.rows))]
    figure = lines_figure(
        calibration_lines(chosen, found),
        x="Probability that the network gives",
        y="Share that is car",
        diagonal=True,
        points=True,
    )
    where = (
        "In the band along the true edge, 2% of the diagonal on either side, where masks differ."
        if region == "edge"
        else "Over all pixels, most of which are easy."
    )
    note = f"{where} On the dotted line a network is as sure as it is right; below it, too sure."
    show_figure(figure, f"Calibration: {name.lower()}", f"calibration_{region}", note)
    errors = " · ".join(
        f"{plain(row.title)} {each.error:.4f}" for row, each in zip(chosen.rows, found, strict=True)
    )
    st.caption(f"Expected calibration error: {errors}")


def _range(parts: Sequence[NDArray[np.float64]]) -> list[float]:
    """Returns lowest and highest value with a margin, of figures in [0, 1]."""
    low = min(float(part.min()) for part in parts)
    high = max(float(part.max()) for part in parts)
    margin = 0.06 * max(high - low, 1e-4)
    return [low - margin, high + margin]


def _curves(chosen: Chosen, place: int) -> ThresholdCurves:
    return _kept_curves(chosen.mark(place), chosen, place)


def _calibration(chosen: Chosen, place: int, region: Region) -> Calibration:
    return _kept_calibration(chosen.mark(place), region, chosen, place)


@st.cache_resource(max_entries=128, show_spinner=False)
def _kept_curves(mark: str, _chosen: Chosen, _place: int) -> ThresholdCurves:
    return curves_of(_chosen.evaluations[_place], _compared(_chosen, _place))


@st.cache_resource(max_entries=256, show_spinner=False)
def _kept_calibration(mark: str, region: Region, _chosen: Chosen, _place: int) -> Calibration:
    return calibration_of(_chosen.evaluations[_place], region, _compared(_chosen, _place))


def _compared(chosen: Chosen, place: int) -> NDArray[np.bool_]:
    """Returns which rows of an evaluation are compared: those that could be read for all."""
    rows = chosen.evaluations[place].rows
    names = rows["source"] + "/" + rows["image"]
    return ~names.isin(chosen.compared.left_out).to_numpy(bool)
