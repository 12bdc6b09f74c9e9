"""The answer of the shipped experiment: three sentences and one figure, from all seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.metric_table import find_metric
from core.names import counted
from dashboard.learn.figure import answers_figure
from dashboard.ui.folders import runs_folder
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.comparison.experiment import Answer, answers, sentences, shipped_experiment
from training.runs.listing import EXPERIMENT

if TYPE_CHECKING:
    from training.comparison.aligned import Compared

METRIC = find_metric("dice")


@dataclass(frozen=True, eq=False)
class Experiment:
    """What the page shows."""

    sentences: tuple[str, str, str]
    answers: tuple[Answer, ...]
    compared: Compared


def read_experiment() -> Experiment | None:
    """Returns the experiment's answer; None where a run of it is not in the folder of runs.

    Raises:
        CarmaskError: A run of it can't be read.
    """
    files = sorted(runs_folder().glob(f"{EXPERIMENT}*/checkpoints/*.evaluations/*.parquet"))
    with waiting("Comparing the trainings"):
        return _experiment(str(runs_folder()), [(str(f), f.stat().st_mtime_ns) for f in files])


def show_answer(experiment: Experiment) -> None:
    """Draws the sentences, the figure, and what both stand on."""
    for text in experiment.sentences:
        st.markdown(plain(text))
    st.plotly_chart(
        answers_figure(experiment.answers, METRIC),
        key="answers",
        config={"displayModeBar": False, "responsive": True},
        alt="What each change does to Dice, with its interval and each seed's own difference",
    )
    compared = experiment.compared
    st.caption(
        f"{counted(len(compared.names), 'training')} on the same cars, scored on "
        f"{counted(compared.images, 'photo')} of {counted(len(set(compared.cars)), 'other car')}. "
        "Bars are 95% intervals over cars that hold for all changes at once, seeds averaged photo "
        "by photo; rings are single seeds."
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _experiment(runs: str, stamps: list[tuple[str, int]]) -> Experiment | None:
    folder = Path(runs)
    compared = shipped_experiment(folder)
    if compared is None:
        return None
    found = tuple(answers(compared, METRIC))
    return Experiment(sentences(compared, folder), found, compared)
