"""Quality against what it costs: time, multiply-adds, parameters, size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import CarmaskError
from dashboard.compare.figures import show_figure, sides_of
from dashboard.compare.headline import intervals_of
from dashboard.compare.measured import costs_of, requests_for
from dashboard.compare.rows import Chosen
from dashboard.ui.folders import samples_folder
from dashboard.ui.job_view import show_jobs
from dashboard.ui.text import plain
from training.comparison.curve_figures import points_figure
from training.evaluation.cost import ROUNDS, Cost
from training.jobs.evaluation import EvaluationRequest, start_evaluation

TIME = "Time a photo"
_EVALUATED = "when these images were evaluated"
AXES: dict[str, tuple[str, Callable[[Cost], float]]] = {
    "Multiply-adds": ("multiply-adds a photo", lambda cost: cost.multiply_adds),
    "Parameters": ("parameters", lambda cost: cost.parameters),
    "Size": ("bytes", lambda cost: cost.file_bytes),
}
"""What is counted: the unit, and where it stands."""


def show_cost(chosen: Chosen) -> None:
    """Draws quality over cost, and what was measured of each row."""
    try:
        costs = costs_of(chosen)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    timed = all(cost.latency for cost in costs)
    sizes = [f"{each.megapixels:.1f} megapixels" for each in costs[0].latency] if timed else []
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        over = st.selectbox(
            "X axis", [TIME, *sizes, *AXES], key="cost", bind="query-params", width=220
        )
    across = [axis_of(chosen, place, cost, over) for place, cost in enumerate(costs)]
    _show_pareto(chosen, across, unit_of(over), over)
    _show_lines(chosen, costs)
    _show_measuring(chosen, measured=timed)


def axis_of(chosen: Chosen, place: int, cost: Cost, over: str) -> float:
    """Returns what a row costs by one of the axes: ms, or a count."""
    if over in AXES:
        return AXES[over][1](cost)
    if over == TIME:
        return float(chosen.compared.rows[place]["seconds"].median()) * 1000
    timed = {f"{each.megapixels:.1f} megapixels": each for each in cost.latency}
    return timed[over].median.seconds * 1000


def unit_of(over: str) -> str:
    """Returns the unit of an axis."""
    return AXES[over][0] if over in AXES else "ms"


def front_of(across: Sequence[float], quality: Sequence[float]) -> list[int]:
    """Returns the places that none beats: none costs at most as much and is as good or better.

    Of two that are alike in both the first one is in it.

    Args:
        across: What each costs.
        quality: How good each is; higher is better.
    """
    places = range(len(across))
    return [
        one
        for one in places
        if not any(
            across[other] <= across[one]
            and quality[other] >= quality[one]
            and (across[other] < across[one] or quality[other] > quality[one] or other < one)
            for other in places
            if other != one
        )
    ]


def _show_pareto(chosen: Chosen, across: Sequence[float], unit: str, over: str) -> None:
    metric, intervals = chosen.metric, intervals_of(chosen, chosen.metric)
    up = [each.estimate for each in intervals]
    sign = 1 if metric.higher_is_better else -1
    texts = [
        f"{metric.title} {interval.text_with(metric.unit)}<br>{_number(value)} {unit}"
        for interval, value in zip(intervals, across, strict=True)
    ]
    figure = points_figure(
        sides_of(chosen.rows),
        list(zip(across, up, strict=True)),
        texts,
        x=f"{over}, {unit}" if over not in AXES else unit.capitalize(),
        y=metric.label,
        bars=[(each.low, each.high) for each in intervals],
        front=front_of(across, [sign * value for value in up]),
    )
    if sign < 0:
        figure.update_yaxes(autorange="reversed")
    note = "Up and left is better. The dotted line joins those that no other one beats in both."
    if over == TIME:
        note += f" Times are those of the network {_EVALUATED}."
    show_figure(figure, f"{metric.title} over what it costs", "pareto", note)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _show_lines(chosen: Chosen, costs: Sequence[Cost]) -> None:
    with st.container(horizontal=True, gap="small"):
        for row, cost in zip(chosen.rows, costs, strict=True):
            with st.container(border=True, width=340, gap="xsmall"):
                st.markdown(f"**{plain(row.title)}**")
                st.caption("  \n".join(plain(line) for line in cost.lines()))


def _show_measuring(chosen: Chosen, *, measured: bool) -> None:
    """Draws the way to measure speed and memory on this machine."""
    # Which photos does not matter for that, and the samples are always here.
    asked = EvaluationRequest(checkpoints=(), data=(samples_folder(),), cost=True)
    requests = requests_for(chosen.rows, asked)
    action = "Measure again" if measured else "Measure speed and memory here"
    show_jobs(requests, action, "cost_job", ROUNDS * len(requests), start_evaluation)
