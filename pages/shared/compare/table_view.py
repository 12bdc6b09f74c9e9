"""The table of the comparison: every figure with its interval, what it costs and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared.compare.choice import Chosen
from pages.shared.compare.headline import rank_text
from pages.shared.compare.verdicts import intervals_of, ranking_of, verdict_of
from pages.shared.runs.listed import LEAKY, LEAKY_COLOUR
from training.comparison.interval import Interval
from training.evaluation.rows import METRICS, Metric

USUAL = ("dice", "iou", "boundary_iou", "boundary_iou_3px", "boundary_f1", "hd95")
"""Metrics that are shown unless all are asked for; the chosen one always stands in front."""
CHOSEN, BEST = "As chosen", "Best first"
ORDERS = (CHOSEN, BEST, "Name", "Time a photo", "Size")
_ROWS = 12
"""Rows that are seen without scrolling."""
_SWATCH = " "
"""Name of the column that shows each row's colour in the figures."""
_VERDICTS = {"better": "#2B9A66", "worse": "#DD6B20"}
"""Colours of what is sure; seen on white and on black."""


class _Mean(float):
    """A mean that sorts as a number and is written with its interval."""

    interval: Interval

    @classmethod
    def of(cls, interval: Interval) -> _Mean:
        mean = cls(interval.estimate)
        mean.interval = interval
        return mean

    def text(self) -> str:
        return self.interval.text()


def show_table(chosen: Chosen) -> None:
    """Draws the table, and what it is ordered by."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        order = st.selectbox(
            "Order",
            ORDERS,
            key="order",
            bind="query-params",
            width=190,
            help="A click on a column's head orders by that column, here alone.",
        )
        every = st.toggle("All metrics", key="all_metrics", bind="query-params")
    metrics = shown_metrics(chosen.metric, every=every)
    table = ordered(chosen, table_of(chosen, metrics), order)
    st.dataframe(
        _styled(chosen, table, metrics),
        hide_index=True,
        row_height=36,
        height=round(36 * (1 + min(len(table), _ROWS + 0.5))) + 2,  # half a row says: scroll
        column_config=_columns(chosen, metrics),
        placeholder="",
        alt="Comparison",
    )


def shown_metrics(chosen: Metric, *, every: bool) -> list[Metric]:
    """Returns the metrics of the table, the chosen one first."""
    return [chosen, *(m for m in METRICS if m != chosen and (every or m.name in USUAL))]


def table_of(chosen: Chosen, metrics: Sequence[Metric]) -> pd.DataFrame:
    """Returns a row a checkpoint, by its place; metrics are means over all images."""
    ranks = {place.name: rank_text(place) for place in ranking_of(chosen).places}
    table = pd.DataFrame({_SWATCH: "", "Name": [row.title for row in chosen.rows]})
    if len(table) > 1:
        table["Rank"] = table["Name"].map(ranks)
        table["Verdict"] = [verdict_text(chosen, place) for place in table.index]
    for metric in metrics:
        means = [_Mean.of(interval) for interval in intervals_of(chosen, metric)]
        table[metric.label] = pd.Series(means, dtype=object)  # else pandas makes plain floats of it
    facts = [evaluation.facts for evaluation in chosen.evaluations]
    table["Split"] = ["; ".join(map(_short_warning, each.warnings)) for each in facts]
    table["Images"], table["Cars"] = chosen.compared.images, len(set(chosen.compared.cars))
    table["Not read"] = [each.failed for each in facts]
    table["Threshold"] = [each.threshold for each in facts]
    table["Time a photo"] = [rows["seconds"].median() for rows in chosen.compared.rows]
    table["Size"] = [sum(path.stat().st_size for path in row.paths) for row in chosen.rows]
    for column in ("Split", "Not read"):
        if not table[column].any():
            table = table.drop(columns=column)
    return table


def verdict_text(chosen: Chosen, place: int) -> str:
    """Returns what a row is against the baseline, without its name: "better by 0.002 ..."."""
    verdict = verdict_of(chosen, place)
    if verdict is None:
        return "baseline"
    sentence = replace(verdict, left_out=()).sentence.removeprefix(f"{verdict.names[1]} is ")
    return sentence.removesuffix(f", {verdict.interval.groups:,} cars")


def ordered(chosen: Chosen, table: pd.DataFrame, order: str) -> pd.DataFrame:
    """Returns the table's rows in one of `ORDERS`; of equals the first chosen stands first."""
    if order == CHOSEN:
        return table
    if order == BEST:
        places = {place.name: at for at, place in enumerate(ranking_of(chosen).places)}
        return table.sort_values("Name", key=lambda names: names.map(places), kind="stable")
    return table.sort_values(order, kind="stable")


def _short_warning(warning: str) -> str:
    return LEAKY if LEAKY in warning else warning


def _styled(chosen: Chosen, table: pd.DataFrame, metrics: Sequence[Metric]) -> Any:
    """Returns the table with intervals as texts, the rows' colours, verdicts and leaks marked."""
    labels = [metric.label for metric in metrics]

    def of_row(row: pd.Series[Any]) -> list[str]:
        place = int(row.name)  # type: ignore[call-overload]
        verdict = verdict_of(chosen, place)
        colours = {"Verdict": _VERDICTS.get(verdict.kind, "") if verdict else ""}
        if LEAKY in str(row.get("Split", "")):
            colours |= dict.fromkeys([*labels, "Split"], LEAKY_COLOUR)
        looks = {name: f"color: {colour}" for name, colour in colours.items() if colour}
        looks[_SWATCH] = f"background-color: {chosen.rows[place].colour}"
        return [looks.get(name, "") for name in row.index]

    formats = {"Time a photo": _milliseconds, **dict.fromkeys(labels, _Mean.text)}
    return table.style.apply(of_row, axis=1).format(formats)


def _columns(chosen: Chosen, metrics: Sequence[Metric]) -> dict[str, Any]:
    config = st.column_config
    baseline = chosen.rows[chosen.baseline].title
    columns: dict[str, Any] = {
        _SWATCH: config.TextColumn(pinned=True, width=12),
        "Name": config.TextColumn(pinned=True, width=170),
        "Rank": config.TextColumn(
            width=64,
            help=f"By {chosen.metric.title}, over all pairs at once (Holm). "
            '"2 to 3" says that no one can tell which of these places it has.',
        ),
        "Verdict": config.TextColumn(
            f"Against {baseline}",
            width=280,
            help=f"By {chosen.metric.title}: the difference on the same images, with its 95% "
            "interval over cars, for all pairs at once.",
        ),
        "Split": config.TextColumn(width=110),
        "Images": config.NumberColumn(width=70, help="The same ones for all."),
        "Cars": config.NumberColumn(width=56),
        "Not read": config.NumberColumn(
            width=80, help="Images that can't be read; they stand in no mean."
        ),
        "Threshold": config.NumberColumn(
            format="%.2f", width=84, help="Probability from which a pixel is car: its own."
        ),
        "Time a photo": config.NumberColumn(
            width=100, help="Median of the network's time when it was evaluated."
        ),
        "Size": config.NumberColumn(format="bytes", width=84),
    }
    for metric in metrics:
        better = "higher" if metric.higher_is_better else "lower"
        columns[metric.label] = config.NumberColumn(
            width=196, help=f"Mean over all images with its 95% interval; {better} is better."
        )
    return columns


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
