"""Every layout: recognised by itself, read as it means, and its faults named."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import DataError
from core.image import encode_png
from tests.training.layout_folders import (
    draw_pairs,
    write_augmented,
    write_carvana,
    write_coco,
    write_paired,
    write_voc,
)
from training.data.folder import Dataset, Reading, open_dataset

WRITERS: dict[str, Callable[[Path], None]] = {
    "carvana": write_carvana,
    "paired": write_paired,
    "coco": write_coco,
    "voc": write_voc,
    "augmented": write_augmented,
}
SIZE = (48, 64)
MASKS = {name: mask for name, _, mask in draw_pairs(3, 2, SIZE)}


def masks_of(dataset: Dataset) -> dict[str, Any]:
    return {sample.name: sample.read()[1] for sample in dataset.samples}


@pytest.mark.parametrize("layout", WRITERS)
def test_each_layout_is_recognised_and_read(tmp_path: Path, layout: str) -> None:
    WRITERS[layout](tmp_path / "data")
    dataset = open_dataset(tmp_path / "data")
    assert dataset.layout == layout
    assert dataset.cars == ("car0", "car1", "car2")
    assert dataset.problems() == []
    masks = masks_of(dataset)
    assert len(masks) == (12 if layout == "augmented" else 6)
    for name, mask in masks.items():
        assert np.array_equal(mask, MASKS[name[:7]])
    assert list(masks) == sorted(masks)


@pytest.mark.parametrize("layout", WRITERS)
def test_samples_travel_to_workers_and_into_sets(tmp_path: Path, layout: str) -> None:
    WRITERS[layout](tmp_path / "data")
    samples = open_dataset(tmp_path / "data").samples
    assert pickle.loads(pickle.dumps(samples)) == samples
    assert len(set(samples)) == len(samples)
    assert samples[0].mask_path.is_file()


@pytest.mark.parametrize("layout", WRITERS)
def test_a_folder_above_names_the_one_to_give(tmp_path: Path, layout: str) -> None:
    WRITERS[layout](tmp_path / "above" / "data")
    with pytest.raises(DataError, match=r"give .*above/data"):
        open_dataset(tmp_path / "above")


# Carvana and paired folders


@pytest.mark.parametrize(
    "photos, masks, mark",
    [
        ("image", "mask", ""),
        ("imgs", "labels", "_mask"),
        ("Photos", "Masks", ""),
        ("JPEGImages", "annotations", "_mask"),
    ],
)
def test_usual_names_of_paired_folders(tmp_path: Path, photos: str, masks: str, mark: str) -> None:
    write_paired(tmp_path, photos=photos, masks=masks, mark=mark)
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "paired"
    assert [sample.name for sample in dataset.samples] == list(MASKS)


def test_a_photo_that_is_called_mask_keeps_its_own_mask(tmp_path: Path) -> None:
    for name in ("a", "a_mask"):
        write_paired(tmp_path / name, cars=1, views=1)
    write_paired(tmp_path, cars=1, views=1)
    (tmp_path / "images" / "car0_01.jpg").rename(tmp_path / "images" / "a_mask.jpg")
    (tmp_path / "masks" / "car0_01.png").rename(tmp_path / "masks" / "a_mask.png")
    dataset = open_dataset(tmp_path)
    assert [sample.name for sample in dataset.samples] == ["a_mask"]


def test_doubled_files_are_named_and_not_used(tmp_path: Path) -> None:
    write_carvana(tmp_path)
    train, masks = tmp_path / "train", tmp_path / "train_masks"
    gif = (masks / "car0_01_mask.gif").read_bytes()
    (masks / "car0_01_mask(1).gif").write_bytes(gif)
    (masks / "car0_01_mask.png").write_bytes(encode_png(MASKS["car0_01"]))
    jpeg = (train / "car1_02.jpg").read_bytes()
    for name in ("car1_02 (1).jpg", "car1_02 - Copy.jpg", "car1_02.png", "car1_02 copy 2.jpg"):
        (train / name).write_bytes(jpeg)
    dataset = open_dataset(tmp_path)
    assert dataset.doubled == (
        "train/car1_02 (1).jpg",
        "train/car1_02 - Copy.jpg",
        "train/car1_02 copy 2.jpg",
        "train/car1_02.png",
        "train_masks/car0_01_mask(1).gif",
        "train_masks/car0_01_mask.png",
    )
    assert [sample.name for sample in dataset.samples] == list(MASKS)
    assert dataset.samples[0].mask_path.name == "car0_01_mask.gif"
    assert (dataset.without_mask, dataset.without_photo) == ((), ())
    assert "6 files" in dataset.problems()[0]


def test_numbered_names_without_a_first_are_photos_of_their_own(tmp_path: Path) -> None:
    write_paired(tmp_path, cars=1, views=2)
    for folder, suffix in (("images", "jpg"), ("masks", "png")):
        for view in (1, 2):
            path = tmp_path / folder / f"car0_{view:02}.{suffix}"
            path.rename(path.with_name(f"car ({view}).{suffix}"))
    dataset = open_dataset(tmp_path)
    assert [sample.name for sample in dataset.samples] == ["car (1)", "car (2)"]
    assert dataset.doubled == ()


def test_a_copied_mask_alone_is_no_mask_of_another_photo(tmp_path: Path) -> None:
    write_carvana(tmp_path, cars=1)
    mask = tmp_path / "train_masks" / "car0_01_mask.gif"
    mask.rename(mask.with_name("car0_01_mask(1).gif"))
    dataset = open_dataset(tmp_path)
    assert dataset.without_mask == ("car0_01",)
    assert dataset.without_photo == ("car0_01_mask(1)",)


def test_a_mask_doubled_by_its_ending(tmp_path: Path) -> None:
    write_paired(tmp_path)
    (tmp_path / "masks" / "car0_01_mask.png").write_bytes(encode_png(MASKS["car0_01"]))
    dataset = open_dataset(tmp_path)
    assert dataset.doubled == ("masks/car0_01_mask.png",)
    assert len(dataset.samples) == 6


def test_folders_in_folders_and_hidden_files(tmp_path: Path) -> None:
    write_paired(tmp_path, photos="images/red", masks="masks/red")
    for name in (".car0_01.jpg", ".thumbnails/x.jpg", "__MACOSX/y.jpg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "images" / "notes.txt").write_text("no picture")
    dataset = open_dataset(tmp_path)
    assert [sample.name for sample in dataset.samples] == [f"red/{name}" for name in MASKS]
    assert dataset.cars == ("car0", "car1", "car2")
    assert dataset.without_mask == ()


# Augmented sets


def test_an_augmented_set_knows_its_origins(tmp_path: Path) -> None:
    write_augmented(tmp_path, source="carvana512")
    dataset = open_dataset(tmp_path)
    assert dataset.family == "carvana512"
    assert dataset.samples[1].name == "car0_01_a02"
    assert dataset.samples[1].origin == "car0_01"
    by_view = Reading(car_rule=r"_(?P<car>\d+)$")
    assert open_dataset(tmp_path, by_view).cars == ("01", "02")


def test_an_augmented_set_that_is_still_written(tmp_path: Path) -> None:
    write_augmented(tmp_path)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    dataset = open_dataset(tmp_path)
    assert len(dataset.samples) == 11  # the last line is torn
    assert dataset.problems() == []
    manifest.unlink()
    with pytest.raises(DataError, match="no photo has a mask"):
        open_dataset(tmp_path)
    assert open_dataset(tmp_path, allow_empty=True).samples == ()


def test_an_augmented_set_with_missing_files(tmp_path: Path) -> None:
    write_augmented(tmp_path)
    (tmp_path / "images" / "car0_01_a01.jpg").unlink()
    (tmp_path / "masks" / "car0_01_a02.png").unlink()
    (tmp_path / "images" / "car9_01_a01.jpg").write_bytes(b"")
    dataset = open_dataset(tmp_path)
    assert dataset.without_photo == ("car0_01_a01",)
    assert dataset.without_mask == ("car0_01_a02",)
    assert len(dataset.samples) == 10


def test_an_augmented_set_of_photos_in_folders(tmp_path: Path) -> None:
    write_augmented(tmp_path, cars=1, views=1, versions=1)
    for folder, suffix in (("images", "jpg"), ("masks", "png")):
        (tmp_path / folder / "red").mkdir()
        (tmp_path / folder / f"car0_01_a01.{suffix}").rename(
            tmp_path / folder / "red" / f"car0_01_a01.{suffix}"
        )
    text = (tmp_path / "manifest.jsonl").read_text()
    text = text.replace("images/", "images/red/").replace("masks/", "masks/red/")
    unreadable = '{"source": "car1_01", "index": 1, "error": "damaged"}\n'
    (tmp_path / "manifest.jsonl").write_text(text + unreadable)
    assert [sample.name for sample in open_dataset(tmp_path).samples] == ["red/car0_01_a01"]


@pytest.mark.parametrize("file", ["manifest.jsonl", "augment.json"])
@pytest.mark.parametrize("text", ["{\n", "[]\n", '{"image": 3}\n', "7\n"])
def test_damaged_files_of_an_augmented_set(tmp_path: Path, file: str, text: str) -> None:
    write_augmented(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match=file):
        open_dataset(tmp_path)
