"""What stands below a finished training: use it, a verdict against the shipped one, ONNX."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.measured import rows_of, write_measured, write_rows
from tests.training.run_folders import write_run
from training.config import TrainConfig
from training.data.folder import open_dataset
from training.data.splits import split_by_car
from training.evaluation.images import EvaluationSettings, open_images
from training.evaluation.stored import facts_of
from training.evaluation.subjects import subject_of
from training.jobs.evaluation import EvaluationRequest
from training.jobs.queue import Queue

Open = Callable[..., AppTest]
PAGES = {"pages/runs.py": {}, "pages/train.py": {"part": "Watch"}}


@pytest.fixture
def trained(runs: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on the samples, and a shipped one."""
    monkeypatch.setenv("CARMASK_CACHE", str(runs.parent / "cache"))
    monkeypatch.setattr("dashboard.compare.after_training.shipped_runs", lambda: runs)
    write_measured(runs, "carmask-a", dice=0.90, seed=1)
    folder = write_run(runs / "mine")
    write_measured(runs, "mine", dice=0.95, seed=2)
    config = TrainConfig(data=(str(samples),))
    (folder / "config.json").write_text(json.dumps(asdict(config)))
    split_by_car([open_dataset(samples)], 0.34, 0).save(folder / "split.json")
    return folder


def words(app: AppTest) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption])


def links(app: AppTest) -> dict[str, dict[str, list[str]]]:
    found = [each.proto for each in app.get("page_link")]
    return {each.label: parse_qs(each.query_string) for each in found}


def write_verdict(trained: Path, samples: Path, **facts: object) -> None:
    images = open_images([samples], split=trained / "split.json", part="val")
    for run, dice in (("mine", 0.95), ("carmask-a", 0.90)):
        subject = subject_of(trained.parent / run / "checkpoints" / "best.safetensors")
        of = facts_of(subject, images, EvaluationSettings())
        about = asdict(of) | {"settings": of.settings, "fingerprints": of.fingerprints}
        about |= {"images": len(images.samples), "cars": images.cars, "verdict": subject.verdict}
        write_rows(subject, rows_of(dice, 12, 3, int(dice * 100)), **about | facts)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_finished_run_is_measured_against_the_shipped_one_at_one_press(
    open_page: Open, trained: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    started: list[EvaluationRequest] = []
    monkeypatch.setattr("dashboard.compare.measured.start_evaluation", started.append)
    app = open_page(page, run="mine", **PAGES[page])
    assert not app.exception
    found = links(app)
    assert found["Use it"] == {"checkpoint": ["mine/best"]}
    comparison = next(words for words in found.values() if "row" in words)
    assert comparison["row"] == ["mine/best", "carmask-a/best"]
    assert comparison["data"] == [str(samples)] and comparison["split"] == ["mine"]
    app = app.button(key="way_on_job_start").click().run()
    [request] = started
    assert (request.data, request.part, request.split) == (
        (samples,),
        "val",
        trained / "split.json",
    )
    write_verdict(trained, samples)
    app = open_page(page, run="mine", **PAGES[page])
    assert "mine is better by" in words(app)
    assert "way_on_job_start" not in {each.key for each in app.button}


def test_the_shipped_model_may_lie_in_another_folder(
    open_page: Open, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = trained.parent.parent / "shipped"
    apart.mkdir()
    (trained.parent / "carmask-a").rename(apart / "carmask-a")
    monkeypatch.setattr("dashboard.compare.after_training.shipped_runs", lambda: apart)
    found = links(open_page("pages/runs.py", run="mine"))
    (comparison,) = [words for words in found.values() if "row" in words]
    file = apart / "carmask-a" / "checkpoints" / "best.safetensors"
    assert comparison["row"] == ["mine/best", str(file)]
    app = open_page("pages/compare.py", row=["mine/best", str(file)])
    assert "carmask-a" in words(app)


def test_a_shipped_run_and_one_without_its_data(
    open_page: Open, trained: Path, samples: Path
) -> None:
    (samples / "masks").rename(samples / "gone")
    app = open_page("pages/runs.py", run="mine")
    assert not app.exception
    assert "can't be compared" in words(app) and "Use it" in links(app)
    app = open_page("pages/runs.py", run="carmask-a")
    assert "Use it" not in links(app)


def test_the_images_begin_with_the_runs_own_validation_cars(open_page: Open, trained: Path) -> None:
    app = open_page("pages/compare.py", row="mine/best")
    titles = app.selectbox(key="images_choice").options
    assert titles[0].startswith("samples, validation")
    assert len(set(titles)) == len(titles)


@pytest.fixture
def taught(trained: Path, samples: Path) -> Path:
    """The run, taught from the shipped one."""
    config = TrainConfig(data=(str(samples),), start_from=str(trained.parent / "carmask-a"))
    (trained / "config.json").write_text(json.dumps(asdict(config)))
    (trained / "teach.json").write_text(json.dumps({"replay": ["samples"], "photos": 3}))
    return trained


@pytest.mark.slow
def test_a_taught_run_is_compared_with_its_base(
    open_page: Open, taught: Path, samples: Path
) -> None:
    app = open_page("pages/runs.py", run="mine")
    assert not app.exception
    assert "way_on_job_0_start" in {each.key for each in app.button}
    write_verdict(taught, samples)
    app = open_page("pages/runs.py", run="mine")
    assert "mine is better by" in words(app) and " IoU" in words(app)
    assert "Use it" in links(app)


def test_a_taught_run_waits_for_the_comparison_of_its_process(
    open_page: Open, taught: Path
) -> None:
    queue = Queue(taught.parent)
    queue.add("mine", "cpu", ["teach"])
    queue.take("cpu")
    app = open_page("pages/runs.py", run="mine")
    assert not app.exception
    assert "way_on_job_0_start" not in {each.key for each in app.button}


def test_a_taught_run_whose_base_is_gone_says_so(open_page: Open, taught: Path) -> None:
    shutil.rmtree(taught.parent / "carmask-a")
    app = open_page("pages/runs.py", run="mine")
    assert not app.exception
    assert "can't be compared" in words(app) and "Use it" in links(app)
