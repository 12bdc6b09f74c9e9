"""The table of the comparison: every figure with its interval, what it costs and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.metric_table import METRICS, Metric
from dashboard.compare.headline import key_of, ranked_rows, ranking_of, verdicts_of
from dashboard.compare.measured import costs_of
from dashboard.compare.rows import Chosen
from dashboard.ui.badges import FIGURES, VERDICT_COLOURS
from dashboard.ui.text import plain
from training.comparison.ranking import seed_groups, seed_spread
from training.comparison.table import NOT_RANKED, ComparisonTable, comparison_table, gain_of
from training.evaluation.stored import EvaluationFacts

CHOSEN, BEST = "As chosen", "Best first"
ORDERS = (CHOSEN, BEST, "Name", "Time a photo", "Multiply-adds", "Parameters", "Size")
_ROWS = 12
"""Rows that are seen without scrolling."""
_SWATCH = " "
"""Name of the column that shows each row's colour in the figures."""


class _Shown(float):
    """A figure that sorts as a number and is written as a text."""

    text: str

    @classmethod
    def of(cls, value: float, text: str) -> _Shown:
        shown = cls(value)
        shown.text = text
        return shown

    def written(self) -> str:
        return self.text


def show_table(chosen: Chosen) -> None:
    """Draws the table, what it is ordered by, and the files to keep."""
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
    made = _table(key_of(chosen), chosen.baseline, metrics, chosen)
    table = ordered(chosen, table_of(chosen, made, metrics), order)
    st.dataframe(
        _styled(chosen, table, metrics),
        hide_index=True,
        row_height=36,
        height=round(36 * (1 + min(len(table), _ROWS + 0.5))) + 2,  # half a row says: scroll
        column_config=_columns(chosen, metrics),
        placeholder="",
        alt="Comparison",
    )
    _offer_files(made)
    show_gains(chosen)
    show_seeds(chosen)


def shown_metrics(chosen: Metric, *, every: bool) -> list[Metric]:
    """Returns the metrics of the table, the chosen one first."""
    return [chosen, *(m for m in METRICS if m != chosen and (every or m.shown != "on request"))]


def table_of(chosen: Chosen, made: ComparisonTable, metrics: Sequence[Metric]) -> pd.DataFrame:
    """Returns a row a checkpoint, by its place.

    Args:
        chosen: The comparison.
        made: Its figures, and how they are written.
        metrics: Those in it.
    """
    table = pd.DataFrame({_SWATCH: "", "Name": made.texts["Checkpoint"]})
    if len(table) > 1:
        table["Rank"] = made.texts["Rank"]
        verdicts = verdicts_of(chosen)
        table["Verdict"] = [
            each.short if each else "baseline" if place == chosen.baseline else NOT_RANKED
            for place, each in enumerate(verdicts)
        ]
    for metric in metrics:
        pairs = zip(made.figures[metric.name], made.texts[metric.label], strict=True)
        shown = [_Shown.of(value, text) for value, text in pairs]
        table[metric.label] = pd.Series(shown, dtype=object)  # else they become plain numbers
    facts = [evaluation.facts for evaluation in chosen.evaluations]
    table["Prediction"] = [each.prediction for each in facts]
    table["Split"] = [_split_text(each) for each in facts]
    table["Images"], table["Cars"] = made.figures["photos"], made.figures["cars"]
    table["Own masks"] = [each.anchored for each in facts]
    table["Not read"] = [each.failed for each in facts]
    table["Threshold"] = [each.threshold for each in facts]
    table["Time a photo"] = made.figures["seconds"]
    costs = costs_of(chosen)
    table["Multiply-adds"] = [cost.multiply_adds for cost in costs]
    table["Parameters"] = [cost.parameters for cost in costs]
    table["Size"] = [cost.file_bytes for cost in costs]
    table["Memory"] = [cost.peak_bytes for cost in costs]
    for column in ("Split", "Own masks", "Not read", "Memory"):
        if not table[column].any():
            table = table.drop(columns=column)
    return table


def ordered(chosen: Chosen, table: pd.DataFrame, order: str) -> pd.DataFrame:
    """Returns the table's rows in one of `ORDERS`; of equals the first chosen stands first.

    What has no rank stands below all others, unless the order is by something else.
    """
    if order == CHOSEN:
        ranked = ranked_rows(chosen)
        return table.loc[[*ranked, *(place for place in table.index if place not in ranked)]]
    if order == BEST:
        places = {place.name: at for at, place in enumerate(ranking_of(chosen).places)}
        return table.sort_values("Name", key=lambda names: names.map(places), kind="stable")
    return table.sort_values(order, kind="stable")


@st.cache_resource(max_entries=32, show_spinner=False)
def _table(key: str, baseline: int, metrics: Sequence[Metric], _chosen: Chosen) -> ComparisonTable:
    name = _chosen.rows[baseline].title
    return comparison_table(_chosen.compared, ranking_of(_chosen), metrics, name)


