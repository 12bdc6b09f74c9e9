"""The shipped experiment: what documents say is what is computed, to the last digit."""

from __future__ import annotations

import re

import pytest

from core.metric_table import find_metric
from core.places import PACKAGES
from training.comparison.aligned import Compared
from training.comparison.experiment import answers, flattery, sentences, shipped_experiment

RUNS = PACKAGES / "runs"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compared() -> Compared:
    found = shipped_experiment(RUNS)
    assert found is not None
    return found


@pytest.mark.parametrize("metric", ["dice", "boundary_iou_3px"])
def test_the_document_has_every_answer(compared: Compared, metric: str) -> None:
    text = (PACKAGES / "docs" / "ablation.md").read_text(encoding="utf-8")
    found = answers(compared, find_metric(metric))
    assert len(found) == 7
    for each in found:
        apart = ", ".join(f"{difference:+.4f}" for difference in each.each_seed)
        pair = f"{each.with_it} against {each.without}"
        assert f"| {each.what} | {pair} | {each.verdict.short} | {apart} |" in text


@pytest.mark.parametrize("document", ["README.md", "docs/ablation.md"])
def test_documents_and_sentences_agree(compared: Compared, document: str) -> None:
    text = (PACKAGES / document).read_text(encoding="utf-8")
    padding, augmentation, leak = sentences(compared, RUNS)
    together = re.findall(r"0\.\d+", padding)[:3]
    few = re.findall(r"0\.\d+", augmentation)[1]
    for figure in (*together, few, *re.findall(r"0\.\d+", leak)):
        assert figure in text, figure


def test_the_leak_is_the_difference_of_two_logs() -> None:
    assert 0 < flattery(RUNS) < 0.01
