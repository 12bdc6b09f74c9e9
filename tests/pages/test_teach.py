"""Teach the network: offered beside corrected photos, and started with what was chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.edit_facts import EditFacts, Origin
from tests.pages.drawn import write_samples
from tests.pages.untrained import write_checkpoint
from training.data.adding import add_to_dataset

Open = Callable[..., AppTest]


@pytest.fixture
def opened(
    open_page: Open, runs: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Open:
    """Opens the Dataset page on a folder to which two edited masks were added."""
    for name, dice in (("best", 0.9), ("other", 0.8)):
        write_checkpoint(runs, name, dice=dice)
    for name in ("lane", "yard"):
        write_samples(tmp_path / "data" / name)
    mask = np.zeros((24, 36), np.bool_)
    mask[4:20, 6:30] = True
    edit = EditFacts(origin=Origin(kind="network", checkpoint="other"))
    for seed in range(2):
        photo = np.random.default_rng(seed).integers(0, 256, (24, 36, 3), dtype=np.uint8)
        folder = tmp_path / "data" / "corrected"
        add_to_dataset(folder, photo, mask, name="a.png", car=f"car{seed}", edit=edit)
    monkeypatch.setenv("CARMASK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    return lambda name: open_page("pages/dataset.py", dataset=name)


@pytest.mark.slow
def test_the_base_is_the_network_whose_masks_were_corrected(
    opened: Open, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        "dashboard.train.teach_view.start_teaching",
        lambda *given: (started.append(given), runs / "taught-1")[1],
    )
    app = opened("corrected")
    assert not app.exception
    assert app.selectbox(key="teach_base").value == "other/best"
    options = app.multiselect(key="teach_check").options
    assert "yard" in options and not {"corrected", "samples"} & set(options)
    app.multiselect(key="teach_check").select("yard")
    app = app.button(key="teach_start").click().run()
    assert not app.exception
    base = runs / "other/checkpoints/best.safetensors"
    data = tmp_path / "data"
    assert started == [(runs, base, data / "corrected", [data / "yard"], 15)]


def test_a_folder_that_nobody_added_to_offers_nothing(opened: Open) -> None:
    app = opened("lane")
    assert not app.exception
    assert "teach_start" not in {each.key for each in app.button}


@pytest.mark.slow
def test_the_review_page_offers_it_where_photos_were_corrected(
    opened: Open, open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offered() -> bool:
        app = open_page("pages/review.py", dataset="lane")
        assert not app.exception
        return "teach_start" in {each.key for each in app.button}

    monkeypatch.setattr("dashboard.train.teach_view.data_folder", lambda: tmp_path / "none")
    assert not offered()
    monkeypatch.setattr("dashboard.train.teach_view.data_folder", lambda: tmp_path / "data")
    assert offered()
