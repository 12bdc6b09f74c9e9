"""What networks say of photos: asked once, the newest wish first, errors in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from core.masks import MaskSettings
from dashboard.compare import images_predictions
from dashboard.compare.images_predictions import Predictions
from dashboard.compare.rows import Row
from tests.pages.drawn import write_samples
from training.data.folder import Sample, open_dataset

USUAL = MaskSettings()


@pytest.fixture
def photos(tmp_path: Path) -> list[Sample]:
    write_samples(tmp_path / "cars")
    return list(open_dataset(tmp_path / "cars").samples)


class Networks:
    """Says that the left half is car; counts, and waits for `go` where it was told to."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.looked = 0
        self.begun, self.go = Event(), Event()
        self.go.set()

    def load(self, row: Row) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        self.loaded.append(row.name)

        def probability(image: NDArray[np.uint8]) -> NDArray[np.float32]:
            self.looked += 1
            self.begun.set()
            self.go.wait(10)
            found = np.zeros(image.shape[:2], np.float32)
            found[:, : found.shape[1] // 2] = 0.6
            return found

        return probability


def row(name: str) -> Row:
    return Row(name, name, (Path(f"{name}.safetensors"),))


def test_a_photo_is_looked_at_once(photos: list[Sample]) -> None:
    networks = Networks()
    predictions = Predictions(networks.load)
    for _ in range(2):
        said = predictions.ask(row("a"), photos[0], USUAL).result(10)
        assert said.shape == (80, 120)
        assert said.mask[:, :60].all() and not said.mask[:, 60:].any()
    assert (networks.loaded, networks.looked) == (["a"], 1)


def test_another_threshold_network_or_file_is_another_wish(photos: list[Sample]) -> None:
    networks = Networks()
    predictions = Predictions(networks.load)
    strict = predictions.ask(row("a"), photos[0], MaskSettings(threshold=0.7)).result(10)
    assert not strict.mask.any()
    predictions.ask(row("a"), photos[0], USUAL).result(10)
    predictions.ask(row("b"), photos[0], USUAL).result(10)
    photos[0].image_path.write_bytes(photos[1].image_path.read_bytes())
    predictions.ask(row("b"), photos[0], USUAL).result(10)
    assert networks.looked == 4


def test_a_photo_that_cannot_be_read_is_an_answer(photos: list[Sample]) -> None:
    predictions = Predictions(Networks().load)
    photos[0].image_path.write_bytes(b"no photo")
    said = predictions.ask(row("a"), photos[0], USUAL).result(10)
    assert photos[0].image_path.name in said.error
    assert not predictions.ask(row("a"), photos[1], USUAL).result(10).error


def test_the_newest_wish_goes_first_and_the_oldest_are_dropped(
    photos: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_predictions, "_WAITING", 3)
    networks = Networks()
    predictions = Predictions(networks.load)
    networks.go.clear()
    first = predictions.ask(row("a"), photos[0], USUAL)
    assert networks.begun.wait(10)
    assert predictions.ask(row("a"), photos[0], USUAL) is first  # it is being looked at
    order: list[str] = []
    asked = [predictions.ask(row("a"), photo, USUAL) for photo in photos[1:6]]
    for photo, future in zip(photos[1:6], asked, strict=True):
        future.add_done_callback(
            lambda done, name=photo.name: None if done.cancelled() else order.append(name)
        )
    assert predictions.ask(row("a"), photos[3], USUAL) is asked[2]  # the same wish, now the newest
    networks.go.set()
    assert not first.result(10).error
    for future in asked[2:]:
        future.result(10)
    assert [future.cancelled() for future in asked] == [True, True, False, False, False]
    assert order == [photos[3].name, photos[5].name, photos[4].name]


def test_what_is_kept_is_bounded(photos: list[Sample]) -> None:
    networks = Networks()
    predictions = Predictions(networks.load, kept_bytes=2000)  # of 1,700 a photo
    for photo in (photos[0], photos[1], photos[0]):
        predictions.ask(row("a"), photo, USUAL).result(10)
    assert networks.looked == 3
