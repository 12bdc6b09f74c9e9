"""What flips and ensembles bring and cost, and how far seeds are apart."""

from __future__ import annotations

import streamlit as st

from dashboard.compare.choice import Chosen
from dashboard.ui.text import plain
from training.comparison.ranking import seed_groups, seed_spread
from training.comparison.table import gain_of


def show_gains(chosen: Chosen) -> None:
    """Draws the gain of each row with flips, ensemble and cascade; nothing if there is none."""
    lines = []
    for row, evaluation in zip(chosen.rows, chosen.evaluations, strict=True):
        if len(row.paths) == 1 and not row.flips:
            continue
        gain = gain_of(evaluation, chosen.evaluations)
        if gain is None:
            text = "add a checkpoint that it is made of, alone and not mirrored, to see its gain"
        else:
            verdict = gain.verdict(chosen.metric)
            single = gain.single.facts.title
            text = f"{verdict.short}, against {single}, in {gain.times:.1f} times its time"
        lines.append(f"- **{plain(row.title)}**: {plain(text)}")
    if lines:
        st.markdown("**What mirroring, ensembles and cascades bring**")
        st.markdown("\n".join(lines))


def show_seeds(chosen: Chosen) -> None:
    """Draws how far runs are apart that differ by the seed alone; nothing if there are none."""
    alone = [
        place for place, row in enumerate(chosen.rows) if len(row.paths) == 1 and not row.flips
    ]
    groups = seed_groups([chosen.rows[place].paths[0] for place in alone])
    lines = []
    for group in groups:
        spread = seed_spread(chosen.compared, chosen.metric, [alone[at] for at in group])
        lines.append(f"- {plain(', '.join(spread.names))}: {plain(spread.sentence)}")
    if lines:
        st.markdown(
            "**Seeds**",
            help="Runs that differ by their seed alone: how far chance in the training moves the "
            "figure, beside how far the choice of cars does.",
        )
        st.markdown("\n".join(lines))
