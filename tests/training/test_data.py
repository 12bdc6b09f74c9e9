"""Data folders: both layouts, and what is wrong with them, by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DataError, ImageError, MaskError
from core.image import encode_png
from tests.training.pairs import write_pair
from training.data import car_of, open_dataset, open_datasets


def test_paired_folders(tiny_data: Path) -> None:
    dataset = open_dataset(tiny_data)
    assert (dataset.layout, dataset.name) == ("paired", "tiny")
    assert len(dataset.samples) == 15
    assert dataset.cars == ("car0", "car1", "car2", "car3", "car4")
    assert dataset.problems() == []
    image, mask = dataset.samples[0].read()
    assert image.shape == (48, 64, 3)
    assert mask.shape == (48, 64) and 0.1 < mask.mean() < 0.5


def test_carvana_layout(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train_masks").mkdir()
    truth = np.zeros((20, 30), np.uint8)
    truth[5:15, 8:22] = 1
    palette = Image.fromarray(truth)
    palette.putpalette([0, 0, 0, 255, 255, 255])
    for car in ("0a1b", "ffee"):
        for view in ("01", "16"):
            Image.new("RGB", (30, 20), "grey").save(tmp_path / "train" / f"{car}_{view}.jpg")
            palette.save(tmp_path / "train_masks" / f"{car}_{view}_mask.gif")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "carvana"
    assert dataset.cars == ("0a1b", "ffee")
    assert np.array_equal(dataset.samples[3].read()[1], truth.astype(bool))


def test_one_missing_mask_is_named_and_the_others_stay(tiny_data: Path) -> None:
    (tiny_data / "masks" / "car1_02.png").unlink()
    (tiny_data / "images" / "car2_01.jpg").unlink()
    dataset = open_dataset(tiny_data)
    assert len(dataset.samples) == 13
    assert dataset.without_mask == ("car1_02",)
    assert dataset.without_photo == ("car2_01",)
    assert [("car1_02" in p) or ("car2_01" in p) for p in dataset.problems()] == [True, True]


def test_a_black_mask_is_a_photo_without_a_car(tiny_data: Path) -> None:
    (tiny_data / "masks" / "car0_01.png").write_bytes(encode_png(np.zeros((48, 64), bool)))
    assert open_dataset(tiny_data).samples[0].read()[1].sum() == 0


@pytest.mark.parametrize("kind", ["missing", "empty", "no masks folder", "no mask", "one a file"])
def test_unusable_folders_say_what_is_needed(tiny_data: Path, tmp_path: Path, kind: str) -> None:
    root = tiny_data
    if kind == "missing":
        root = tmp_path / "nowhere"
    elif kind == "empty":
        root = tmp_path / "empty"
        root.mkdir()
    elif kind == "one a file":
        root = tiny_data / "images" / "car0_01.jpg"
    else:
        for mask in (tiny_data / "masks").iterdir():
            mask.unlink()
        if kind == "no masks folder":
            (tiny_data / "masks").rmdir()
    with pytest.raises(DataError, match=r"masks|no data folder"):
        open_dataset(root)


def test_a_mask_of_another_size_is_named(tiny_data: Path) -> None:
    (tiny_data / "masks" / "car0_01.png").write_bytes(encode_png(np.ones((48, 63), bool)))
    with pytest.raises(MaskError, match="63"):
        open_dataset(tiny_data).samples[0].read()


def test_an_unreadable_photo_is_named(tiny_data: Path) -> None:
    (tiny_data / "images" / "car0_01.jpg").write_bytes(b"text")
    with pytest.raises(ImageError, match=r"car0_01\.jpg"):
        open_dataset(tiny_data).samples[0].read()


def test_the_fingerprint_changes_with_names_and_sizes(tiny_data: Path) -> None:
    before = open_dataset(tiny_data).fingerprint()
    assert open_dataset(tiny_data).fingerprint() == before
    write_pair(tiny_data, "car4_03", seed=999)
    changed = open_dataset(tiny_data).fingerprint()
    (tiny_data / "images" / "car4_03.jpg").rename(tiny_data / "images" / "car4_04.jpg")
    (tiny_data / "masks" / "car4_03.png").rename(tiny_data / "masks" / "car4_04.png")
    assert len({before, changed, open_dataset(tiny_data).fingerprint()}) == 3


def test_two_folders_of_one_name_are_refused(tiny_data: Path, tmp_path: Path) -> None:
    write_pair(tmp_path / "other" / "tiny", "car9_01", 1)
    with pytest.raises(DataError, match="'tiny'"):
        open_datasets([tiny_data, tmp_path / "other" / "tiny"])
    with pytest.raises(DataError, match="No data folder"):
        open_datasets([])


def test_the_car_is_the_part_before_the_underscore() -> None:
    assert car_of("00087a6bd4dc_01") == "00087a6bd4dc"
    assert car_of("sub/folder_x/synth0003_16") == "synth0003"
    assert car_of("single") == "single"
