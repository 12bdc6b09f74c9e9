from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.checkpoint import read_info, save_threshold
from core.metric_table import find_metric
from core.split_verdict import SplitVerdict
from dashboard.compare.cost_view import front_of
from dashboard.ui.job_view import progress_of
from tests.pages.conftest import ROOT
from tests.pages.measured import rows_of, write_measured, write_rows
from tests.pages.untrained import write_checkpoint
from tests.training.run_folders import write_run
from training.comparison.table import NOT_RANKED
from training.comparison.verdict import compare
from training.data.folder import open_dataset
from training.data.splits import split_by_car
from training.evaluation.curves import curves_of
from training.evaluation.images import EvaluationSettings
from training.evaluation.measure import table_of
from training.evaluation.stored import list_evaluations, read_evaluation
from training.evaluation.subjects import cascade_of, ensemble_of, subject_of
from training.jobs.evaluation import EvaluationRequest
from training.jobs.job import JobStatus

Open = Callable[..., AppTest]
COMPARE = "pages/compare.py"


@pytest.fixture
def opened(open_page: Open) -> Open:
    def run(**query: Any) -> AppTest:
        app = open_page(COMPARE, **query)
        assert not app.exception
        return app

    return run


@pytest.fixture
def three(runs: Path) -> Path:
    """A good checkpoint, and two that differ by chance alone."""
    write_measured(runs, "good", dice=0.985, seed=1)
    write_measured(runs, "plain", dice=0.981, seed=2)
    write_measured(runs, "other", dice=0.981, seed=3)
    return runs


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[EvaluationRequest]:
    """The jobs that the page started; none of them runs."""
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    found: list[EvaluationRequest] = []
    for place in ("measured", "cost_view"):
        monkeypatch.setattr(f"dashboard.compare.{place}.start_evaluation", found.append)
    return found


def title(app: AppTest) -> str:
    return str(app.title[0].value).replace("\\", "")


def words(app: AppTest) -> str:
    kinds = ("title", "markdown", "caption", "error", "warning", "info")
    return "\n".join(str(e.value) for kind in kinds for e in app.get(kind)).replace("\\", "")


