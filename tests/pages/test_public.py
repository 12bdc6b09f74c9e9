"""A public server, with a hostile visitor on every page: nothing of the machine is to be had."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.ui.frame import PAGES, START
from tests.pages.drawn import write_samples
from tests.pages.hostile import markdown_of
from tests.pages.measured import write_measured
from tests.pages.test_hostile_links import PLACES, REVIEW, SECRET, TRAIN
from tests.pages.test_runs_page import write_probes
from tests.training.run_folders import write_run

Open = Callable[..., AppTest]
OPEN = [place for place in PLACES if place[0] not in (TRAIN, REVIEW)]
FORBIDDEN = ("delete", "edit_", "tag_", "_start", "_stop", "save_threshold", "file_")
FORBIDDEN += ("augment", "folder_text", "open_folder", "recipe_", "onnx")
"""Parts of keys of widgets that start, stop, delete, write or open what a visitor names."""


@pytest.fixture(autouse=True)
def public(
    runs: Path, samples: Path, recipes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A public server with two runs, beside a folder with a secret and photos of somebody else.

    Whatever a test does, all files are the same afterwards.
    """
    for name, dices in (("a", (0.8, 0.9)), ("b", (0.7,))):
        write_probes(write_run(runs / name, dices=dices), epochs=2)
        write_measured(runs, name)
    write_samples(tmp_path / "others")
    (tmp_path / "secret.csv").write_text(f"PASSWORD={SECRET}\n")
    shutil.copy(runs / "a" / "checkpoints" / "best.safetensors", tmp_path / "own.safetensors")
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CARMASK_CANARY", SECRET)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    before = state_of(tmp_path)
    monkeypatch.setenv("CARMASK_PUBLIC", "1")
    yield
    monkeypatch.delenv("CARMASK_PUBLIC", raising=False)
    assert len(before) > 10 and state_of(tmp_path) == before


def state_of(folder: Path) -> dict[Path, int]:
    """Returns the files in a folder but for the cache, each with the time of its last change."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and "cache" not in path.parts
    }


def keys_of(app: AppTest) -> list[str]:
    widgets = [*app.button, *app.text_input, *app.text_area, *app.multiselect, *app.toggle]
    return [str(widget.key) for widget in widgets]


@pytest.mark.slow
@pytest.mark.parametrize("page, opened, alone, together", OPEN)
def test_nothing_of_the_machine_is_to_be_had(
    open_page: Open,
    tmp_path: Path,
    page: str | None,
    opened: dict[str, str],
    alone: tuple[str, ...],
    together: tuple[str, ...],
) -> None:
    app = open_page(page, **opened) if page else open_page()
    names = ("secret.csv", "others", "own.safetensors", "new")
    for value in [*(str(tmp_path / name) for name in names), "a", "../../secret", "environ"]:
        app.query_params.clear()
        for name, text in (opened | dict.fromkeys((*alone, *together), value)).items():
            app.query_params[name] = text
        app.run()
        assert not app.exception, value
        assert SECRET not in "\n".join(markdown_of(app)), value
        keys = keys_of(app)
        assert "archive" not in keys  # a filter may be called archived
        assert not [key for key in keys if any(word in key for word in FORBIDDEN)]
        for table in app.dataframe:
            assert "others" not in table.value.to_string()


@pytest.mark.slow
def test_a_folder_of_the_machine_is_not_opened(open_page: Open, tmp_path: Path) -> None:
    app = open_page("pages/dataset.py", data=str(tmp_path / "others"), dataset="others")
    assert app.error
    chosen = next(box for box in app.selectbox if "dataset" in str(box.key))
    assert chosen.options == ["samples"]


@pytest.mark.slow
def test_a_checkpoint_of_the_machine_is_not_opened(open_page: Open, tmp_path: Path) -> None:
    path = str(tmp_path / "own.safetensors")
    app = open_page("pages/compare.py", row=path)
    assert not app.exception
    assert any("own" in each.value for each in app.warning)
    assert "Dice" not in " ".join(metric.label for metric in app.metric)


@pytest.mark.slow
def test_pages_that_are_not_for_strangers_are_closed(open_page: Open) -> None:
    for page in PAGES:
        app = open_page(page.path)
        assert page.public or not [*app.button, *app.text_input, *app.selectbox], page.title
        assert not app.exception
    assert START.public


def test_a_local_app_answers_to_this_machine_alone(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that an attacker's DNS leads to this machine is not this machine's."""
    from streamlit.runtime.context import ContextProxy

    monkeypatch.delenv("CARMASK_PUBLIC")
    for host, closed in (("evil.example:8501", True), ("localhost:8501", False)):
        monkeypatch.setattr(ContextProxy, "headers", {"Host": host})
        app = open_page("pages/train.py")
        assert bool(app.error) is closed
        assert bool(app.button) is not closed


def test_no_visitor_s_folder_is_remembered(open_page: Open, tmp_path: Path) -> None:
    open_page("pages/dataset.py", dataset="samples", inverted="samples")
    assert not (tmp_path / "cache" / "data_folder.json").exists()
