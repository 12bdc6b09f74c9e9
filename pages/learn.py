"""The Learn page: was it the padding or the augmentation?"""

from __future__ import annotations

import streamlit as st

from core.errors import CarmaskError
from dashboard.ui.folders import runs_folder, short_path
from dashboard.ui.frame import LEARN, open_page
from dashboard.ui.text import code, plain


def main() -> None:
    """Draws the page."""
    open_page(LEARN)
    st.title("Was it the padding or the augmentation?", anchor=False)
    st.caption(
        "The U-Net of 2015 is said to do poorly on cars until it is padded and its photos are "
        "augmented. These trainings change one thing at a time."
    )
    from dashboard.learn.answer import read_experiment, show_answer
    from dashboard.learn.ways import show_ways

    try:
        experiment = read_experiment()
    except (CarmaskError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if experiment is None:
        st.info(
            f"The experiment's trainings are not in {code(short_path(runs_folder()))}. They ship "
            "with Carmask in runs/, and `python benchmarks/ablation.py` makes them anew.",
            icon=":material/school:",
        )
        return
    show_answer(experiment)
    show_ways()


main()