def table(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_without_a_checkpoint_it_says_what_to_type(opened: Open) -> None:
    app = opened()
    assert title(app) == "Compare"
    assert "python -m training fit" in app.code[0].value


@pytest.mark.slow
def test_it_opens_with_what_evaluations_have_in_common(opened: Open, three: Path) -> None:
    write_checkpoint(three, "unmeasured", dice=0.999)
    app = opened()
    assert app.multiselect(key="rows_choice").value == ["good/best", "other/best", "plain/best"]
    assert title(app) == "good is the best of 3 by Dice"
    assert "36 images of 12 cars" in words(app)
    assert list(table(app)["Name"]) == ["good", "other", "plain"]
    assert list(table(app)["Rank"]) == ["1", "2 to 3", "2 to 3"]


@pytest.mark.slow
def test_the_shipped_checkpoints_are_compared_without_their_data(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_RUNS", str(ROOT / "runs"))
    app = opened()
    assert "carmask-studio" in title(app)
    assert "carvana512, validation: 640 images of 40 cars" in words(app)
    assert "Not measured" not in words(app)


@pytest.mark.slow
def test_the_headline_of_two_is_their_verdict(opened: Open, three: Path) -> None:
    app = opened(row=["plain/best", "good/best"])
    tables = [table_of(rows_of(dice, 12, 3, seed)) for dice, seed in ((0.981, 2), (0.985, 1))]
    verdict = compare(*tables, find_metric("dice"), ("plain", "good"))
    assert verdict.kind == "better"
    assert title(app) == verdict.sentence
    assert "good is better by" in title(opened(row=["good/best", "plain/best"]))
    tie = title(opened(row=["plain/best", "other/best"], metric="hd95"))
    assert tie.startswith(("plain and other: a tie,", "other and plain: a tie,"))


@pytest.mark.slow
def test_every_choice_is_in_the_url(opened: Open, three: Path) -> None:
    link = {"metric": "hd95", "baseline": "good/best", "order": "Best first", "all_metrics": "true"}
    app = opened(row=["plain/best", "good/best"], **link)
    assert app.selectbox(key="metric_choice").value == "hd95"
    assert app.selectbox(key="baseline_choice").value == "good/best"
    shown = table(app)
    assert list(shown["Name"]) == ["good", "plain"]
    assert next(iter(shown["Verdict"])) == "baseline"
    assert {"HD95, px", "Boundary F1, 1 px", "ASSD, px"} <= set(shown)
    app.selectbox(key="metric_choice").set_value("iou")
    app.multiselect(key="rows_choice").set_value(["good/best", "plain/best", "other/best"])
    app = app.run()
    assert app.query_params["metric"] in ("iou", ["iou"])
    assert app.query_params["row"] == ["good/best", "plain/best", "other/best"]
    assert title(app) == "good is the best of 3 by IoU"


@pytest.mark.slow
def test_copies_are_identical_and_no_tie(opened: Open, three: Path) -> None:
    copy = three / "copy" / "checkpoints"
    shutil.copytree(three / "good" / "checkpoints", copy)
    app = opened(row=["good/best", "copy/best"])
    assert title(app) == "good and copy: identical, the same figures on all 36 photos"
    assert "identical" in next(iter(table(app)["Verdict"]))


@pytest.mark.slow
def test_what_is_damaged_or_gone_is_said_and_the_others_compared(opened: Open, three: Path) -> None:
    bad = three / "bad" / "checkpoints" / "best.safetensors"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(b"nothing")
    app = opened(row=["good/best", "bad/best", "gone/best", "/no/such.safetensors", "plain/best"])
    said = words(app)
    assert "**bad**: best.safetensors (7 bytes) is not a whole" in said
    assert "**gone**: There is no such checkpoint (any more)." in said
    assert "**such**: There is no checkpoint at /no/such.safetensors" in said
    assert title(app).startswith("good is better by")
    assert "best.safetensors (7 bytes)" in words(opened()), "also where it is not chosen"


def test_an_evaluation_that_is_damaged_counts_as_missing(opened: Open, three: Path) -> None:
    (file,) = (three / "plain" / "checkpoints" / "best.evaluations").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    app = opened(row=["good/best", "plain/best"])
    assert "No results for these images yet: **plain**" in words(app)
    assert title(app).startswith("good: Dice 0.98")


@pytest.mark.slow
@pytest.mark.parametrize(("views", "told"), [(1, "one photo alone"), (5, "one car alone")])
def test_one_image_and_one_car_are_not_enough(
    opened: Open, runs: Path, views: int, told: str
) -> None:
    for seed, name in enumerate("ab"):
        write_measured(runs, name, cars=1, views=views, seed=seed)
    app = opened(row=["a/best", "b/best"])
    assert f"not enough data, {told} shows no spread" in title(app)
    assert "not enough" in next(iter(table(app)["Verdict"]))
    assert "nan" not in words(app)


def test_a_photo_that_cant_be_read_is_counted_and_named(opened: Open, runs: Path) -> None:
    for seed, name in enumerate("ab"):
        path = write_measured(runs, name, seed=seed)
        rows = rows_of(0.9, 12, 3, seed)
        rows[0] = replace(rows[0], error="car00_01.jpg is damaged", dice=float("nan"))
        write_rows(subject_of(path), rows)
    app = opened(row=["a/best", "b/best"])
    assert "without 1 photo that can't be read (cars/car00_01)" in title(app)
    assert list(table(app)["Not read"]) == [1, 1]
    assert list(table(app)["Images"]) == [35, 35]


@pytest.mark.slow
def test_masks_that_began_as_a_checkpoints_own_are_counted(opened: Open, runs: Path) -> None:
    write_measured(runs, "judge", dice=0.98, seed=1, anchored=12, images=36)
    write_measured(runs, "fair", dice=0.97, seed=2, images=36)
    app = opened(row=["judge/best", "fair/best"])
    assert sorted(table(app)["Own masks"]) == [0, 12]
    assert any("12 of 36" in each.value for each in app.warning)


@pytest.mark.slow
def test_leaks_are_said_wherever_numbers_stand(opened: Open, three: Path) -> None:
    facts = {"verdict": SplitVerdict("leaky", 3, 12, "car")}
    path = write_measured(three, "leaky", dice=0.995, seed=9, **facts)
    app = opened(row=["leaky/best", "good/best"])
    assert "leaky" not in app.title[0].value
    assert "3 of these 12 cars" in words(app)
    assert not app.warning
    found = table(app)
    assert list(found["Name"]) == ["good", "leaky"], "what has no rank stands below"
    assert list(found["Rank"]) == ["1", ""]
    assert list(found["Verdict"]) == ["baseline", NOT_RANKED]
    assert list(found["Split"]) == ["", "LEAKY"]
    assert "leaky/best" not in app.selectbox(key="baseline_choice").options
    assert "color" in app.dataframe[0].proto.arrow_data.styler.styles
    assert path.is_file()


def test_an_unknown_past_is_said_wherever_numbers_stand(opened: Open, three: Path) -> None:
    lost = SplitVerdict("unknown", 0, 12, "car")
    write_measured(three, "lost", dice=0.995, seed=9, verdict=lost)
    app = opened(row=["good/best", "lost/best"])
    assert lost.sentence() in words(app)
    assert list(table(app)["Split"]) == ["", "UNKNOWN"]


@pytest.mark.slow
def test_flips_and_ensembles_are_rows(opened: Open, three: Path) -> None:
    good, plain = (three / run / "checkpoints" / "best.safetensors" for run in ("good", "plain"))
    write_rows(subject_of(good, flips=True), rows_of(0.987, 12, 3, 5))
    both = ensemble_of([subject_of(good), subject_of(plain)])
    write_rows(both, rows_of(0.988, 12, 3, 6))
    app = opened(row=["good/best", "good/best~flips", "plain/best|good/best"])
    assert list(table(app)["Name"]) == ["good", "good, mirrored", "plain + good"]
    assert title(app) == "plain + good is the best of 3 by Dice"


@pytest.mark.slow
def test_rows_with_flips_and_ensembles_are_added(opened: Open, three: Path) -> None:
    app = opened(row=["good/best", "plain/best"])
    app.button(key="add_rows").click()
    app = app.run()
    flips = ["good/best~flips", "plain/best~flips"]
    assert app.query_params["row"] == ["good/best", "plain/best", *flips]
    assert "No results for these images yet: **good, mirrored**, **plain, mirrored**" in words(app)
    app.toggle(key="flipped").set_value(False)
    app.toggle(key="together").set_value(True)
    app = app.run()
    app.button(key="add_rows").click()
    app = app.run()
    assert app.query_params["row"][-1] == "good/best|plain/best"
    app.toggle(key="cascade").set_value(True)
    app = app.run()
    app.button(key="add_rows").click()
    app = app.run()
    assert app.query_params["row"][-1] == "good/best~fallback~plain/best"


def test_a_measured_cascade_is_a_row_before_anybody_chose(opened: Open, three: Path) -> None:
    good, plain = (three / run / "checkpoints" / "best.safetensors" for run in ("good", "plain"))
    before = list(table(opened())["Name"])
    write_rows(cascade_of(good, plain), rows_of(0.999, 12, 3, 7))
    app = opened()
    assert list(table(app)["Name"]) == [*before, "good, fallback plain"]
    assert title(app).startswith("good, fallback plain is the best")
    app = opened(row=["good/best", "plain/best", "good/best~fallback~plain/best"])
    assert list(table(app)["Name"])[-1] == "good, fallback plain"
    app = opened(row=["good/best", "good/best~fallback~good/best"])
    assert "two different checkpoints" in words(app)


@pytest.mark.slow
def test_a_foreign_file_by_its_path(opened: Open, three: Path, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "theirs.safetensors"
    path.parent.mkdir()
    shutil.copy(three / "good" / "checkpoints" / "best.safetensors", path)
    app = opened(row=["good/best", "plain/best"])
    app.text_input(key="file_path").set_value("/nowhere.safetensors")
    app = app.run()
    assert "There is no checkpoint at /nowhere.safetensors" in words(app)
    app.text_input(key="file_path").set_value(str(path))
    app = app.run()
    assert app.query_params["row"] == ["good/best", "plain/best", str(path)]
    assert "No results for these images yet: **theirs**" in words(app)


@pytest.mark.slow
def test_an_uploaded_checkpoint_is_kept_once(
    opened: Open, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    data = (three / "good" / "checkpoints" / "best.safetensors").read_bytes()
    app = opened(row="plain/best")
    for name, content in (("mine.safetensors", data), ("bad.safetensors", data[:-1])):
        app.get("file_uploader")[0].upload(name, content)
        app = app.run()
        assert not app.exception
    assert "truncated or damaged" in words(app)
    (kept,) = (tmp_path / "cache" / "checkpoints").rglob("*.safetensors")
    assert kept.name == "mine.safetensors"
    assert app.query_params["row"] == ["plain/best", str(kept)]


@pytest.mark.slow
def test_images_that_are_not_here_are_said_so(opened: Open, three: Path) -> None:
    write_checkpoint(three, "unmeasured")
    app = opened(row=["good/best", "unmeasured/best"])
    said = words(app)
    assert "No results for these images yet: **unmeasured**" in said
    assert "The data folder cars is not on this machine" in said
    assert "No checkpoint was evaluated on the images" in words(opened(images="0123456789"))


@pytest.mark.slow
def test_other_images_are_a_folder_and_a_part_of_it(opened: Open, three: Path) -> None:
    app = opened(row=["good/best", "plain/best"], images="other")
    assert app.multiselect(key="on_choice").value == ["samples"]
    assert "No results for these images yet: **good**, **plain**" in words(app)
    app = opened(row=["good/best"], images="other", part="Validation")
    assert "No run has a split" in words(app)
    app = opened(row=["good/best"], images="other", on="nothing like that")
    assert "There is no data folder nothing like that in the list" in words(app)


@pytest.mark.slow
def test_fifty_checkpoints(opened: Open, runs: Path) -> None:
    for place in range(50):
        write_measured(runs, f"run{place:02}", dice=0.9 + 0.001 * place, seed=place)
    names = [f"run{place:02}/best" for place in range(50)]
    app = opened(row=names, order="Best first")
    assert len(table(app)) == 50
    assert table(app)["Dice"].is_monotonic_decreasing
    assert "run49" in title(app)


def figures(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def numbers(packed: dict[str, str]) -> list[float]:
    """Returns an array as plotly packs it."""
    return list(np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]))


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    app = app.run()
    assert not app.exception
    return app


def test_missing_rows_are_measured_by_as_few_jobs_as_there_can_be(
    opened: Open, three: Path, samples: Path, started: list[EvaluationRequest]
) -> None:
    names = ["good/best", "plain/best", "good/best~flips", "good/best|plain/best~flips"]
    names.append("plain/best~fallback~good/best")
    press(opened(row=names, images="other"), "measure_start")
    good, plain = (three / run / "checkpoints" / "best.safetensors" for run in ("good", "plain"))
    on_samples = EvaluationRequest(checkpoints=(), data=(samples,))
    assert started == [
        replace(on_samples, checkpoints=(good, plain)),
        replace(on_samples, checkpoints=(good,), tta=True),
        replace(on_samples, checkpoints=(good, plain), tta=True, ensemble=True),
        replace(on_samples, checkpoints=(plain, good), cascade=True),
    ]


def test_a_part_is_that_of_a_runs_split(
    opened: Open, three: Path, samples: Path, started: list[EvaluationRequest]
) -> None:
    split = split_by_car([open_dataset(samples)], 0.34, 0)
    split.save(three / "good" / "split.json")
    (three / "plain" / "split.json").write_text("{}")
    app = opened(row="good/best", images="other", part="Validation", split="plain")
    assert "The run plain is gone, or its split can't be read." in words(app)
    assert app.selectbox(key="split_choice").value == "good"
    press(app, "measure_start")
    (request,) = started
    assert (request.part, request.split) == ("val", three / "good" / "split.json")


@pytest.mark.slow
def test_a_job_under_way_is_watched_and_one_that_failed_is_told(
    opened: Open,
    three: Path,
    started: list[EvaluationRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = JobStatus("running", 30, 120, 0.0, 90.0)
    monkeypatch.setattr("dashboard.ui.job_view.read_job", lambda _: now)
    app = opened(row="good/best", images="other")
    assert {"measure_stop"} == {each.key for each in app.button if "measure" in str(each.key)}
    now = JobStatus("failed", message="Out of memory.")
    app = opened(row="good/best", images="other")
    assert "Out of memory." in words(app)
    assert app.button(key="measure_start").label == "Go on"


def test_progress_is_over_all_jobs() -> None:
    running = JobStatus("running", 30, 40, 0.0, 75.0)
    waiting = JobStatus("waiting")
    assert progress_of([waiting, waiting], 80) == (0.0, "Waiting for another evaluation …")
    assert progress_of([JobStatus("starting")], 80) == (0.0, "Starting …")
    share, text = progress_of([running, waiting], 80)
    assert share == 30 / 80
    assert text == "Measured 30 of 80 · 75 s left · then 1 more"


@pytest.mark.slow
def test_curves_show_the_best_threshold_and_ones_own(opened: Open, three: Path) -> None:
    app = opened(row=["good/best", "plain/best"], tab="Curves", curve="IoU")
    thresholds, precision, everywhere, edge = figures(app)
    line, own, best, *_ = thresholds["data"]
    path = three / "good" / "checkpoints" / "best.safetensors"
    (facts,) = list_evaluations(path)
    file = path.with_name("best.evaluations") / f"{facts.key}.parquet"
    curves = curves_of(read_evaluation(file))
    assert line["customdata"][40] == f"{curves.iou[40]:.4f} at 0.40"
    assert numbers(own["x"]) == [0.5]
    assert numbers(best["x"]) == [curves.best_threshold("iou")]
    assert len(precision["data"]) == 6
    assert [len(each["data"]) for each in (everywhere, edge)] == [7, 7]
    assert "Expected calibration error: good 0.0" in words(app)


@pytest.mark.slow
def test_the_best_threshold_is_saved_when_the_person_says_so(opened: Open, three: Path) -> None:
    path = three / "good" / "checkpoints" / "best.safetensors"
    save_threshold(path, 0.3)
    write_rows(
        subject_of(path), rows_of(0.985, 12, 3, 1), settings=EvaluationSettings(threshold=0.3)
    )
    app = opened(row=["good/best"], tab="Curves")
    assert "**good** uses 0.30 now" in words(app)
    (facts, *_) = list_evaluations(path)
    file = path.with_name("best.evaluations") / f"{facts.key}.parquet"
    best = curves_of(read_evaluation(file)).best_threshold()
    app = press(app, "save_threshold")
    assert read_info(path).threshold == best != 0.3
    assert list_evaluations(path), "the network is the same one"


@pytest.mark.slow
def test_a_threshold_that_cant_be_saved_is_said(
    opened: Open, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = three / "good" / "checkpoints" / "best.safetensors"
    save_threshold(path, 0.3)
    settings = EvaluationSettings(threshold=0.3)
    write_rows(subject_of(path), rows_of(0.985, 12, 3, 1), settings=settings)
    app = opened(row=["good/best"], tab="Curves")

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.checkpoint.write_bytes_atomically", full)
    app = press(app, "save_threshold")
    assert "No space left on device" in words(app)


@pytest.mark.slow
def test_quality_stands_over_every_cost(
    opened: Open, three: Path, samples: Path, started: list[EvaluationRequest]
) -> None:
    for over, unit in (("Time a photo", "ms"), ("Size", "bytes"), ("Multiply-adds", "adds")):
        app = opened(row=["good/best", "plain/best"], tab="Cost", cost=over)
        (figure,) = figures(app)
        assert unit in figure["layout"]["xaxis"]["title"]["text"].lower()
        assert figure["layout"]["xaxis"]["type"] == "log"
        shown = [each for each in figure["data"] if each.get("error_y")]
        assert [each["name"] for each in shown] == ["good", "plain"]
    assert "1,959 parameters" in words(app)
    press(app, "cost_job_start")
    assert [(each.cost, each.data, len(each.checkpoints)) for each in started] == [
        (True, (samples,), 2)
    ]


@pytest.mark.parametrize(
    ("across", "quality", "front"),
    [
        ([1, 2, 3], [0.7, 0.8, 0.9], [0, 1, 2]),
        ([1, 2, 3], [0.9, 0.8, 0.7], [0]),
        ([1, 1, 2], [0.5, 0.6, 0.6], [1]),
        ([1, 1], [0.5, 0.5], [0]),
        ([2, 1, 3], [-4.0, -9.0, -5.0], [0, 1]),
    ],
)
def test_the_front_is_what_none_beats(
    across: list[float], quality: list[float], front: list[int]
) -> None:
    assert front_of(across, quality) == front


@pytest.mark.slow
def test_gains_of_flips_and_seeds_are_told(opened: Open, three: Path) -> None:
    for seed, run in enumerate(("good", "plain")):
        config = {"seed": seed, "data": ["data/cars"]}
        (three / run / "config.json").write_text(json.dumps(config))
    good = three / "good" / "checkpoints" / "best.safetensors"
    write_rows(subject_of(good, flips=True), rows_of(0.989, 12, 3, 5))
    said = words(opened(row=["good/best", "good/best~flips", "plain/best"]))
    assert "**good, mirrored**: better by 0.00" in said
    assert "against good, in 1.0 times its time" in said
    assert "good, plain: 2 seeds: Dice" in said
    assert "to see its gain" in words(opened(row=["good/best~flips", "plain/best"]))


def test_runs_lead_to_the_comparison_of_their_checkpoints(open_page: Open, three: Path) -> None:
    for run in ("good", "plain"):
        write_run(three / f"{run}-more")
    for run in ("good", "plain"):
        shutil.copytree(three / run / "checkpoints", three / f"{run}-more" / "checkpoints")
    app = open_page("pages/runs.py", show=["good-more", "plain-more"])
    links = [each.proto for each in app.get("page_link")]
    (link,) = [each for each in links if each.label == "Compare checkpoints"]
    assert parse_qs(link.query_string)["row"] == ["good-more/best", "plain-more/best"]
