"""COCO files: outlines, categories, places of photos, and what is damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import DataError, MaskError
from core.image import encode_jpeg
from tests.training.layout_folders import (
    CATEGORIES,
    coco_content,
    draw_pairs,
    packed_counts_of,
    write_coco,
)
from training.data.folder import Dataset, Reading, open_dataset
from training.data.mask_source import CocoMask

SIZE = (48, 64)
MASKS = {name: mask for name, _, mask in draw_pairs(3, 2, SIZE)}


def change(root: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Changes the JSON of a COCO folder."""
    path = root / "annotations" / "instances.json"
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_text(json.dumps(content))


def annotate(root: Path, segmentation: object) -> None:
    """Gives the first photo one car of this outline."""
    change(root, lambda content: content["annotations"][0].update(segmentation=segmentation))


def masks_of(dataset: Dataset) -> dict[str, Any]:
    return {sample.name: sample.read()[1] for sample in dataset.samples}


@pytest.mark.parametrize("outline", ["polygon", "rle", "packed"])
def test_coco_outlines_of_each_kind(tmp_path: Path, outline: str) -> None:
    write_coco(tmp_path, outline=outline)
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("car",)
    assert dataset.all_classes == ("person", "car", "truck")
    for name, mask in masks_of(dataset).items():
        assert np.array_equal(mask, MASKS[name])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_packed_runs_agree_with_pycocotools(tmp_path: Path) -> None:
    from pycocotools import mask as coco

    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = rng.random((37 + seed, 300)) < rng.uniform(0.001, 0.999)
        packed = packed_counts_of(truth)
        source = CocoMask(tmp_path / "a.json", "x.jpg", *truth.shape, json.dumps([packed]))
        assert np.array_equal(source.read(truth.shape), coco.decode(packed).astype(bool))
        assert np.array_equal(source.read(truth.shape), truth)


def test_several_outlines_are_one_mask(tmp_path: Path) -> None:
    write_coco(tmp_path, cars=1, views=1)
    corner = np.zeros(SIZE, bool)
    corner[40:, 60:] = True
    crowd = {"id": 50, "image_id": 1, "category_id": 3, "iscrowd": 1}
    crowd["segmentation"] = packed_counts_of(corner)
    change(tmp_path, lambda content: content["annotations"].append(crowd))
    mask = open_dataset(tmp_path).samples[0].read()[1]
    assert np.array_equal(mask, MASKS["car0_01"] | corner)


def test_categories_are_chosen_by_name_or_number(tmp_path: Path) -> None:
    write_coco(tmp_path)
    people = open_dataset(tmp_path, Reading(classes=("Person",)))
    assert people.classes == ("person",)
    assert [bool(mask.any()) for mask in masks_of(people).values()] == [True] + [False] * 5
    assert open_dataset(tmp_path, Reading(classes=("1",))).classes == ("person",)
    both = masks_of(open_dataset(tmp_path, Reading(classes=("car", "person"))))
    assert np.array_equal(both["car0_01"], MASKS["car0_01"] | masks_of(people)["car0_01"])
    assert open_dataset(tmp_path).fingerprint() != people.fingerprint()


@pytest.mark.parametrize(
    "names, chosen",
    [
        (["person", "Cars", "vehicle"], ("Cars",)),
        (["parked_car", "cardboard"], ("parked_car",)),
        (["vehicle", "road"], ("vehicle",)),
        (["thing"], ("thing",)),
    ],
)
def test_categories_chosen_without_a_wish(
    tmp_path: Path, names: list[str], chosen: tuple[str, ...]
) -> None:
    write_coco(tmp_path)
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    change(tmp_path, lambda content: content.update(categories=categories, annotations=[]))
    dataset = open_dataset(tmp_path)
    assert dataset.classes == chosen
    assert [remark.kind for remark in dataset.remarks] == ["only_class"] * (chosen == ("thing",))
    assert open_dataset(tmp_path, Reading(classes=chosen)).remarks == ()


@pytest.mark.parametrize("wanted", [(), ("car",)])
def test_no_category_is_the_car(tmp_path: Path, wanted: tuple[str, ...]) -> None:
    write_coco(tmp_path)
    change(tmp_path, lambda c: c.update(categories=[CATEGORIES[0], {"id": 3, "name": "bus"}]))
    with pytest.raises(DataError, match=r"--class NAME.*person, bus"):
        open_dataset(tmp_path, Reading(classes=wanted))


