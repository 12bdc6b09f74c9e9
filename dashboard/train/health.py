"""The health of the data before a training starts; what would stop it is refused here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.names import counted
from core.places import workspace
from dashboard.dataset.known import survey_of
from dashboard.dataset.leave_out import show_leave_out
from dashboard.dataset.progress import show_progress
from dashboard.dataset.sources import Opened, Source, open_source
from dashboard.ui.data_state import data_words
from dashboard.ui.frame import DATASET
from dashboard.ui.text import plain
from training.config import TrainConfig
from training.health.survey import Survey

if TYPE_CHECKING:
    from training.health.check import Report


def show_health(config: TrainConfig) -> bool:
    """Draws what is wrong with the data; returns whether a training would get through them.

    While photos are being checked it would not; whoever stops the check may start without it.

    Args:
        config: Settings whose data folders can be opened.
    """
    opened = [_opened(folder, config) for folder in config.data]
    found = [survey_of(each) for each in opened]
    reports = [survey.report(None) for survey in found]
    for survey in found:
        survey.start()
    running = next((survey for survey in found if survey.running), None)
    if running is not None:
        show_progress(running)
    for each, survey, report in zip(opened, found, reports, strict=True):
        _show_folder(each, survey, report, several=len(opened) > 1)
    stopping = any(report.stopping for report in reports if report is not None)
    return running is None and not stopping


def _opened(folder: str, config: TrainConfig) -> Opened:
    path = Path(folder)
    return open_source(Source(path.name, path), config.reading(workspace()))


def _show_folder(opened: Opened, survey: Survey, report: Report | None, *, several: bool) -> None:
    name = f"{plain(opened.dataset.name)}: " if several else ""
    if report is not None:
        for finding in report.findings:
            if finding.severity == "error":
                st.markdown(
                    f":red[:material/error:] {name}{plain(finding.title)}",
                    help=plain(finding.advice),
                )
        _show_rest(name, report)
    elif survey.state == "stopped":
        st.caption(f"{name}The photos are not checked; a file that can't be read ends the run.")
    show_leave_out(opened.dataset, report)


def _show_rest(name: str, report: Report) -> None:
    """Draws how many lesser findings there are, and the way to all of them."""
    kinds: Sequence[str] = [finding.severity for finding in report.findings]
    warnings = kinds.count("warning")
    if not report.findings:
        st.markdown(f":green[:material/verified:] {name}No problems found in the data.")
    if warnings:
        st.markdown(f":orange[:material/warning:] {name}{counted(warnings, 'warning')}")
    if report.findings:
        st.page_link(
            DATASET.path,
            label="See the photos",
            icon=DATASET.icon,
            query_params=data_words(),
        )
