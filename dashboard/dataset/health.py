"""The health of a data folder: what was found, each finding one click from its photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.names import counted
from dashboard.dataset.filters import jump
from dashboard.dataset.known import Known
from dashboard.dataset.leave_out import show_leave_out
from dashboard.dataset.sources import Opened
from dashboard.ui.text import plain
from training.health.survey import Survey

if TYPE_CHECKING:
    from training.health.check import Report
    from training.health.findings import Finding

_ICONS = {
    "error": ":red[:material/error:]",
    "warning": ":orange[:material/warning:]",
    "note": ":blue[:material/info:]",
}
_LISTED = 200
"""File names that a list of files without a photo shows."""


def show_health(known: Known) -> None:
    """Draws the findings of a data folder, worst first."""
    survey, report = known.survey, known.report
    with st.container(border=True, height="stretch", key="health"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader("Health", anchor=False, width="content")
            _show_state(survey, report)
        if report is None:
            _show_waiting(survey)
            return
        names = _names(known.opened)
        if report.unmeasured:
            st.caption(f"Without {counted(report.unmeasured, 'photo')} not measured yet.")
        for finding in report.findings:
            _show_finding(finding, names)
        if not report.findings:
            st.markdown("No problems found.")
        show_leave_out(known.opened.dataset, report)


def _show_state(survey: Survey, report: Report | None) -> None:
    if report is None:
        label = "Not checked" if survey.state in ("stopped", "failed") else "Checking …"
        st.badge(label, color="gray")
    elif report.spoils:
        st.badge("Training would fail", icon=":material/error:", color="red")
    elif any(finding.severity == "warning" for finding in report.findings):
        st.badge("Worth a look", icon=":material/warning:", color="orange")
    else:
        st.badge("Healthy", icon=":material/verified:", color="green")


def _show_waiting(survey: Survey) -> None:
    if survey.state == "stopped":
        st.markdown("The check needs every photo measured: press **Go on** above.")
    elif survey.running:
        st.markdown("Every photo is read once; what is found appears here.")


def _show_finding(finding: Finding, names: frozenset[str]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    icon = _ICONS.get(finding.severity, "")
    row.markdown(f"{icon} {plain(finding.title)}", help=plain(finding.advice), width="stretch")
    if names.intersection(finding.names):
        row.button(
            "Show",
            key=f"show_finding_{finding.kind}",
            on_click=jump,
            kwargs={"finding": finding.kind},
            help="See these photos in the grid",
        )
    elif finding.names:
        with row.popover("Files"):
            _show_names(finding)


def _show_names(finding: Finding) -> None:
    shown = list(finding.names[:_LISTED])
    more = len(finding.names) - len(shown)
    st.code("\n".join(shown), language=None, height=min(320, 48 + 22 * len(shown)))
    if more:
        st.caption(f"And {more:,} more: `python -m training check` names them all.")


def _names(opened: Opened) -> frozenset[str]:
    return _all_names(opened.key, opened)


@st.cache_resource(max_entries=2, show_spinner=False)
def _all_names(key: str, _opened: Opened) -> frozenset[str]:
    return frozenset(sample.name for sample in _opened.dataset.samples)
