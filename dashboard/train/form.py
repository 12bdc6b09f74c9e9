"""The form of a new run: the hard choices first, the rest folded, then what it means and Start."""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from dashboard.train.asked import NAMES, Asked, asked_settings, choose_preset, chosen_preset
from dashboard.train.cost import show_cost
from dashboard.train.data_choice import DataFacts, data_facts, pick_data
from dashboard.train.fields import show_fields
from dashboard.train.health import show_health
from dashboard.train.place import watch
from dashboard.ui.access import local_only
from dashboard.ui.badges import show_verdict
from dashboard.ui.folders import runs_folder
from dashboard.ui.text import plain
from training.jobs.launch import fit_arguments, start_run, typed_command
from training.jobs.queue import Queue, device_of
from training.presets import PRESETS

FIRST = ("epochs", "minutes", "size", "batch", "recipe")
GROUPS = {
    "Data and split": (
        *("val_share", "split", "split_by", "anchored", "car_rule", "cars", "classes"),
        *("inverted_masks", "leave_out", "repeat"),
    ),
    "Length and checkpoints": (
        *("images", "patience", "best_by", "validate_every", "checkpoint_every", "save_minutes"),
    ),
    "Network": (
        *("width", "depth", "widest", "padding", "norm", "stem", "dropout"),
        *("start_from", "start_share"),
    ),
    "Loss": ("loss", "positive_weight", "edge_weight", "gap_weight"),
    "Optimiser": (
        *("optimizer", "learning_rate", "schedule", "warmup_steps", "plateau_patience"),
        *("momentum", "weight_decay", "clip_norm", "accumulate", "ema"),
    ),
    "Machine": ("device", "precision", "workers", "cache", "threads", "seed"),
}
"""What is folded; a setting that stands in no group is in the last one, "More"."""
_PROBLEM = "start_problem"


def show_form() -> None:
    """Draws the whole form."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        data = pick_data()
        _pick_preset()
        asked = asked_settings(data)
        name = st.text_input(
            "Name of the run",
            key="run_name",
            value=st.query_params.get("name", ""),
            placeholder="Optional. Default: date and time",
            on_change=_write_name,
            help="Letters, digits, - and _; it is the name of the run's folder.",
        )
        show_fields(asked, FIRST)
        for title, names in _groups().items():
            changed = sum(asked.changed(each) for each in names)
            wrong = any(each in asked.errors for each in names)
            note = f" · {changed} changed" if changed else ""
            icon = ":material/error:" if wrong else None
            with st.expander(title + note, icon=icon, expanded=wrong):
                show_fields(asked, names)
    with right, st.container(border=True):
        st.subheader("Summary", anchor=False)
        _show_start(asked, name.strip())


def _pick_preset() -> None:
    st.session_state["preset_choice"] = chosen_preset()
    st.segmented_control(
        "Preset",
        list(PRESETS),
        format_func=lambda name: PRESETS[name].title,
        required=True,
        key="preset_choice",
        on_change=_choose_preset,
        help="Settings that go together; choosing one sets all settings below.",
    )
    st.caption(plain(PRESETS[chosen_preset()].reason))


def _groups() -> dict[str, tuple[str, ...]]:
    placed = {"data", *FIRST, *(name for names in GROUPS.values() for name in names)}
    rest = tuple(name for name in NAMES if name not in placed)
    groups = {title: tuple(n for n in names if n in NAMES) for title, names in GROUPS.items()}
    return groups | ({"More": rest} if rest else {})


def _show_start(asked: Asked, name: str) -> None:
    """Draws what the settings mean, the command, and the button."""
    facts, problem = _facts(asked)
    if facts is not None:
        st.markdown(
            f"**{facts.train:,}** photos to learn from, **{facts.val:,}** to validate on, of "
            f"{facts.cars:,} cars."
        )
        show_verdict(facts.verdict, quiet=True)
    healthy = facts is not None and asked.config is not None and show_health(asked.config)
    if problem:
        st.error("  \n".join(plain(text) for text in problem), icon=":material/error:")
    if facts is not None:
        show_cost(asked)
    if asked.config is not None:
        st.caption("The same from a terminal:")
        arguments = fit_arguments(asked.config, runs_folder(), name, asked.preset)
        st.code(typed_command(arguments), language="bash", wrap_lines=True)
    _show_queue_note(asked)
    st.button(
        "Start",
        key="start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not healthy,
        on_click=_start,
        args=(asked, name),
        width="stretch",
    )
    failed = st.session_state.pop(_PROBLEM, None)
    if failed:
        st.error(plain(failed), icon=":material/error:")
    st.caption("Keeps running if you close this page.")


def _facts(asked: Asked) -> tuple[DataFacts | None, list[str]]:
    """Returns what will be learnt from, and what is wrong with the settings."""
    if not asked.values["data"]:
        return None, ["Choose a data folder."]
    if asked.config is None:
        return None, list(asked.errors.values())
    try:
        return data_facts(asked.config), []
    except CarmaskError as error:
        return None, [str(error)]


def _show_queue_note(asked: Asked) -> None:
    if asked.config is None:
        return
    device = device_of(asked.config.device)
    queue = Queue(runs_folder())
    ahead = len(queue.begun(device)) + len(queue.waiting(device))
    if ahead:
        runs = "run is" if ahead == 1 else "runs are"
        st.caption(
            f":material/schedule: {ahead} {runs} before this one on the {plain(device)}; it waits."
        )


def _choose_preset() -> None:
    choose_preset(st.session_state["preset_choice"])


def _write_name() -> None:
    name = st.session_state["run_name"].strip()
    if name:
        st.query_params["name"] = name
    else:
        st.query_params.pop("name", None)


@local_only
def _start(asked: Asked, name: str) -> None:
    """Puts the run into the queue and goes to watch it; what went wrong is told beside Start."""
    assert asked.config is not None
    try:
        folder = start_run(runs_folder(), name, asked.config, asked.preset)
    except (CarmaskError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state["run_name"] = ""
    st.query_params.pop("name", None)
    watch(folder.name)