def test_a_listed_photo_without_annotation_shows_no_car(tmp_path: Path) -> None:
    write_coco(tmp_path)
    change(tmp_path, lambda content: content["annotations"].pop(2))
    (tmp_path / "images" / "unlisted.jpg").write_bytes(encode_jpeg(np.zeros((48, 64, 3), np.uint8)))
    dataset = open_dataset(tmp_path)
    assert not masks_of(dataset)["car1_01"].any()
    assert len(dataset.samples) == 6
    assert dataset.without_mask == ("unlisted",)


def test_a_box_alone_is_no_mask(tmp_path: Path) -> None:
    write_coco(tmp_path)
    annotate(tmp_path, [])
    dataset = open_dataset(tmp_path)
    assert dataset.without_mask == ("car0_01",)
    assert len(dataset.samples) == 5


def test_a_listed_photo_that_is_not_there(tmp_path: Path) -> None:
    write_coco(tmp_path)
    (tmp_path / "images" / "car2_01.jpg").unlink()
    dataset = open_dataset(tmp_path)
    assert dataset.without_photo == ("car2_01",)
    assert len(dataset.samples) == 5


def test_the_standard_folders_of_coco(tmp_path: Path) -> None:
    for part in ("train2017", "val2017"):
        write_coco(tmp_path, photos=part, annotations=f"annotations/instances_{part}.json")
    (tmp_path / "annotations" / "captions_val2017.json").write_text(
        json.dumps({"images": [{"id": 1, "file_name": "car0_01.jpg"}], "annotations": []})
    )
    boxes = coco_content(3, 2, SIZE)
    for annotation in boxes["annotations"]:
        del annotation["segmentation"]
    (tmp_path / "annotations" / "boxes_val2017.json").write_text(json.dumps(boxes))
    dataset = open_dataset(tmp_path)
    names = [f"{part}/{name}" for part in ("train2017", "val2017") for name in MASKS]
    assert [sample.name for sample in dataset.samples] == names
    assert [s.image_path.parent.name for s in dataset.samples] == ["train2017"] * 6 + [
        "val2017"
    ] * 6
    assert dataset.cars == ("car0", "car1", "car2")
    assert dataset.samples[7].mask_path.name == "instances_val2017.json"


@pytest.mark.parametrize(
    "photos, annotations",
    [
        ("", "instances.json"),
        ("images", "all.json"),
        ("train", "train/_annotations.coco.json"),
        ("some/where", "annotations/a.json"),
        ("images/train", "annotations/train.json"),
    ],
)
def test_places_of_photos_and_annotations(tmp_path: Path, photos: str, annotations: str) -> None:
    write_coco(tmp_path, photos=photos, annotations=annotations)
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "coco"
    assert [sample.name for sample in dataset.samples] == list(MASKS)


@pytest.mark.parametrize("prefix", ["images/", "./", "/elsewhere/photos/", "C:\\photos\\"])
def test_file_names_with_folders_before_them(tmp_path: Path, prefix: str) -> None:
    write_coco(tmp_path)
    change(
        tmp_path,
        lambda content: [
            image.update(file_name=prefix + image["file_name"]) for image in content["images"]
        ],
    )
    assert [sample.name for sample in open_dataset(tmp_path).samples] == list(MASKS)


def test_a_file_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    write_coco(tmp_path / "data")
    (tmp_path / "secret.jpg").write_bytes(encode_jpeg(np.zeros((48, 64, 3), np.uint8)))
    change(
        tmp_path / "data", lambda content: content["images"][0].update(file_name="../secret.jpg")
    )
    dataset = open_dataset(tmp_path / "data")
    assert dataset.without_photo == ("../secret",)
    assert dataset.without_mask == ("car0_01",)


