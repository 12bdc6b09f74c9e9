"""Checkpoints that say what can't be take no page down, and no other checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest
from torch import zeros

from core.checkpoint import list_checkpoints
from tests.core.headers import WRONG, change_facts, facts_of, write_parts
from tests.pages.measured import write_measured
from training.evaluation.stored import list_evaluations

Open = Callable[..., AppTest]
PAGES = (None, "pages/segment.py", "pages/compare.py", "pages/runs.py", "pages/train.py")


def beside(good: Path, name: str) -> Path:
    """Copies a good checkpoint into another run."""
    path = good.parents[2] / name / "checkpoints" / "best.safetensors"
    path.parent.mkdir(parents=True)
    shutil.copy(good, path)
    return path


@pytest.fixture
def broken(runs: Path) -> int:
    """One good run, and many with a checkpoint that isn't; returns how many."""
    good = write_measured(runs, "good")
    right = facts_of(good)
    wrong: list[dict[str, Any]] = []
    for name, values in WRONG.items():
        for value in values:
            inner = isinstance(value, dict) and name in ("model", "preprocessing")
            wrong.append({name: right[name] | value if inner else value})
    for place, facts in enumerate(wrong):
        change_facts(beside(good, f"wrong{place}"), **facts)
    write_parts(beside(good, "nested"), b"[" * 100_000 + b"]" * 100_000, b"")
    save_file({"inc.double_conv.0.weight": zeros(2, 3, 3, 3)}, beside(good, "foreign"))
    beside(good, "pointer").write_text("version https://git-lfs.github.com/spec/v1\nsize 3\n")
    return len(wrong) + 3


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_page_goes_on(open_page: Open, runs: Path, broken: int, page: str | None) -> None:
    app = open_page(page)
    assert not app.exception
    assert not app.error
    assert sum(entry.info is not None for entry in list_checkpoints(runs)) == 1
    if page in PAGES[:3]:
        (fold,) = [each for each in app.expander if "can't be read" in each.label]
        assert fold.label.startswith(f"{broken} checkpoints")
        assert len(fold.markdown) == broken
    if page in PAGES[:2]:
        (option,) = app.selectbox(key="checkpoint_choice").options
        assert option.startswith("good/best · Dice ") and option.endswith(", single pass")


@pytest.mark.parametrize("wrong", [[], {"images": "many"}, {"created": 5}, {"warnings": [3]}])
def test_an_evaluation_that_says_what_can_t_be_is_none(
    open_page: Open, runs: Path, wrong: Any
) -> None:
    write_measured(runs, "good")
    write_measured(runs, "other", seed=2)
    bad = write_measured(runs, "bad", seed=3)
    (path,) = bad.with_name("best.evaluations").glob("*.parquet")
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[b"carmask"])
    text = json.dumps(facts | wrong if isinstance(wrong, dict) else wrong)
    pq.write_table(table.replace_schema_metadata({"carmask": text}), path)
    assert len(list_evaluations(runs / "good" / "checkpoints" / "best.safetensors")) == 1
    assert not list_evaluations(bad)
    app = open_page("pages/compare.py")
    assert not app.exception
