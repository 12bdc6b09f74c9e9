"""The widgets of the grid's filters and order, each of them in the URL."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.dataset.choice import NEED_MEASURING, ORDERS, WHOLE, Choice, Range
from dashboard.dataset.known import Known
from dashboard.dataset.sources import Opened
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.text import plain
from training.data.folder import view_of

OVERVIEW, BROWSE, AUGMENT = "Overview", "Browse", "Augment"
"""The page's tabs."""
SIDES = {"": "Both sides", "train": "Train", "val": "Validation"}
_LONG_LIST = 2000
"""Cars above which a list of them would be slow to send; the name finds them as well."""
_RANGES = {
    "share": ("Car share, % of the photo", ""),
    "brightness": ("Brightness, %", "0 is black, 100 is white."),
    "sharpness": ("Sharpness, rank in %", "0 is the least sharp photo of this folder."),
}
_KEYS = ("name", "of_car", "of_view", "side", "finding", "share", "brightness", "sharpness")


def ask_choice(known: Known) -> Choice:
    """Draws search, order and filters side by side and returns what is wanted."""
    text, order, descending = _ask_order()
    with st.popover("Filter", icon=":material/filter_alt:"):
        return _ask_filters(known, text, order, descending)


def ask_choice_folded(known: Known) -> Choice:
    """Draws the same behind one button, where a photo wants the room."""
    with st.popover("Filter and sort", icon=":material/filter_alt:"):
        text, order, descending = _ask_order()
        return _ask_filters(known, text, order, descending)


def _ask_order() -> tuple[str, str, bool]:
    text = st.text_input(
        "Name",
        key="name",
        bind="query-params",
        placeholder="Part of a name",
        icon=":material/search:",
        width=240,
        on_change=first_sheet,
    )
    order = st.selectbox(
        "Sort by", list(ORDERS), key="sort", bind="query-params", width=160, on_change=first_sheet
    )
    descending = st.toggle(
        "Reverse",
        key="down",
        bind="query-params",
        help="Largest first; names from Z to A.",
        on_change=first_sheet,
    )
    return text.strip(), order, descending


def _ask_filters(known: Known, text: str, order: str, descending: bool) -> Choice:
    car, view = _ask_car(known.opened), _ask_view(known.opened)
    side = _ask_one("Side of the split", "side", list(SIDES), SIDES)
    finding = _ask_finding(known)
    measured = known.survey.table is not None
    ranges = {word: _ask_range(word, measured=measured) for word in _RANGES}
    return Choice(text, car, view, side, finding, order=order, descending=descending, **ranges)


def show_active(choice: Choice, known: Known) -> None:
    """Draws each filter that is on as a button that takes it away; nothing if none is."""
    labels = _active(choice, known)
    if not labels:
        return
    with st.container(key="active", horizontal=True, gap="xsmall", vertical_alignment="center"):
        for word, label in labels.items():
            st.button(
                plain(label),
                key=f"without_{word}",
                icon=":material/close:",
                icon_position="right",
                help="Take this filter away",
                on_click=clear,
                args=(word,),
            )
        if len(labels) > 1:
            st.button("Clear all", key="without_any", type="tertiary", on_click=clear)


def clear(*words: str) -> None:
    """Takes filters away, all of them if none is named. A callback."""
    for word in words or _KEYS:
        if word == "finding":
            st.query_params.pop(word, None)
            st.session_state.pop("finding_choice", None)
        else:
            st.session_state[word] = (0, 100) if word in _RANGES else ""
    first_sheet()


def jump(**filters: str | tuple[int, int]) -> None:
    """Goes to the grid with these filters and no others. A callback of what stands elsewhere.

    The widgets are not there yet, so that values go to the session and to the URL.
    """
    clear()
    st.query_params.pop("photo", None)
    for word, value in filters.items():
        st.query_params[word] = value if isinstance(value, str) else [str(v) for v in value]
        if word != "finding":
            st.session_state[word] = value
    st.session_state["tab"] = BROWSE


def first_sheet() -> None:
    """Turns back to the first page of the grid, as whatever is wanted changes. A callback."""
    st.session_state["sheet"] = 1


def views_of(opened: Opened) -> list[str]:
    """Returns the views of a folder's photos, sorted; empty if names don't say one."""
    return _views(opened.key, opened)


def cars_of(opened: Opened) -> tuple[str, ...]:
    """Returns the cars of a folder, sorted."""
    return _cars(opened.key, opened)


@st.cache_resource(max_entries=8, show_spinner=False)
def _views(key: str, _opened: Opened) -> list[str]:
    return sorted({view_of(sample.name) for sample in _opened.dataset.samples} - {""})


@st.cache_resource(max_entries=8, show_spinner=False)
def _cars(key: str, _opened: Opened) -> tuple[str, ...]:
    return _opened.dataset.cars


def _ask_car(opened: Opened) -> str:
    cars = cars_of(opened)
    if len(cars) > _LONG_LIST:
        return ""
    return _ask_one("Car", "of_car", ["", *cars], {"": "All cars"})


def _ask_view(opened: Opened) -> str:
    views = views_of(opened)
    return _ask_one("View", "of_view", ["", *views], {"": "All views"}) if views else ""


def _ask_finding(known: Known) -> str:
    wanted = st.query_params.get("finding", "")
    if known.survey.table is None or known.report is None:
        return wanted
    titles = {"": "Any"} | {finding.kind: finding.title for finding in known.report.findings}
    return select_from_url("finding", "Finding", titles, on_change=_choose_finding)


def _choose_finding(chosen: str) -> None:
    st.query_params["finding"] = chosen
    if not chosen:
        del st.query_params["finding"]
    first_sheet()


def _ask_one(label: str, key: str, options: Sequence[str], names: dict[str, str]) -> str:
    if st.session_state.get(key, "") not in options:
        st.session_state[key] = ""
    return st.selectbox(
        label,
        options,
        format_func=lambda option: names.get(option, option),
        key=key,
        bind="query-params",
        on_change=first_sheet,
    )


def _ask_range(word: str, *, measured: bool) -> Range:
    title, text = _RANGES[word]
    if not measured:
        text = "Works as soon as the photos are measured."
    low, high = st.slider(
        title,
        0,
        100,
        (0, 100),
        key=word,
        bind="query-params",
        help=text or None,
        on_change=first_sheet,
    )
    return float(low), float(high)


def _active(choice: Choice, known: Known) -> dict[str, str]:
    labels = {}
    for word, value, label in (
        ("name", choice.text, f"Name has “{choice.text}”"),
        ("of_car", choice.car, f"Car {choice.car}"),
        ("of_view", choice.view, f"View {choice.view}"),
        ("side", choice.side, SIDES[choice.side]),
        ("finding", choice.finding, _title_of(choice.finding, known) if choice.finding else ""),
    ):
        if value:
            labels[word] = label  # noqa: PERF403
    for word in _RANGES:
        limits: Range = getattr(choice, word)
        if limits != WHOLE:
            name = _RANGES[word][0].partition(",")[0]
            labels[word] = f"{name} {limits[0]:g} to {limits[1]:g} %"
    return labels


def _title_of(kind: str, known: Known) -> str:
    found = known.report.findings if known.report else ()
    return next((each.title for each in found if each.kind == kind), kind)


def needs_measuring(choice: Choice) -> bool:
    """Whether the order or a filter needs photos that are measured."""
    ranged = any(getattr(choice, word) != WHOLE for word in _RANGES)
    return choice.order in NEED_MEASURING or ranged