def test_a_missing_photo_is_not_replaced_by_a_namesake(tmp_path: Path) -> None:
    for part in ("train", "val"):
        write_coco(tmp_path, photos=part, annotations=f"annotations/{part}.json")
    (tmp_path / "train" / "car0_01.jpg").unlink()
    dataset = open_dataset(tmp_path)
    assert dataset.without_photo == ("car0_01",)
    assert len(dataset.samples) == 11


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"images": [{"id": 1, "file_na', "cut short or no JSON"),
        ('{"images": [], "annotations": []} x', "cut short or no JSON"),
        ('["images", "annotations"]', "not of COCO's form"),
        ('{"images": [{"id": 1}], "categories": [], "annotations": []}', "file_name"),
        ('{"images": [{"id": 1, "file_name": 7}], "annotations": [], "categories": []}', "no text"),
        (
            '{"images": [], "annotations": [{"id": 1, "segmentation": []}], "categories": []}',
            "image",
        ),
        (
            '{"images": [], "annotations": [], "categories": [{"name": "car"}]}',
            "not of COCO's form",
        ),
        ('{"images": [], "annotations": [], "categories": []}', "no class that could be"),
        ('{"images": [], "annotations": [], "categories": [{"id":1,"name":"car"}]}', "0 masks"),
    ],
)
def test_damaged_annotations(tmp_path: Path, text: str, message: str) -> None:
    write_coco(tmp_path)
    (tmp_path / "annotations" / "instances.json").write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    "segmentation, message",
    [
        ([[1, 1, 5, 1, 5]], "pairs of numbers"),
        ([["a", "b", "c", "d", "e", "f"]], "pairs of numbers"),
        ([[[1, 2, 3], [3, 4, 5], [5, 6, 7]]], "pairs of numbers"),
        ([[1, 1, 1e12, 1, 5, 5]], "far outside"),
        ([[1, 1, float("nan"), 1, 5, 5]], "far outside"),
        ("text", "neither a list"),
        ({"size": [48, 64], "counts": [1, 2]}, "cover 3 px"),
        ({"size": [48, 64], "counts": [4000, -928]}, "no run lengths"),
        ({"size": [48, 64], "counts": "zzzz"}, "px of|no run lengths|damaged|cut off"),
        ({"size": [48, 64], "counts": "ü"}, "px of|no run lengths|damaged|cut off"),
        ({"size": [48, 64]}, "no run lengths"),
        ({"size": [64, 48], "counts": [3072]}, r"size \[64, 48\]"),
    ],
)
def test_damaged_outlines(tmp_path: Path, segmentation: object, message: str) -> None:
    write_coco(tmp_path)
    annotate(tmp_path, segmentation)
    with pytest.raises(MaskError, match=message) as caught:
        open_dataset(tmp_path).samples[0].read()
    assert "instances.json, car0_01.jpg" in str(caught.value)


def test_polygons_without_area_or_outside_draw_nothing(tmp_path: Path) -> None:
    write_coco(tmp_path)
    annotate(tmp_path, [[3, 3, 9, 9], [100, 100, 120, 100, 120, 120]])
    assert not open_dataset(tmp_path).samples[0].read()[1].any()


@pytest.mark.parametrize(
    "segmentation",
    [
        [2, 2, 10, 2, 10, 10, 2, 10],
        [[2, 2], [10, 2], [10, 10], [2, 10]],
        [[[2, 2], [10, 2], [10, 10], [2, 10]]],
    ],
)
def test_polygons_as_other_programs_nest_them(tmp_path: Path, segmentation: object) -> None:
    write_coco(tmp_path)
    annotate(tmp_path, segmentation)
    assert open_dataset(tmp_path).samples[0].read()[1].sum() == 64


def test_annotations_of_another_size_than_the_photo(tmp_path: Path) -> None:
    write_coco(tmp_path)
    change(tmp_path, lambda content: content["images"][0].update(width=128, height=96))
    with pytest.raises(MaskError, match="128 x 96 px, its photo 64 x 48"):
        open_dataset(tmp_path).samples[0].read()
    change(tmp_path, lambda content: [content["images"][0].pop(key) for key in ("width", "height")])
    assert np.array_equal(open_dataset(tmp_path).samples[0].read()[1], MASKS["car0_01"])


def test_the_selector_changes_with_the_mask_alone(tmp_path: Path) -> None:
    write_coco(tmp_path)
    before = [sample.mask.selector for sample in open_dataset(tmp_path).samples]
    annotate(tmp_path, [[1, 1, 20, 1, 20, 20]])
    after = [sample.mask.selector for sample in open_dataset(tmp_path).samples]
    assert before[0] != after[0]
    assert before[1:] == after[1:]
