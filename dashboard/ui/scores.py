"""The scores of a checkpoint as every list shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.checkpoint import CheckpointEntry, CheckpointInfo
from core.split_verdict import distrust
from training.evaluation.shown import ShownScores, shown_scores
from training.evaluation.stored import folder_of


def scores_of(path: Path, info: CheckpointInfo) -> ShownScores:
    """Returns a checkpoint's scores, for all sessions; read anew when it is measured anew.

    Args:
        path: The checkpoint.
        info: What its header says.
    """
    stamps = [each.stat().st_mtime_ns for each in (path, folder_of(path)) if each.exists()]
    return _scores(str(path), stamps, info)


def score_text(path: Path, info: CheckpointInfo | None) -> str:
    """Returns what stands behind a checkpoint's name: " · Dice 0.9948, single pass"."""
    scores = scores_of(path, info) if info is not None else None
    if scores is None or "dice" not in scores.means:
        return ""
    return f" · Dice {scores.means['dice']:.4f}, {scores.prediction}"


def by_score(entries: Sequence[CheckpointEntry]) -> list[CheckpointEntry]:
    """Returns checkpoints in the order of the scores that lists show of them, the best first.

    Those whose split can't be trusted stand behind all others.

    Args:
        entries: Checkpoints that can be read.
    """

    def rank(entry: CheckpointEntry) -> tuple[int, float]:
        assert entry.info is not None
        dice = scores_of(entry.path, entry.info).means.get("dice", 0.0)
        return distrust(entry.info.verdict), -dice

    return sorted(entries, key=rank)


@st.cache_data(max_entries=512, show_spinner=False)
def _scores(path: str, stamps: Sequence[int], _info: CheckpointInfo) -> ShownScores:
    return shown_scores(Path(path), _info)
