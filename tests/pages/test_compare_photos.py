"""The Compare page photo by photo: Images, Where it fails, Film and Report, with real networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.checkpoint import load_checkpoint, save_checkpoint
from dashboard.compare.film import FRAMES
from tests.pages.test_runs_page import write_probes
from tests.pages.untrained import write_checkpoint
from training.evaluation.images import EvaluationSettings, open_images
from training.evaluation.run import evaluate_subjects
from training.evaluation.subjects import subject_of

Open = Callable[..., AppTest]


@pytest.fixture
def opened(open_page: Open) -> Open:
    def run(tab: str, **query: Any) -> AppTest:
        app = open_page("pages/compare.py", tab=tab, **query)
        assert not app.exception
        return app

    return run


@pytest.fixture
def pair(runs: Path, samples: Path) -> tuple[Path, Path]:
    """Two checkpoints, measured on the six samples."""
    one, other = (
        write_checkpoint(runs, name, dice=dice) for name, dice in (("a", 0.9), ("b", 0.8))
    )
    change(other, 0.3)
    measure(samples, one, other)
    return one, other


def change(checkpoint: Path, by: float, epoch: int = 3) -> None:
    """Gives a checkpoint other weights, written over it."""
    model, info = load_checkpoint(checkpoint)
    torch.manual_seed(epoch)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(by * torch.randn_like(weights))
    save_checkpoint(checkpoint, model, replace(info, epoch=epoch))


def measure(samples: Path, *checkpoints: Path) -> None:
    subjects = [subject_of(each) for each in checkpoints]
    evaluate_subjects(subjects, open_images([samples]), EvaluationSettings(), device="cpu")


def words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "html")
    return "\n".join(str(e.value) for kind in kinds for e in app.get(kind)).replace("\\", "")


def part(app: AppTest, name: str) -> dict[str, Any] | None:
    """Returns what a component of the page was given, the one that has this field."""
    for each in app.get("bidi_component"):
        data = json.loads(each.proto.json)
        if name in data:
            return data
    return None


def steps(app: AppTest) -> str:
    return next(e.value for e in app.markdown if "samples · " in e.value).replace("\\", "")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    app.run()
    assert not app.exception
    return app


@pytest.mark.slow
def test_the_photo_to_look_at_first_is_shown_whole(opened: Open, pair: object) -> None:
    app = opened("Images", photos="Worst of all")
    panes = part(app, "panes")
    assert panes is not None
    names = [each["name"] for each in panes["panes"]]
    assert names[:3] == ["Where they disagree", "Photo", "Truth"]
    assert sorted(names[3:]) == ["a", "b"]
    assert all(each["src"].startswith("data:image/jpeg") for each in panes["panes"])
    tiles = part(app, "tiles")
    assert tiles is not None and len(tiles["tiles"]) == 6
    assert tiles["tiles"][0]["name"] == tiles["chosen"]
    assert " 1 of 6" in steps(app)
    assert "alone is right" in words(app)
    (chart,) = app.get("plotly_chart")
    points = json.loads(chart.proto.spec)["data"]
    assert sum(len(each.get("customdata", ())) for each in points) == 6 or "bdata" in str(points)


@pytest.mark.slow
def test_next_and_previous_follow_the_list_and_the_url(opened: Open, pair: object) -> None:
    app = opened("Images", photos="Worst of all")
    first = steps(app).split(" · ")[0]
    assert app.button(key="previous_compared").disabled
    app = press(app, "next_compared")
    assert " 2 of 6" in steps(app)
    assert "".join(app.query_params["photo"]).split("/")[1] in steps(app)
    app = press(app, "previous_compared")
    assert steps(app).startswith(first)


@pytest.mark.slow
def test_a_link_opens_its_photo_and_box(opened: Open, pair: object) -> None:
    app = opened("Images", photos="Worst of all", photo="samples/synth0001_09", box="0,1,0,1")
    assert "synth0001_09" in steps(app)
    assert "**6** photos in the box" in words(app)
    app = press(app, "no_box")
    assert "box" not in app.query_params
    app = opened("Images", photos="Worst of all", box="2,3,2,3")
    assert "No photo lies in the box." in words(app)
    app = opened("Images", photos="Worst of all", photo="samples/no", box="x")
    assert part(app, "panes")


@pytest.mark.slow
def test_without_the_photos_the_figures_stay(
    opened: Open, pair: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_SAMPLES", str(tmp_path / "elsewhere"))
    app = opened("Images", photos="Worst of all")
    assert part(app, "panes") is None and part(app, "tiles") is None
    assert app.info
    assert list(app.dataframe[0].value["Photo"])
    assert " 1 of 6" in steps(app)
    app = press(app, "next_compared")
    assert " 2 of 6" in steps(app)


@pytest.mark.slow
def test_a_photo_that_cannot_be_read_is_named(opened: Open, runs: Path, samples: Path) -> None:
    broken = samples / "images" / "synth0001_01.jpg"
    broken.write_bytes(b"no photo")
    one, other = (write_checkpoint(runs, name) for name in ("a", "b"))
    change(other, 0.3)
    measure(samples, one, other)
    app = opened("Images", photos="Worst of all")
    assert any("1 photo can't be read" in each.label for each in app.expander)
    assert " 1 of 5" in steps(app)


@pytest.mark.slow
def test_a_photo_that_is_lost_since_is_said(opened: Open, pair: object, samples: Path) -> None:
    app = opened("Images", photos="Worst of all", photo="samples/synth0000_09")
    size = (samples / "images" / "synth0000_09.jpg").stat().st_size
    (samples / "images" / "synth0000_09.jpg").write_bytes(b"x" * size)
    app = app.run()
    assert not app.exception
    assert "synth0000_09.jpg" in app.error[0].value.replace("\\", "")


@pytest.mark.slow
def test_one_alone_shows_its_errors(opened: Open, pair: object) -> None:
    app = opened("Images", row="a/best")
    panes = part(app, "panes")
    assert panes is not None
    assert [each["name"] for each in panes["panes"]] == ["Errors", "Photo", "Truth", "a"]
    assert "second checkpoint" in words(app)
    assert not app.get("plotly_chart")


@pytest.mark.slow
def test_copies_are_told_to_be_equal(opened: Open, runs: Path, samples: Path) -> None:
    for name in ("a", "b"):
        measure(samples, write_checkpoint(runs, name))
    app = opened("Images", photos="Worst of all", row=["a/best", "b/best"])
    assert "same Dice on every photo" in words(app)
    app.segmented_control(key="photos").set_value("Most improved")
    assert "better on none" in words(app.run())


@pytest.mark.slow
def test_where_it_fails(opened: Open, pair: object) -> None:
    app = opened("Where it fails")
    assert "worst is view" in words(app)
    assert app.segmented_control(key="by").options == [
        "View", "Size of the car", "Brightness", "Border", "Car",
    ]  # fmt: skip
    for by in ("Size of the car", "Car", "Border"):
        app = opened("Where it fails", by=by)
        assert len(app.get("plotly_chart")) == 1
        assert app.dataframe[0].value["Photos"].sum() == 6


@pytest.mark.slow
def test_a_film_has_a_frame_for_each_epoch(opened: Open, pair: tuple[Path, Path]) -> None:
    best, _ = pair
    for epoch in (1, 2):
        path = best.with_stem(f"epoch_{epoch:04}")
        path.write_bytes(best.read_bytes())
        change(path, 0.2, epoch)
    app = opened("Film", film="a")
    film = part(app, "frames")
    assert film is not None
    titles = [each["title"] for each in film["frames"]]
    assert titles[:2] == [
        f"epoch {epoch} · Dice 0.9000, single pass in training" for epoch in (1, 2)
    ]
    assert titles[2].startswith("epoch 3, best · Dice") and "single pass" in titles[2]
    assert len({each["src"] for each in film["frames"]}) == 3
    app.segmented_control(key="film_look").set_value("Errors")
    errors = part(app.run(), "frames")
    assert errors is not None and errors["frames"][0]["src"] != film["frames"][0]["src"]


@pytest.mark.slow
def test_a_film_of_what_the_run_kept_asks_no_network(
    opened: Open, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_probes(pair[0].parent.parent, FRAMES + 12)
    monkeypatch.setenv("CARMASK_SAMPLES", str(tmp_path / "elsewhere"))
    app = opened("Film", film="a")
    film = part(app, "frames")
    assert film is not None and len(film["frames"]) == FRAMES
    assert film["frames"][0]["title"] == "epoch 1"
    assert film["frames"][-1]["title"] == f"epoch {FRAMES + 12}"
    assert f"{FRAMES} of {FRAMES + 12} epochs" in words(app)


@pytest.mark.slow
def test_a_run_with_one_checkpoint_says_how_to_keep_more(opened: Open, pair: object) -> None:
    app = opened("Film", of="samples/synth0001_01")
    film = part(app, "frames")
    assert film is not None and len(film["frames"]) == 1
    assert "--checkpoint-every 1" in words(app)


@pytest.mark.slow
def test_report_and_cards_can_be_taken_home(opened: Open, pair: object) -> None:
    app = opened("Report")
    labels = [each.proto.label for each in app.get("download_button")]
    assert labels[0] == "Report as HTML"
    assert sorted(labels[1:]) == ["ONNX of a", "ONNX of b", "a", "b"]
