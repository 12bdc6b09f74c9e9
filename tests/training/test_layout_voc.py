"""Pascal VOC: class numbers, colours, label maps, and masks that can't be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import DataError, MaskError
from core.image import encode_jpeg
from tests.training.layout_folders import (
    draw_pairs,
    voc_colour,
    write_voc,
)
from training.data.folder import Dataset, Reading, open_dataset
from training.data.label_mask import Known, LabelMask
from training.data.layouts.voc import NAMES, colour_of

SIZE = (48, 64)
MASKS = {name: mask for name, _, mask in draw_pairs(3, 2, SIZE)}


def masks_of(dataset: Dataset) -> dict[str, Any]:
    return {sample.name: sample.read()[1] for sample in dataset.samples}


def test_the_colours_of_voc() -> None:
    assert [colour_of(number) for number in range(256)] == [voc_colour(n) for n in range(256)]
    assert len(NAMES) == 21


def test_voc_classes_by_name_and_number(tmp_path: Path) -> None:
    write_voc(tmp_path)
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("car",)
    assert dataset.all_classes == NAMES[1:]
    for wanted in ("person", "15"):
        people = open_dataset(tmp_path, Reading(classes=(wanted,)))
        assert people.classes == ("person",)
        assert people.samples[0].read()[1].sum() == 9
    both = open_dataset(tmp_path, Reading(classes=("7", "person")))
    assert both.samples[0].read()[1].sum() == MASKS["car0_01"].sum() + 9
    assert len({d.fingerprint() for d in (dataset, people, both)}) == 3
    assert not open_dataset(tmp_path, Reading(classes=("40",))).samples[0].read()[1].any()
    for unknown in ("lorry", "255", "0"):
        with pytest.raises(DataError, match=r"aeroplane, .*tvmonitor"):
            open_dataset(tmp_path, Reading(classes=(unknown,)))


def test_voc_masks_in_colours(tmp_path: Path) -> None:
    write_voc(tmp_path)
    path = tmp_path / "SegmentationClass" / "car0_01.png"
    Image.open(path).convert("RGB").save(path)
    assert np.array_equal(open_dataset(tmp_path).samples[0].read()[1], MASKS["car0_01"])


@pytest.mark.parametrize("colour", ["10,20,30", ""])
def test_voc_with_a_label_map(tmp_path: Path, colour: str) -> None:
    write_voc(tmp_path, cars=1, views=2)
    (tmp_path / "labelmap.txt").write_text(
        f"# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:1,1,1::\ncar:{colour}::\n"
    )
    drawn = np.zeros((*SIZE, 3), np.uint8)
    drawn[MASKS["car0_01"]] = (10, 20, 30) if colour else voc_colour(2)
    Image.fromarray(drawn).save(tmp_path / "SegmentationClass" / "car0_01.png")
    Image.fromarray(np.uint8(2) * MASKS["car0_02"]).save(
        tmp_path / "SegmentationClass" / "car0_02.png"
    )
    dataset = open_dataset(tmp_path)
    assert dataset.all_classes == ("road", "car")
    for name, mask in masks_of(dataset).items():
        assert np.array_equal(mask, MASKS[name])


@pytest.mark.parametrize("line", ["car:1,2::", "car:red,1,1::", "car:300,0,0::"])
def test_a_damaged_label_map(tmp_path: Path, line: str) -> None:
    write_voc(tmp_path)
    (tmp_path / "labelmap.txt").write_text(f"background:0,0,0::\n{line}\n")
    with pytest.raises(DataError, match=r"labelmap\.txt"):
        open_dataset(tmp_path)


def test_voc_masks_that_can_not_be_used(tmp_path: Path) -> None:
    write_voc(tmp_path)
    masks = tmp_path / "SegmentationClass"
    Image.open(masks / "car0_01.png").crop((0, 0, 40, 40)).save(masks / "car0_01.png")
    (masks / "car0_02.png").write_bytes(encode_jpeg(np.zeros((*SIZE, 3), np.uint8)))
    (masks / "car1_01.png").write_bytes(b"text")
    samples = open_dataset(tmp_path).samples
    for sample, message in zip(samples, ("40 x 40 px", "JPEG does not keep", "text"), strict=False):
        with pytest.raises(MaskError, match=message):
            sample.read()


def test_class_masks_are_turned_upright(tmp_path: Path) -> None:
    numbers = np.zeros((48, 64), np.uint8)
    numbers[:10, :20] = 7
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(numbers).save(tmp_path / "a.png", exif=exif)
    known = Known(frozenset({0, 7}), frozenset(), frozenset(), frozenset(), "a list")
    mask = LabelMask(tmp_path / "a.png", (7,), (), known).read((64, 48))
    assert np.array_equal(mask, np.rot90(numbers == 7, -1))


def test_voc_photos_without_a_mask(tmp_path: Path) -> None:
    write_voc(tmp_path)
    (tmp_path / "SegmentationClass" / "car1_01.png").unlink()
    assert open_dataset(tmp_path).without_mask == ("car1_01",)
