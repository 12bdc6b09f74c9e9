"""Names of photos and masks: Unicode forms, upper and lower case, suffixes, copies, thumbnails."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import DataError
from core.image import encode_jpeg, encode_png
from tests.training.layout_folders import draw_pairs, write_coco
from training.augment.composite import Backgrounds
from training.data.folder import Dataset, Reading, open_dataset
from training.data.sides import load_split
from training.data.splits import split_at_random
from training.health.check import check_dataset
from training.health.index import FactsIndex

Form = Callable[[str], str]
PAIRS = draw_pairs(2, 2, (48, 64))


def nfd(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def write(root: Path, photos: dict[str, int], masks: dict[str, int]) -> Dataset:
    """Writes and opens paired folders: names, each with the pair that it holds."""
    for folder, names, part, encode in (
        ("images", photos, 1, encode_jpeg),
        ("masks", masks, 2, encode_png),
    ):
        for name, pair in names.items():
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(PAIRS[pair][part]))
    return open_dataset(root, allow_empty=True)


def pairs_of(dataset: Dataset) -> dict[str, int]:
    """Returns the samples' names, each with the pair whose mask it has."""
    masks: list[NDArray[np.bool_]] = [pair[2] for pair in PAIRS[:2]]
    found = {}
    for sample in dataset.samples:
        [found[sample.name]] = [
            place for place, mask in enumerate(masks) if np.array_equal(sample.read()[1], mask)
        ]
    return found


@pytest.mark.parametrize("photo, mask", [(nfd, str), (str, nfd)])
def test_names_are_compared_in_nfc(tmp_path: Path, photo: Form, mask: Form) -> None:
    dataset = write(
        tmp_path,
        {photo("Rö/Käfer_01.jpg"): 0, "ok.jpg": 1},
        {mask("Rö/Käfer_01.png"): 0, "ok.png": 1},
    )
    assert pairs_of(dataset) == {"Rö/Käfer_01": 0, "ok": 1}
    assert dataset.problems() == []


def test_of_two_unicode_forms_the_photo_in_nfc_stands(tmp_path: Path) -> None:
    dataset = write(tmp_path, {nfd("ä.jpg"): 1, "ä.jpg": 0}, {"ä.png": 0})
    assert dataset.samples[0].image_path.name == "ä.jpg"
    assert dataset.doubled == (nfd("images/ä.jpg"),)


def test_cars_and_splits_are_found_in_either_unicode_form(tmp_path: Path) -> None:
    names = ("ä_01", "ö_01")
    dataset = write(
        tmp_path / "data", {nfd(f"{n}.jpg"): 0 for n in names}, {f"{n}.png": 0 for n in names}
    )
    table = tmp_path / "cars.csv"
    table.write_text(nfd("image,car\nä_01.jpg,Käfer\nö_01.jpg,Käfer\n"), encoding="utf-8")
    assert open_dataset(tmp_path / "data", Reading(cars=table)).cars == ("Käfer",)

    split = split_at_random([dataset], 0.5, 0)
    family = {dataset.family: tuple(map(nfd, names))}
    old = type(split)({}, {}, by="random", train_images=family, val_images={dataset.family: ()})
    old.save(tmp_path / "split.json")
    assert len(load_split(tmp_path / "split.json").select([dataset], "train")) == 2


@pytest.mark.parametrize(
    "photo, mask",
    [
        ("IMG_01.JPG", "img_01.png"),
        ("a.jpg", "a.jpg.png"),
        ("B.JPG", "b.jpg.png"),
        ("c.jpg", "C_MASK.PNG"),
        ("Red/d.jpg", "red/d_mask.png"),
    ],
)
def test_the_only_fitting_names_are_matched_and_remarked(
    tmp_path: Path, photo: str, mask: str
) -> None:
    dataset = write(tmp_path, {photo: 1, "other.jpg": 0}, {mask: 1, "other.png": 0})
    name = photo[:-4]
    assert pairs_of(dataset) == {name: 1, "other": 0}
    [remark] = dataset.remarks
    assert (remark.kind, remark.names, remark.details) == (
        "loose_names",
        (name,),
        (f"masks/{mask}",),
    )
    [finding] = check_dataset(dataset, FactsIndex(tmp_path / "facts.sqlite")).findings
    assert (finding.kind, finding.severity, finding.names) == ("loose_names", "note", (name,))


