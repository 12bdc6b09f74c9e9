"""What the training doctor finds in a run: evidence, threshold and remedy of each finding."""

from __future__ import annotations

import streamlit as st

from dashboard.ui.text import plain
from training.runs.curves import Curves
from training.runs.doctor.case import case_of
from training.runs.doctor.findings import findings_of
from training.runs.summary import RunSummary

_LOOKS = {"error": (":material/error:", "red"), "warning": (":material/warning:", "orange")}


def show_doctor(summary: RunSummary, curves: Curves) -> None:
    """Draws what is wrong with a run as it is now, or that nothing is.

    Args:
        summary: The run.
        curves: What it measured so far.
    """
    findings = findings_of(case_of(summary, curves))
    if not findings:
        st.caption(":green[:material/stethoscope:] No problems found.")
        return
    with st.container(border=True, gap="small", key="doctor"):
        for finding in findings:
            icon, colour = _LOOKS[finding.severity]
            st.markdown(
                f":{colour}[{icon} **{plain(finding.title)}**]  \n"
                f"{plain(finding.evidence)}  \n:material/healing: {plain(finding.remedy)}",
                help=f"Judged so from: {plain(finding.threshold)}.",
            )
