"""The frames of a film: one an epoch, in order, and what can't be read named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.checkpoint import load_checkpoint, save_checkpoint
from tests.pages.untrained import write_checkpoint
from training.runs.probes import film_of


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Epochs 1, 2 and 10 were kept; 2 is the best one and 10 the last."""
    best = write_checkpoint(tmp_path, "run")
    model, info = load_checkpoint(best)
    for name, epoch in {"epoch_0001": 1, "epoch_0002": 2, "best": 2, "epoch_0010": 10}.items():
        save_checkpoint(best.with_stem(name), model, replace(info, epoch=epoch))
    save_checkpoint(best.with_stem("last"), model, replace(info, epoch=10))
    return tmp_path / "run"


def test_each_epoch_is_one_frame_in_order(run: Path) -> None:
    frames = film_of(run).frames
    assert [frame.epoch for frame in frames] == [1, 2, 10]
    assert [frame.title for frame in frames] == ["epoch 1", "epoch 2, best", "epoch 10, last"]
    assert all(frame.path.is_file() and frame.info.epoch == frame.epoch for frame in frames)


def test_one_checkpoint_may_be_best_and_last(tmp_path: Path) -> None:
    best = write_checkpoint(tmp_path, "run")
    best.with_stem("last").write_bytes(best.read_bytes())
    (frame,) = film_of(tmp_path / "run").frames
    assert frame.title == "epoch 3, best and last"


def test_a_damaged_checkpoint_is_named_and_the_others_stay(run: Path) -> None:
    damaged = run / "checkpoints" / "epoch_0002.safetensors"
    damaged.write_bytes(b"not weights")
    film = film_of(run)
    assert [frame.epoch for frame in film.frames] == [1, 2, 10]  # the best one is of epoch 2 too
    ((name, why),) = film.unreadable
    assert name == damaged.name
    assert why


def test_without_checkpoints_there_is_no_frame(tmp_path: Path) -> None:
    assert film_of(tmp_path / "nowhere").frames == ()