def test_equal_names_come_first_and_ambiguous_ones_stay_apart(tmp_path: Path) -> None:
    dataset = write(
        tmp_path,
        {"A.jpg": 0, "a.jpg": 1, "Bc.jpg": 0, "Ef.jpg": 0, "eF.jpg": 0},
        {"A.png": 0, "a.png": 1, "BC.png": 0, "bC.png": 1, "EF.png": 0},
    )
    assert pairs_of(dataset) == {"A": 0, "a": 1}
    assert dataset.without_mask == ("Bc", "Ef", "eF")
    assert dataset.without_photo == ("BC", "EF", "bC")
    assert dataset.remarks == ()


def test_names_that_say_copy_are_copies_only_with_equal_bytes(tmp_path: Path) -> None:
    dataset = write(
        tmp_path,
        {"car.jpg": 0, "car (1).jpg": 1, "car (2).jpg": 0, "van.jpg": 0, "van - Copy.jpg": 1},
        {"car.png": 0, "car (1).png": 0, "car (2).png": 0, "van.png": 0, "van - Copy.png": 1},
    )
    assert pairs_of(dataset) == {"car": 0, "car (1)": 0, "van": 0, "van - Copy": 1}
    assert dataset.doubled == ("images/car (2).jpg", "masks/car (2).png")
    assert (dataset.without_mask, dataset.without_photo) == ((), ())


def test_a_mask_that_only_says_copy_is_named(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"car.jpg": 0}, {"car.png": 0, "car (1).png": 1})
    assert dataset.doubled == ()
    assert dataset.without_photo == ("car (1)",)


HIDDEN = ("@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg", ".thumbnails/x.jpg", "__MACOSX/x.jpg", "._x.jpg")
HIDDEN += (".@__thumb/x.jpg", "#recycle/x.jpg", "@eaDir/x.jpg", "$RECYCLE.BIN/x.jpg")


@pytest.mark.parametrize("hidden", HIDDEN)
def test_thumbnails_and_other_hidden_files_are_no_photos(tmp_path: Path, hidden: str) -> None:
    dataset = write(
        tmp_path,
        {"x.jpg": 0, "red/y.jpg": 1, hidden: 0, f"red/{hidden}": 0},
        {"x.png": 0, "red/y.png": 1, hidden: 0},
    )
    assert pairs_of(dataset) == {"red/y": 1, "x": 0}
    assert dataset.problems() == []
    backgrounds = Backgrounds(tmp_path / "images")
    assert sorted(map(backgrounds.name, range(len(backgrounds)))) == ["red/y.jpg", "x.jpg"]


def test_thumbnails_of_masks_alone_make_no_folder_of_masks(tmp_path: Path) -> None:
    write(tmp_path, {"x.jpg": 0}, {})
    thumbnail = tmp_path / "labels" / "@eaDir" / "x.png" / "SYNOPHOTO_THUMB_M.jpg"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(encode_png(PAIRS[0][2]))
    with pytest.raises(DataError, match="0 masks"):
        open_dataset(tmp_path)


def test_thumbnails_in_a_coco_folder(tmp_path: Path) -> None:
    write_coco(tmp_path)
    thumbnail = tmp_path / "images" / "@eaDir" / "car0_01.jpg" / "SYNOPHOTO_THUMB_M.jpg"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(encode_jpeg(PAIRS[0][1]))
    dataset = open_dataset(tmp_path)
    assert len(dataset.samples) == 6
    assert dataset.problems() == []


def test_a_folder_with_a_photos_name_is_none_but_is_looked_into(tmp_path: Path) -> None:
    dataset = write(
        tmp_path, {"a.jpg/x.jpg": 0, "b.jpg": 1}, {"a.jpg/x.png": 0, "b.png": 1, "c.png/d.png": 0}
    )
    (tmp_path / "images" / "link.jpg").symlink_to(tmp_path, target_is_directory=True)
    assert pairs_of(open_dataset(tmp_path)) == {"a.jpg/x": 0, "b": 1}
    assert dataset.without_photo == ("c.png/d",)


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"K\xe4fer_01")
    try:
        dataset = write(tmp_path, {f"{name}.jpg": 0}, {f"{name}.png": 0})
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    (tmp_path / "images" / f"{name}.png").write_bytes(b"")
    dataset = open_dataset(tmp_path)
    assert pairs_of(dataset) == {"K\ufffdfer_01": 0}
    assert dataset.doubled == ("images/K\ufffdfer_01.png",)
    assert dataset.fingerprint()
    index = FactsIndex(tmp_path / "facts.sqlite")
    index.update(dataset.samples, workers=0)
    assert check_dataset(dataset, index).text().encode()
    assert index.known(dataset.samples)[0] is not None
