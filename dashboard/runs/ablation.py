"""The way to the shipped experiment: what padding, normalisation and augmentation do."""

from __future__ import annotations

import streamlit as st

from dashboard.compare.link import link_comparison
from dashboard.runs.listed import ABLATION
from dashboard.ui.folders import runs_folder
from dashboard.ui.frame import RUNS

_PAIRS = (("The padding", "b-seed0", "d-seed0"), ("The augmentation", "c-seed0", "d-seed0"))
"""What two runs of the experiment differ in, and the ends of their names."""


def show_ablation() -> None:
    """Draws links to the experiment's curves and verdicts; nothing where its runs are not here."""
    found = sorted(folder for folder in runs_folder().glob(f"{ABLATION}*") if folder.is_dir())
    if len(found) < 2:
        return
    with st.container(key="ablation", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Was it the padding or the augmentation?**", width="content")
        for label, *ends in _PAIRS:
            pair = [runs_folder() / f"{ABLATION}{end}" for end in ends]
            if all(folder in found for folder in pair):
                link_comparison(pair, label)
        link_comparison(found, f"All {len(found)} trainings")
        st.page_link(
            RUNS.path,
            label="Their curves",
            icon=RUNS.icon,
            query_params={
                "show": [folder.name for folder in found],
                "over": "Images seen",  # the same for all; epochs are not
                "seeds": "true",
            },
        )
