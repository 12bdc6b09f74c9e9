from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from core.split_verdict import SplitVerdict
from dashboard.ui.frame import PAGES
from tests.pages.conftest import ROOT
from tests.pages.untrained import write_checkpoint

Open = Callable[..., AppTest]


def words(app: AppTest) -> str:
    return "\n".join(str(each.value) for kind in ("markdown", "caption") for each in app.get(kind))


def test_without_runs_the_page_says_which_commands_train_one(open_page: Open) -> None:
    app = open_page()
    assert not app.exception
    assert not app.metric
    assert "python -m training fit" in app.code[0].value
    assert not app.button, "a page that can't work yet is not offered"


def test_a_missing_runs_folder_is_no_runs(open_page: Open, runs: Path) -> None:
    runs.rmdir()
    app = open_page()
    assert not app.exception
    assert "python -m training fit" in app.code[0].value


def test_the_best_checkpoint_is_shown_with_its_scores(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "worse", dice=0.8)
    write_checkpoint(runs, "better", dice=0.95)
    app = open_page()
    assert not app.exception
    assert [each.value for each in app.subheader] == [
        "Best checkpoint: better/best",
        "Try a sample",
    ]
    assert [(each.label, each.value) for each in app.metric] == [
        ("Dice", "0.9500"),
        ("IoU", "0.8000"),
        ("Boundary IoU", "0.7000"),
        ("Boundary IoU, 3 px", "0.6000"),
    ]
    assert "32 images of 2 cars" in words(app)
    assert "Split by car" in words(app)


@pytest.mark.slow
def test_the_experiment_is_one_click_away_where_its_runs_are(open_page: Open, runs: Path) -> None:
    def ways(page: str = "") -> list[str]:
        app = open_page(page) if page else open_page()
        assert not app.exception
        return [link.proto.label for link in app.get("page_link")]

    write_checkpoint(runs, "ablation-d-seed0")
    assert "The augmentation" not in ways()
    for letter in "abc":
        write_checkpoint(runs, f"ablation-{letter}-seed0")
    wanted = ["The padding", "The augmentation", "All 4 trainings", "Their curves"]
    for page in ("", "pages/runs.py", "pages/compare.py"):
        assert [label for label in ways(page) if label in wanted] == wanted
    (curves,) = [each for each in open_page().get("page_link") if each.proto.label == wanted[-1]]
    asked = parse_qs(curves.proto.query_string)
    assert asked["over"] == ["Images seen"] and asked["seeds"] == ["true"]
    assert asked["show"] == [f"ablation-{letter}-seed0" for letter in "abcd"]


def test_a_leaky_checkpoint_wears_a_badge(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "leaky", verdict=SplitVerdict("leaky", 1, 2, "car"))
    app = open_page()
    assert "LEAKY" in words(app)
    assert "Split by car" not in words(app)


def test_a_checkpoint_of_an_unknown_past_wears_a_badge_and_does_not_stand_first(
    open_page: Open, runs: Path
) -> None:
    write_checkpoint(runs, "unknown", dice=0.99, verdict=SplitVerdict("unknown", 0, 2, "car"))
    assert "UNKNOWN" in words(open_page())
    write_checkpoint(runs, "honest", dice=0.8)
    app = open_page()
    assert "UNKNOWN" not in words(app) and "0.8000" in [each.value for each in app.metric]


def test_a_broken_checkpoint_is_named_and_no_traceback(open_page: Open, runs: Path) -> None:
    path = write_checkpoint(runs, "broken")
    path.write_bytes(path.read_bytes()[:-100])
    app = open_page()
    assert not app.exception
    assert app.expander[0].label == "1 checkpoint can't be read"
    assert "truncated" in app.expander[0].markdown[0].value
    assert "python -m training fit" in app.code[0].value


def test_without_samples_the_page_still_works(open_page: Open, runs: Path, samples: Path) -> None:
    for path in (samples / "images").iterdir():
        path.unlink()
    write_checkpoint(runs, "one")
    app = open_page()
    assert not app.exception
    assert app.metric


def test_every_page_is_in_the_menu_and_exists(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    app = open_page()
    in_menu = [each.proto.label for each in app.get("page_link")]
    for page in PAGES:
        assert page.title in in_menu
        assert (ROOT / page.path).is_file()
    assert [each.label for each in app.button] == [page.action for page in PAGES]
    assert sorted(each.name for each in (ROOT / "pages").glob("*.py")) == sorted(
        Path(page.path).name for page in PAGES
    )


def test_a_damaged_sample_is_no_traceback(open_page: Open, runs: Path, samples: Path) -> None:
    write_checkpoint(runs, "one")
    for name in ("synth0000_09", "synth0001_01"):
        (samples / "images" / f"{name}.jpg").write_bytes(b"no picture")
    app = open_page()
    assert not app.exception
    assert app.metric
