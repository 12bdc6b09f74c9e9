"""What a training will cost, measured by a trial step before it starts."""

from __future__ import annotations

import time
from dataclasses import fields

import streamlit as st

from core.errors import CarmaskError
from dashboard.train.asked import Asked, write_setting
from dashboard.ui.access import local_only
from dashboard.ui.redraw import redraw_when_quiet
from dashboard.ui.text import plain
from dashboard.ui.words import duration, memory
from training.config import TrainConfig
from training.jobs.trial import Cost, Trial
from training.presets import less_memory

_TRIAL, _COSTS = "trial", "costs"


def show_cost(asked: Asked) -> None:
    """Draws the cost of the settings, where it was measured, and the way to measure it."""
    config = asked.config
    costs: dict[TrainConfig, Cost] = st.session_state.setdefault(_COSTS, {})
    if _is_measuring(costs):
        st.fragment(_watch, run_every=1.0)(costs)
        return
    cost = costs.get(config) if config else None
    if cost is None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Estimate time and memory",
                key="measure",
                icon=":material/speed:",
                disabled=config is None,
                on_click=_start,
                args=(config,),
                help="Does a few steps in a process of its own: seconds an epoch, and memory.",
            )
            if costs and config:
                st.caption("The settings changed since it was measured.")
        return
    if cost.failure:
        _show_failure(asked, cost)
        return
    with st.container(horizontal=True, gap="small"):
        st.metric("An epoch", duration(cost.seconds_per_epoch), width=130)
        st.metric("Memory", memory(cost.peak_bytes), width=130)
        st.metric("Images a second", f"{1 / max(1e-9, cost.seconds_per_image):.1f}", width=130)
    st.caption(_in_all(asked, cost))


def _in_all(asked: Asked, cost: Cost) -> str:
    """Returns how long the whole training will take, validation left out."""
    config = asked.config
    assert config is not None
    times = [config.epochs * cost.seconds_per_epoch] if config.epochs else []
    times += [60 * config.minutes] if config.minutes else []
    times += [config.images * cost.seconds_per_image] if config.images else []
    return f"About {duration(min(times))} in all; validation comes on top."


def _show_failure(asked: Asked, cost: Cost) -> None:
    st.error(f"It can't be trained so: {plain(cost.failure)}", icon=":material/error:")
    assert asked.config is not None
    proposals = less_memory(asked.config) if "memory" in cost.failure.casefold() else []
    if proposals:
        st.caption("Settings that need less memory:")
    with st.container(horizontal=True, gap="xsmall"):
        for number, each in enumerate(proposals):
            st.button(each.text, key=f"smaller_{number}", on_click=_take, args=(each.config,))
        st.button("Measure again", key="measure_again", on_click=_start, args=(asked.config,))


def _is_measuring(costs: dict[TrainConfig, Cost]) -> bool:
    """Tells whether a trial goes on; keeps the cost of one that has ended."""
    trial: Trial | None = st.session_state.get(_TRIAL)
    if trial is None:
        return False
    cost = trial.cost()
    if cost is not None:
        costs[trial.config] = cost
        del st.session_state[_TRIAL]
    return cost is None


def _watch(costs: dict[TrainConfig, Cost]) -> None:
    """Asks a running trial once a second; draws the page anew when it has ended."""
    if not _is_measuring(costs):
        redraw_when_quiet()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        trial: Trial | None = st.session_state.get(_TRIAL)
        began = trial.created if trial else time.monotonic()
        st.caption(f"Measuring speed by a few steps … {duration(time.monotonic() - began)}")
        st.button("Stop", key="stop_trial", on_click=_stop)


@local_only
def _start(config: TrainConfig) -> None:
    trial = Trial(config)
    try:
        trial.start()
    except CarmaskError as error:
        st.session_state[_COSTS][config] = Cost(failure=str(error))
    else:
        st.session_state[_TRIAL] = trial


@local_only
def _stop() -> None:
    trial: Trial | None = st.session_state.pop(_TRIAL, None)
    if trial is not None:
        trial.stop()


def _take(config: TrainConfig) -> None:
    """Writes proposed settings to the form."""
    for field in fields(config):
        if field.name != "data":
            write_setting(field.name, getattr(config, field.name))