def _offer_files(made: ComparisonTable) -> None:
    """Draws the buttons that give the table as a file; all rows, as they were chosen."""
    with st.container(horizontal=True, gap="small"):
        for name, text, ending, mime in (
            ("CSV", made.to_csv, "csv", "text/csv"),
            ("LaTeX", made.to_latex, "tex", "application/x-tex"),
            ("Markdown", made.to_markdown, "md", "text/markdown"),
        ):
            st.download_button(
                name,
                text,
                f"carmask-comparison.{ending}",
                mime,
                key=f"save_{ending}",
                icon=":material/download:",
                on_click="ignore",
            )


def _split_text(facts: EvaluationFacts) -> str:
    """Returns the verdict on an evaluation where it is not clean, else what is to be known."""
    return "; ".join(facts.warnings) if facts.verdict.is_clean else facts.verdict.label


def _styled(chosen: Chosen, table: pd.DataFrame, metrics: Sequence[Metric]) -> Any:
    """Returns the table with intervals as texts, the rows' colours, verdicts and leaks marked."""
    labels = [metric.label for metric in metrics]
    verdicts = verdicts_of(chosen) if len(table) > 1 else [None]

    def of_row(row: pd.Series[Any]) -> list[str]:
        place = int(row.name)  # type: ignore[call-overload]
        verdict = verdicts[place]
        colours = {"Verdict": VERDICT_COLOURS.get(verdict.kind, "") if verdict else ""}
        trust = FIGURES[chosen.evaluations[place].facts.verdict.kind]
        colours |= dict.fromkeys([*labels, "Split"], trust)
        looks = {name: f"color: {colour}" for name, colour in colours.items() if colour}
        looks[_SWATCH] = f"background-color: {chosen.rows[place].colour}"
        return [looks.get(name, "") for name in row.index]

    formats: dict[Any, Any] = dict.fromkeys(labels, _Shown.written)
    formats["Time a photo"] = _milliseconds
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
        "Prediction": config.TextColumn(
            width=96,
            help="single pass: the photo once through the network. mirrored: the mean with its "
            "mirror image. cascade: mirrored, with a fallback where that is uncertain.",
        ),
        "Split": config.TextColumn(width=110),
        "Images": config.NumberColumn(width=70, help="The same ones for all."),
        "Cars": config.NumberColumn(width=56),
        "Own masks": config.NumberColumn(
            width=90,
            help="Images whose true mask was edited from a mask of this checkpoint, or of one that "
            "it started from: its score on them is flattered.",
        ),
        "Not read": config.NumberColumn(
            width=80, help="Images that can't be read; they stand in no mean."
        ),
        "Threshold": config.NumberColumn(
            format="%.2f", width=84, help="Probability from which a pixel is car: its own."
        ),
        "Time a photo": config.NumberColumn(
            width=100,
            help="Median of the network's time when these images were evaluated, on the machine "
            "that did it.",
        ),
        "Multiply-adds": config.NumberColumn(
            format="compact", width=104, help="For one photo on the network's own grid."
        ),
        "Parameters": config.NumberColumn(format="compact", width=94),
        "Size": config.NumberColumn(format="bytes", width=84),
        "Memory": config.NumberColumn(
            format="bytes", width=84, help="Most that a process held here, for 12 megapixels."
        ),
    }
    for metric in metrics:
        better = "higher" if metric.higher_is_better else "lower"
        columns[metric.label] = config.NumberColumn(
            width=196,
            help=f"{metric.help} Mean over all images with its 95% interval; {better} is better.",
        )
    return columns


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def show_gains(chosen: Chosen) -> None:
    """Draws the gain of each row with flips, ensemble and cascade; nothing if there is none."""
    lines = []
    for row, evaluation in zip(chosen.rows, chosen.evaluations, strict=True):
        if len(row.paths) == 1 and not row.flips:
            continue
        gain = gain_of(evaluation, chosen.evaluations)
        if gain is None:
            text = "add a checkpoint that it is made of, alone and not mirrored, to see its gain"
        else:
            verdict = gain.verdict(chosen.metric)
            single = gain.single.facts.title
            text = f"{verdict.short}, against {single}, in {gain.times:.1f} times its time"
        lines.append(f"- **{plain(row.title)}**: {plain(text)}")
    if lines:
        st.markdown("**What mirroring, ensembles and cascades bring**")
        st.markdown("\n".join(lines))


def show_seeds(chosen: Chosen) -> None:
    """Draws how far runs are apart that differ by the seed alone; nothing if there are none."""
    alone = [
        place for place, row in enumerate(chosen.rows) if len(row.paths) == 1 and not row.flips
    ]
    groups = seed_groups([chosen.rows[place].paths[0] for place in alone])
    lines = []
    for group in groups:
        spread = seed_spread(chosen.compared, chosen.metric, [alone[at] for at in group])
        lines.append(f"- {plain(', '.join(spread.names))}: {plain(spread.sentence)}")
    if lines:
        st.markdown(
            "**Seeds**",
            help="Runs that differ by their seed alone: how far chance in the training moves the "
            "figure, beside how far the choice of cars does.",
        )
        st.markdown("\n".join(lines))
