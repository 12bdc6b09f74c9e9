"""The Learn page: the experiment's answer, where its runs are, are not, and are damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from core.places import PACKAGES
from training.comparison.experiment import VARIANTS, sentences, shipped_experiment

Open = Callable[..., AppTest]
PAGE = "pages/learn.py"
SHIPPED = PACKAGES / "runs"


def words(app: AppTest) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption]).replace("\\", "")


@pytest.mark.slow
def test_three_sentences_one_figure_and_the_ways_on(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_RUNS", str(SHIPPED))
    app = open_page(PAGE)
    assert not app.exception and not app.error
    compared = shipped_experiment(SHIPPED)
    assert compared is not None
    for sentence in sentences(compared, SHIPPED):
        assert sentence in words(app)
    assert len(app.get("plotly_chart")) == 1
    links = {each.proto.label: parse_qs(each.proto.query_string) for each in app.get("page_link")}
    (curves,) = [each for each in links.values() if each.get("over") == ["Images seen"]]
    assert len(curves["show"]) == sum(variant.seeds for variant in VARIANTS)
    tried = [each for each in links.values() if "padding" in each]
    assert {each["padding"][0] for each in tried} == {"valid", "same"}


def test_without_the_runs_it_says_where_they_are(open_page: Open) -> None:
    app = open_page(PAGE)
    assert not app.exception and not app.error
    assert len(app.info) == 1 and not app.get("plotly_chart")


@pytest.mark.slow
def test_a_run_without_its_evaluation_is_named(open_page: Open, runs: Path) -> None:
    for run in SHIPPED.glob("ablation-*"):
        shutil.copytree(run, runs / run.name)
    shutil.rmtree(runs / "ablation-f-seed0" / "checkpoints" / "best.evaluations")
    app = open_page(PAGE)
    assert not app.exception
    assert "ablation-f-seed0" in app.error[0].value.replace("\\", "")
