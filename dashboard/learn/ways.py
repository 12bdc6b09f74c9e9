"""The ways on from the answer: the evidence, and a try of one's own."""

from __future__ import annotations

import streamlit as st

from dashboard.compare.rows import PARAMETER
from dashboard.ui.access import local_only
from dashboard.ui.frame import COMPARE, RUNS, TRAIN
from training.comparison.experiment import VARIANTS

_TRY = {
    "preset": "best",
    "start_from": "",
    "width": "8",
    "stem": "plain",
    "size": "128",
    "epochs": "0",
    "images": "2000",
    "warmup_steps": "50",
    "ema": "0.98",
    "recipe": "studio",
}
"""The experiment's settings, for as many images as its pilot saw: minutes on two cores."""
_SIDES = {
    "Train it unpadded": {"padding": "valid", "norm": "none", "learning_rate": "0.001"},
    "Train it padded": {"padding": "same", "norm": "batch", "learning_rate": "0.004"},
}

_WHOLE = "python benchmarks/ablation.py --data data/carvana512"


def show_ways() -> None:
    """Draws the links to curves, photos and all figures, and to the form with its settings."""
    runs = [name for variant in VARIANTS for name in variant.names()]
    st.subheader("The evidence", anchor=False)
    with st.container(key="ways", horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(
            RUNS.path,
            label="Curves of all trainings",
            icon=RUNS.icon,
            query_params={
                "show": sorted(runs),
                "over": "Images seen",  # the same for all; epochs are not
                "seeds": "true",
                "archived": "true",
            },
        )
        st.page_link(
            COMPARE.path,
            label="Photos, padded beside unpadded",
            icon=COMPARE.icon,
            query_params={PARAMETER: _rows("d", "b"), "tab": "Images"},
        )
        st.page_link(
            COMPARE.path,
            label="Every figure",
            icon=COMPARE.icon,
            query_params={PARAMETER: [f"{name}/best" for name in runs]},
        )
    _show_try()


@local_only
def _show_try() -> None:
    st.subheader("Try it yourself", anchor=False)
    st.markdown("Both in a few minutes, on your data or on the samples; then compare their curves.")
    with st.container(key="tries", horizontal=True, vertical_alignment="center", gap="small"):
        for label, settings in _SIDES.items():
            st.page_link(
                TRAIN.path,
                label=label,
                icon=TRAIN.icon,
                query_params={"part": "New run", **_TRY, **settings},
            )
    st.caption("The whole experiment takes two hours on two cores:")
    st.code(_WHOLE, language="bash", wrap_lines=True)


def _rows(*letters: str) -> list[str]:
    by_letter = {variant.letter: variant.names()[0] for variant in VARIANTS}
    return [f"{by_letter[letter]}/best" for letter in letters]
