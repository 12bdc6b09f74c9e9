"""The Overview: how much there is, whether it is healthy, how it is split, what it looks like."""

from __future__ import annotations

import streamlit as st

from core.names import counted
from dashboard.dataset.filters import cars_of, views_of
from dashboard.dataset.health import show_health
from dashboard.dataset.known import Known
from dashboard.dataset.sources import Opened
from dashboard.dataset.split_card import show_split
from training.health.survey import Survey


def show_overview(known: Known) -> None:
    """Draws the Overview of a data folder."""
    _show_counts(known.opened, known.survey)
    left, right = st.columns(2, gap="medium")
    with left:
        show_health(known)
    with right:
        show_split(known)
    from dashboard.dataset.figures import show_figures  # plotly takes its time to import

    show_figures(known)


def _show_counts(opened: Opened, survey: Survey) -> None:
    samples = opened.dataset.samples
    counts = {
        "Photos": (f"{len(samples):,}", "Photos that have a mask."),
        "Cars": (f"{len(cars_of(opened)):,}", "Groups that a split never divides."),
        "Views": (f"{len(views_of(opened)):,}" if views_of(opened) else "-", "As names say them."),
        "Size": _size(survey),
        "Car share": _share(survey),
    }
    with st.container(key="counts", horizontal=True, gap="large"):
        for label, (value, text) in counts.items():
            st.metric(label, value, help=text, width="content")


def _size(survey: Survey) -> tuple[str, str]:
    table = survey.table
    if table is None or not (table["width"] > 0).any():
        return "…" if survey.running else "-", "Width and height in px."
    sizes = table.loc[table["width"] > 0, ["width", "height"]].value_counts()
    width, height = (int(each) for each in sizes.index[0])
    value = f"{width} \N{MULTIPLICATION SIGN} {height}"
    if len(sizes) == 1:
        return value, "Width and height in px; all photos are alike."
    value = f"{len(sizes):,} sizes"
    most = counted(int(sizes.iloc[0]), "photo")
    text = f"Most often {width} \N{MULTIPLICATION SIGN} {height} px: {most}."
    return value, text


def _share(survey: Survey) -> tuple[str, str]:
    text = "Median share of the photo that the car covers."
    if survey.table is None or not survey.table["share"].notna().any():
        return "…" if survey.running else "-", text
    share = survey.table["share"]
    low, high = share.quantile(0.05), share.quantile(0.95)
    return f"{share.median():.1%}", f"{text} Nine of ten lie from {low:.1%} to {high:.1%}."
