from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.ui.frame import PAGES, START
from tests.pages.conftest import ROOT
from tests.pages.test_segment_page import upload
from tests.pages.untrained import write_checkpoint

Open = Callable[..., AppTest]


def test_without_runs_the_page_says_which_commands_train_one(open_page: Open) -> None:
    app = open_page()
    assert not app.exception
    assert "python -m training fit" in app.code[0].value
    assert not app.file_uploader, "what can't work yet is not offered"


def test_a_missing_runs_folder_is_no_runs(open_page: Open, runs: Path) -> None:
    runs.rmdir()
    app = open_page()
    assert not app.exception
    assert "python -m training fit" in app.code[0].value


def test_it_begins_with_a_place_to_drop_photos_on(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    app = open_page()
    assert not app.exception
    assert app.title and app.file_uploader
    assert not app.get("download_button")
    assert len(app.get("bidi_component")) == 2, "the example and the samples"


def test_a_sample_is_cut_out_and_the_cut_out_comes_first(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    app = open_page(sample="synth0001_09")
    assert not app.exception
    assert app.segmented_control(key="view").value == "Cut-out"
    assert app.get("download_button")[0].proto.label == "Download cut-out"
    assert len(app.get("image")) == 1


def test_one_photo_is_cut_out_at_once(open_page: Open, runs: Path) -> None:
    from tests.pages.test_segment_page import png

    write_checkpoint(runs, "one")
    app = upload(open_page(), ("a.png", png()))
    assert not app.exception
    assert len(app.get("image")) == 1
    assert app.button(key="start_over")


def test_a_background_makes_the_download_a_jpeg(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    for background, kind in (("Transparent", "PNG"), ("White", "JPEG"), ("Colour", "JPEG")):
        app = open_page(sample="synth0001_09", background=background)
        assert not app.exception
        (save,) = [
            each for each in app.get("download_button") if each.proto.label.endswith("cut-out")
        ]
        assert save.proto.help.startswith(kind)
        assert len(app.color_picker) == (2 if background == "Colour" else 1)


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
    assert app.file_uploader
    assert not app.get("bidi_component")


def test_every_page_is_in_the_menu_and_exists(open_page: Open, runs: Path) -> None:
    write_checkpoint(runs, "one")
    app = open_page()
    in_menu = [each.proto.label for each in app.get("page_link")]
    assert in_menu == [page.title for page in (START, *PAGES)]
    assert sorted(each.name for each in (ROOT / "pages").glob("*.py")) == sorted(
        Path(page.path).name for page in PAGES
    )


def test_a_damaged_sample_is_no_traceback(open_page: Open, runs: Path, samples: Path) -> None:
    write_checkpoint(runs, "one")
    for name in ("synth0000_09", "synth0001_01"):
        (samples / "images" / f"{name}.jpg").write_bytes(b"no picture")
    app = open_page()
    assert not app.exception
    assert app.file_uploader


@pytest.mark.slow
def test_nothing_before_the_first_picture_imports_torch() -> None:
    program = "import sys, dashboard.segment.page; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
