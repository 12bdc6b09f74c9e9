"""Every page with hostile values in every parameter of its URL: nothing breaks, nothing leaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.train.asked import NAMES
from dashboard.ui.frame import PAGES
from tests.pages.hostile import VALUES, markdown_of, marked_up
from tests.pages.measured import write_measured
from tests.pages.test_runs_page import write_probes
from tests.training.run_folders import write_run

Open = Callable[..., AppTest]
SECRET = "hunter2-in-a-file"
SEGMENT, DATASET, REVIEW, TRAIN, RUNS, COMPARE, STUDIO, LEARN = (
    f"pages/{name}.py"
    for name in ("segment", "dataset", "review", "train", "runs", "compare", "studio", "learn")
)
READING = ("data", "dataset", "classes", "rule", "inverted", "leave_out")
FIGURES = ("over", "smooth", "log", "seeds")
FILES = ("split", "cars", "start_from", "recipe")
TEXTS = ("car_rule", "classes", "repeat", "device")
Place = tuple[str | None, dict[str, str], tuple[str, ...], tuple[str, ...]]
PLACES: list[Place] = [
    (None, {}, ("sample",), ("run", "photo", "state", "background", "ground", "files")),
    (
        SEGMENT,
        {"sample": "synth0001_09"},
        ("checkpoint", "second", "sample", "edit"),
        (
            *("source", "page", "view", "threshold", "truth", "keep_largest", "fill_holes"),
            *("min_area", "colour", "opacity", "outline"),
        ),
    ),
    (DATASET, {}, (*READING, "split", "val_share", "split_seed"), ("tab", "stratify", "run")),
    (DATASET, {"split": "Random"}, ("val_share", "split_seed"), ()),
    (DATASET, {"split": "From a run"}, ("run",), ()),
    (
        DATASET,
        {"tab": "Browse"},
        ("rule", "name", "finding", "photo", "sheet"),
        (
            *("sort", "down", "of_car", "of_view", "side", "masks", "share", "brightness"),
            *("sharpness", "look", "opacity"),
        ),
    ),
    (DATASET, {"tab": "Browse", "photo": "synth0001_09"}, (), ("look", "opacity", "data")),
    (
        DATASET,
        {"tab": "Augment", "square": "128 px"},
        ("image", "recipe", "seed"),
        ("studio", "show", "epoch", "count", "edit"),
    ),
    (
        DATASET,
        {"tab": "Augment", "studio": "Strip", "square": "128 px"},
        ("transform", "parameter"),
        ("image", "seed", "show", "square"),
    ),
    (
        DATASET,
        {"tab": "Augment", "studio": "Strip", "square": "128 px", "transform": "Composite"},
        ("backgrounds",),
        (),
    ),
    (
        DATASET,
        {"tab": "Augment", "studio": "Network"},
        ("run", "epoch", "index"),
        ("data", "show"),
    ),
    (
        DATASET,
        {"tab": "Augment", "studio": "New set"},
        ("data", "rule", "recipe", "out"),
        ("seed", "per_image", "set_size", "workers", "originals"),
    ),
    (
        REVIEW,
        {},
        ("data", "rule", "checkpoint", "against", "photo"),
        ("what", "list", "show", "dataset", "classes"),
    ),
    (REVIEW, {"what": "New photos"}, ("photos", "photo"), ("list", "show", "edit")),
    (STUDIO, {"sample": "synth0001_09"}, ("preset", "changes"), ("photo", "studio_view")),
    (
        TRAIN,
        {"part": "New run"},
        ("part", "preset", "name", "train_on", "data", *FILES, *TEXTS),
        tuple(name for name in NAMES if name not in ("data", *FILES, *TEXTS)),
    ),
    (TRAIN, {"part": "Watch"}, ("part", "run"), ()),
    (
        RUNS,
        {},
        ("run", "show", "find", "measure"),
        ("status", "tag", "order", "backwards", "archived", *FIGURES),
    ),
    (RUNS, {"run": "a"}, ("part", "at", "measure"), FIGURES),
    (RUNS, {"run": "a", "part": "Probes"}, ("at",), ("probe_look",)),
    (
        COMPARE,
        {},
        ("tab", "row", "images", "baseline", "metric"),
        ("order", "all_metrics", "archived"),
    ),
    (
        COMPARE,
        {"images": "other"},
        ("data", "rule", "on", "part", "split"),
        ("row", "dataset", "classes", "baseline", "metric"),
    ),
    (COMPARE, {"images": "other", "part": "Validation"}, ("on", "split"), ()),
    (COMPARE, {"tab": "Curves"}, (), ("curve",)),
    (COMPARE, {"tab": "Cost"}, (), ("cost",)),
    (COMPARE, {"tab": "Images"}, ("photo", "box"), ("photos", "drag", "beside", "metric")),
    (COMPARE, {"tab": "Where it fails"}, (), ("by",)),
    (COMPARE, {"tab": "Film"}, ("film", "of"), ("film_look",)),
    (COMPARE, {"tab": "Report"}, ("row",), ()),
    (LEARN, {}, (), ("run", "show", "preset")),
]
"""Pages, what is opened on each, what is tried by itself there, and what is tried together."""


@pytest.fixture
def filled(
    runs: Path, recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Two runs with all that runs have; returns the hostile values, with secret files' paths."""
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CARMASK_CANARY", SECRET)
    for name, dices in (("a", (0.8, 0.9)), ("b", (0.7,))):
        write_probes(write_run(runs / name, dices=dices), epochs=2)
        write_measured(runs, name)
    files = {}
    for ending in ("csv", "json", "safetensors", "txt"):
        files[ending] = tmp_path / f"secret.{ending}"
        files[ending].write_text(f"PASSWORD={SECRET}\n")
    (tmp_path / "object.json").write_text(f'{{"{SECRET}": "{SECRET}"}}')
    (tmp_path / "list.json").write_text(f'["{SECRET}"]')
    more = {path.name: str(path) for path in (*files.values(), *tmp_path.glob("*.json"))}
    return VALUES | more


def test_every_page_is_among_them() -> None:
    assert {page for page, *_ in PLACES} == {None, *(page.path for page in PAGES)}


@pytest.mark.slow
@pytest.mark.parametrize("page, opened, alone, together", PLACES)
def test_hostile_links(
    open_page: Open,
    filled: dict[str, str],
    page: str | None,
    opened: dict[str, str],
    alone: tuple[str, ...],
    together: tuple[str, ...],
) -> None:
    app = open_page(page, **opened) if page else open_page()
    assert not app.exception
    for words in [*((word,) for word in alone), together]:
        for kind, value in filled.items() if words else ():
            app.query_params.clear()
            for name, text in (opened | dict.fromkeys(words, value)).items():
                app.query_params[name] = text
            app.run()
            assert not app.exception, (words, kind)
            told = "\n".join(markdown_of(app))
            assert SECRET not in told and "root:x:0" not in told, (words, kind)
            assert not marked_up(app), (words, kind, marked_up(app))
