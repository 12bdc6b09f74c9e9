"""Names with mark-up, and things that there are twice: both are shown as they are."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.checkpoint import load_checkpoint, save_checkpoint
from tests.pages.hostile import MARKUP, markdown_of, marked_up
from tests.pages.measured import write_measured
from tests.pages.test_runs_page import change, write_probes
from tests.pages.test_segment_page import finished, tiles
from tests.pages.untrained import write_checkpoint
from tests.training.run_folders import write_run
from training.runs.notes import change_notes

Open = Callable[..., AppTest]
NAME = MARKUP.replace("/", "").replace("http:", "").replace("https:", "")
"""The mark-up that a file's name can hold."""
ODD = b"caf\xe9 \xff".decode(errors="surrogateescape")
"""A name that is no UTF-8, as old archives make them."""


@pytest.fixture
def named(runs: Path, recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, runs, checkpoints, photos and cars, all called by mark-up; the data folder."""
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    for name in (NAME, f"{NAME} 2"):
        folder = write_run(runs / name, dices=(0.8, 0.9))
        change(folder / "split.json", verdict=f"LEAKY: {MARKUP}")
        change(folder / "state.json", message=MARKUP, status="failed")
        change(folder / "config.json", data=[MARKUP], device=MARKUP)
        write_probes(folder, epochs=2)
        change_notes(folder, title=MARKUP, tags=(MARKUP,), notes=f"{MARKUP}\n\n# zq\n{MARKUP}")
        write_measured(runs, name)
        path = write_measured(runs, name, name=NAME)
        model, info = load_checkpoint(path)
        about = {"verdict": f"LEAKY: {MARKUP}", "unknown": MARKUP}
        save_checkpoint(path, model, replace(info, title=MARKUP, split=about))
    (runs / NAME / "checkpoints" / f"{NAME} broken.safetensors").write_bytes(b"\x80\x02}q\x00.")
    data = tmp_path / NAME
    write_photos(data, [f"{NAME}_{view:02}" for view in (1, 2)] + ["other_01", "else_01"])
    (data / "masks" / "other_01.png").unlink()
    return data


def write_photos(folder: Path, names: list[str]) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 15:45] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    "page, query",
    [
        (None, {}),
        ("segment", {"sample": "synth0001_09"}),
        ("segment", {"checkpoint": f"{NAME}/best", "sample": "synth0001_09"}),
        ("dataset", {}),
        ("dataset", {"split": "From a run", "run": NAME}),
        ("dataset", {"tab": "Browse"}),
        ("dataset", {"tab": "Browse", "photo": f"{NAME}_01"}),
        ("dataset", {"tab": "Browse", "name": "zq"}),
        ("dataset", {"tab": "Augment", "square": "128 px"}),
        ("dataset", {"tab": "Augment", "studio": "Network"}),
        ("dataset", {"tab": "Augment", "studio": "New set"}),
        ("train", {"train_on": NAME}),
        ("train", {"part": "Watch", "run": NAME}),
        ("runs", {}),
        ("runs", {"show": [NAME, f"{NAME} 2"]}),
        ("runs", {"show": NAME}),
        *(
            ("runs", {"run": NAME, "part": part})
            for part in ("Curves", "Probes", "Checkpoints", "Settings", "Log")
        ),
        *(
            ("compare", {"row": [f"{NAME}/{NAME}", f"{NAME} 2/{NAME}"], "tab": tab})
            for tab in ("Table", "Curves", "Cost", "Images", "Where it fails", "Film", "Report")
        ),
        ("compare", {"images": "other", "on": NAME, "row": f"{NAME}/best"}),
    ],
)
def test_names_are_text(
    open_page: Open, named: Path, page: str | None, query: dict[str, str | list[str]]
) -> None:
    chosen = {"data": str(named), "dataset": NAME, **query}
    app = open_page(page and f"pages/{page}.py", **(chosen if page else {}))
    assert not app.exception
    assert any("zq" in str(getattr(node, "proto", "")) for node in app.main)
    assert not marked_up(app)


def test_a_photos_name_is_text(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    app = upload(open_page("pages/segment.py"), (f"{NAME}.png", png()), (f"{NAME}.jpg", b"none"))
    assert not app.exception
    assert not marked_up(app)
    for number in "12":
        app.query_params["photo"] = number
        assert not app.run().exception
        assert any("zq" in text for text in markdown_of(app))
        assert not marked_up(app)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["segment", "dataset", "train", "runs", "compare"])
def test_names_that_are_no_utf8_break_no_page(
    open_page: Open, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CARMASK_DATA", str(tmp_path / ODD))
    write_photos(tmp_path / ODD, [f"{ODD}{number}_01" for number in range(3)])
    write_run(runs / ODD)
    write_measured(runs, "one")
    shutil.copytree(runs / "one" / "checkpoints", runs / ODD / "checkpoints")
    tabs = {"dataset": ["Overview", "Browse", "Augment"], "compare": ["Table", "Images", "Report"]}
    for tab in tabs.get(page, [""]):
        app = open_page(f"pages/{page}.py", **({"tab": tab} if tab else {}))
        assert not app.exception


def png(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploader = next(each for each in app.file_uploader if each.key.startswith("files_"))
    uploader.set_value([(name, data, "application/octet-stream") for name, data in files])
    return app.run()


def zipped(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


SAME = zipped(("a.png", png()), ("b.png", png()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "files, results",
    [
        ([("a.png", png())] * 3, 3),
        ([("a.png", png()), ("b.png", png())], 2),
        ([("a.png", png(0)), ("a.png", png(1)), ("a.png", png(0))], 3),
        ([("a.zip", SAME)] * 2, 4),
        ([("a.zip", SAME), ("b.zip", SAME), ("a.png", png())], 5),
        ([("a.zip", zipped(("x/a.png", png()), ("y/a.png", png())))] * 2, 4),
        ([("a.png", b"none")] * 2 + [("a.png", png())] * 2, 2),
    ],
)
def test_what_is_brought_twice_is_shown_twice(
    open_page: Open, runs: Path, files: list[tuple[str, bytes]], results: int
) -> None:
    write_checkpoint(runs, "one")
    app = upload(open_page("pages/segment.py"), *files)
    assert not app.exception
    found = tiles(finished(app))
    assert len({tile["label"] for tile in found}) == len(found)
    assert sum(tile["state"] != "failed" for tile in found) == results


@pytest.mark.slow
def test_a_true_mask_is_of_one_of_two_equal_photos(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    app = upload(open_page("pages/segment.py"), ("a.png", png()), ("a.png", png()))
    stream = io.BytesIO()
    Image.fromarray(np.full((40, 60), 255, np.uint8)).save(stream, "PNG")
    for number, scores in (("2", 4), ("1", 0)):
        app.query_params["photo"] = number
        app.run()
        (asked,) = [each for each in app.file_uploader if each.key.startswith("truth_")]
        if scores:
            asked.set_value(("mask.png", stream.getvalue(), "image/png"))
            assert not app.run().exception
        assert len(app.metric) == scores


@pytest.mark.slow
def test_what_is_named_twice_in_a_link_is_taken_once(
    open_page: Open, runs: Path, samples: Path
) -> None:
    for name in ("a", "b"):
        write_run(runs / name)
        write_measured(runs, name)
    twice = {"data": [str(samples)] * 2, "train_on": ["samples"] * 2}
    app = open_page("pages/train.py", part="New run", **twice)
    assert not app.exception and app.multiselect(key="train_on_choice").value == ["samples"]
    app = open_page("pages/compare.py", images="other", on=["samples"] * 2, row=["a/best"] * 2)
    assert not app.exception and app.multiselect(key="rows_choice").value == ["a/best"]
    app = open_page("pages/runs.py", show=["a", "a"], measure=["dice", "dice"])
    assert not app.exception and app.multiselect(key="measures").value == ["dice"]


@pytest.mark.slow
@pytest.mark.parametrize("title", ["wide", "Difference", "Photo", "Gain", "Setting", "Photos"])
def test_runs_of_one_title_stay_apart(open_page: Open, runs: Path, title: str) -> None:
    for number, name in enumerate(("a", "b", "c")):
        change_notes(write_run(runs / name), title=title)
        change(runs / name / "config.json", seed=number)
        write_measured(runs, name, seed=number)
    for tab in ("Table", "Images", "Where it fails", "Film"):
        app = open_page("pages/compare.py", row=["a/best", "b/best"], tab=tab)
        assert not app.exception
        assert app.multiselect(key="rows_choice").value == ["a/best", "b/best"]
    options = app.multiselect(key="rows_choice").options
    assert len(options) == len(set(options)) == 3
    app.multiselect(key="rows_choice").set_value(["a/best", "c/best"]).run()
    assert app.query_params["row"] == ["a/best", "c/best"]
    app = open_page("pages/runs.py", show=["a", "b", "c"])
    assert not app.exception


@pytest.mark.slow
def test_one_file_by_two_names_is_compared_with_itself(open_page: Open, runs: Path) -> None:
    path = write_measured(runs, "a")
    names = ["a/best", str(path), str(path.parent / ".." / "checkpoints" / path.name)]
    for tab in ("Table", "Curves", "Cost", "Images", "Where it fails", "Film", "Report"):
        app = open_page("pages/compare.py", row=names, tab=tab)
        assert not app.exception
        assert app.multiselect(key="rows_choice").value == names
