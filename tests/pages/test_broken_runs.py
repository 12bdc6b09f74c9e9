"""Runs whose files are damaged: Runs and Train open, name what is wrong, and show the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.training.run_folders import epoch_line, step_line, text_of, write_run

Open = Callable[..., AppTest]
RUNS, TRAIN = "pages/runs.py", "pages/train.py"
DEEP = "[" * 100_000
NESTED = '{"a": ' * 150 + "1" + "}" * 150
BROKEN = {
    "list": {name: "[1, 2]" for name in ("config", "environment", "split", "state")},
    "deep": {name: DEEP for name in ("config", "environment", "split", "state", "notes")},
    "types": {
        "config": '{"data": 5, "width": "wide", "seed": 1e400, "epochs": -3}',
        "environment": '{"device": ["cpu"], "masks": {"looked_at": Infinity}, "threads": NaN}',
        "split": '{"verdict": 5}',
        "state": '{"status": {}, "epoch": 1e400, "share": NaN, "message": 7, "updated": "x"}',
        "notes": '{"title": 5, "tags": [1], "notes": []}',
    },
    "surrogates": {
        "config": '{"data": ["\\ud800"], "seed": 1}',
        "environment": '{"device": "\\ud800", "device_name": "\\udfff"}',
        "split": '{"verdict": "by car: \\ud800"}',
        "state": '{"status": "failed", "message": "\\ud800 ended", "epoch": 1}',
        "notes": '{"title": "\\ud800", "tags": ["\\udc00"]}',
    },
    "nested": {"config": NESTED, "environment": NESTED},
    "nulls": {name: "null" for name in ("config", "environment", "split", "state", "notes")},
}


@pytest.fixture
def broken(runs: Path) -> Path:
    """A whole run, and one for each way to be broken."""
    write_run(runs / "whole", dices=(0.8, 0.9))
    for name, files in BROKEN.items():
        folder = write_run(runs / name, dices=(0.7,))
        for file, content in files.items():
            (folder / f"{file}.json").write_text(content)
        (folder / "probes").mkdir()
        (folder / "probes" / "probes.json").write_text(files["config"])
        odd = epoch_line(2, 0.6, loss=[1])
        odd["val"]["sources"] = {"\ud800": {"dice": 0.5}}
        lines = text_of([step_line(5), odd, step_line(25, epoch="x"), {"step": None}])
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(lines + DEEP + "\n" + '{"step": 30, "\\ud800": 5}\n' + DEEP)
    return runs


def warnings(app: AppTest) -> str:
    return "\n".join(each.value for each in app.warning)


def test_the_list_of_runs_has_every_run(open_page: Open, broken: Path) -> None:
    app = open_page(RUNS, show=["whole", *BROKEN])
    assert not app.exception
    shown = set(app.dataframe[0].value["Name"])
    assert {"whole", "list", "deep", "types", "nested", "nulls"} <= shown
    assert len(shown) == 1 + len(BROKEN)
    assert len(app.get("plotly_chart")) >= 1
    assert "metrics" in warnings(app)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BROKEN, "whole"])
def test_each_run_opens_whole(open_page: Open, broken: Path, name: str) -> None:
    for part in ("Curves", "Probes", "Settings"):
        app = open_page(RUNS, run=name, part=part)
        assert not app.exception
        faulty = name not in ("whole", "surrogates", "nested")
        assert ("json" in warnings(app)) >= faulty


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BROKEN, "whole"])
def test_each_run_can_be_watched(open_page: Open, broken: Path, name: str) -> None:
    app = open_page(TRAIN, run=name)
    assert not app.exception
    assert ("metrics" in warnings(app)) == (name != "whole")


def test_the_form_opens(open_page: Open, broken: Path) -> None:
    assert not open_page(TRAIN, part="New run").exception
