"""Writing an augmented set from the Augment tab."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_studio import captions, jpegs
from training.augment.recipe import RECIPES
from training.augment.written.settings import AugmentJob
from training.augment.written.status import read_status
from training.augment.written.writer import write_augmented

Open = Callable[..., AppTest]


def test_the_command_of_a_new_set_is_shown(studio: Open, tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "set"
    app = studio(studio="New set", out=str(out), per_image="3", seed="5", recipe="heavy")
    assert not app.exception
    command = app.code[0].value
    assert command.startswith("python -m training augment --data")
    for part in (str(out), str(samples), "--per-image 3", "--recipe heavy", "--seed 5"):
        assert part in command
    assert "18 pictures" in "\n".join(each.value for each in app.markdown)
    assert not app.button(key="augment_start").disabled
    assert not out.exists()


def test_a_written_set_is_found_again_and_shown(
    studio: Open, tmp_path: Path, samples: Path
) -> None:
    out = tmp_path / "set"
    job = AugmentJob(samples, out, per_image=2, recipe=RECIPES["light"], size=64, workers=1)
    write_augmented(job)
    app = studio(studio="New set", out=str(out), image="synth0001_01")
    assert not app.exception
    assert app.button(key="augment_start").disabled
    shown = [text for text in captions(app) if "synth0001" in text]
    assert [text.split("**")[1] for text in shown] == [
        "synth0001\\_01\\_a01.jpg",
        "synth0001\\_01\\_a02.jpg",
    ]
    assert len(jpegs(app)) == 3


def test_a_written_set_opens_as_a_data_folder(studio: Open, tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "made"
    write_augmented(AugmentJob(samples, out, 2, RECIPES["none"], size=64, workers=1))
    app = studio(studio="New set", out=str(out))
    app.button(key="open_set").click().run()
    assert not app.exception
    assert app.selectbox(key="dataset_choice").value == "made"
    assert any("Augmented set" in text for text in captions(app))


def test_a_part_of_a_set_can_be_gone_on_with(studio: Open, tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "set"
    job = AugmentJob(samples, out, per_image=2, recipe=RECIPES["none"], size=64, workers=1)
    write_augmented(job, stop=lambda: (out / "manifest.jsonl").stat().st_size > 0)
    app = studio(studio="New set", out=str(out))
    assert not app.exception
    assert app.button(key="augment_go_on")
    app.selectbox(key="image").set_value("synth0002_09").run()
    assert any("no picture" in each.value for each in app.info)


@pytest.mark.slow
def test_a_set_is_written_from_here(studio: Open, tmp_path: Path) -> None:
    out = tmp_path / "set"
    app = studio(studio="New set", out=str(out), per_image="1", recipe="light", workers="1")
    app.button(key="augment_start").click().run()
    assert not app.exception
    assert not app.error
    until = time.monotonic() + 90
    while read_status(out).running and time.monotonic() < until:
        time.sleep(0.2)
    assert read_status(out).finished, (out / "log.txt").read_text(encoding="utf-8")
    app.run()
    assert not app.exception
    assert app.get("progress")[0].proto.text.startswith("All pictures are there")
    assert len(jpegs(app)) == 2
