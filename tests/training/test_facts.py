from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.image import encode_jpeg, encode_png
from core.mask_classes import MaskClasses
from training.data.folder import Sample
from training.data.mask_source import ClassMask, CocoMask, MaskFile, MaskSource
from training.health.facts import measure, measure_with_picture


def sample(root: Path, mask: MaskSource | None = None) -> Sample:
    return Sample("set", "a_01", "a", root / "a.png", mask or MaskFile(root / "a_mask.png"))


def write(root: Path, image: np.ndarray, mask: np.ndarray) -> Sample:
    (root / "a.png").write_bytes(encode_png(image))
    (root / "a_mask.png").write_bytes(encode_png(mask))
    return sample(root)


def test_a_drawn_pair_has_its_facts(tmp_path: Path) -> None:
    image = np.full((40, 60, 3), 100, np.uint8)
    image[:, 30:] = 200
    mask = np.zeros((40, 60), bool)
    mask[:10, 5:25] = True  # 200 pixels at the top
    mask[20:30, 50:] = True  # 100 pixels at the right
    mask[35, 2] = True  # a speck
    facts = measure(write(tmp_path, image, mask))
    assert (facts.width, facts.height) == (facts.mask_width, facts.mask_height) == (60, 40)
    assert facts.orientation == 1
    assert facts.share == pytest.approx(301 / 2400)
    assert facts.parts == 2
    assert facts.largest_part == pytest.approx(200 / 301)
    assert facts.touches == "tr"
    assert facts.mask_values == 2
    assert facts.brightness == pytest.approx(150)
    assert len(facts.digest) == 32
    assert facts.error == ""


def test_a_part_has_four_pixels_and_a_ten_thousandth_of_the_mask(tmp_path: Path) -> None:
    for height, width, parts in ((40, 60, 2), (400, 200, 1)):  # of 80,000 px it needs eight
        mask = np.zeros((height, width), bool)
        mask[2:4, 2:4] = mask[10, 10:13] = True
        mask[20:22, 20:24] = True
        assert measure(write(tmp_path, np.zeros((height, width, 3), np.uint8), mask)).parts == parts


def test_corners_join_parts(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), bool)
    mask[5:10, 5:10] = mask[10:15, 10:15] = True
    assert measure(write(tmp_path, np.zeros((40, 60, 3), np.uint8), mask)).parts == 1


def test_sharpness_is_the_variance_of_the_laplacian(tmp_path: Path) -> None:
    flat = np.full((40, 60, 3), 90, np.uint8)
    dot = flat.copy()
    dot[20, 30] = 100  # the Laplacian is -40 there and 10 at its four neighbours
    mask = np.ones((40, 60), bool)
    assert measure(write(tmp_path, flat, mask)).sharpness == 0
    assert measure(write(tmp_path, dot, mask)).sharpness == pytest.approx((1600 + 400) / 2400)


def test_an_empty_mask(tmp_path: Path) -> None:
    empty = np.zeros((40, 60), bool)
    facts = measure(write(tmp_path, np.zeros((40, 60, 3), np.uint8), empty))
    assert (facts.share, facts.parts, facts.touches, facts.mask_values) == (0, 0, "", 1)
    assert np.isnan(facts.largest_part)


def test_pixels_make_the_digest_and_not_the_file(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    first = measure(write(tmp_path, image, np.ones((40, 60), bool)))
    Image.fromarray(image).save(tmp_path / "a.png", compress_level=0)
    assert measure(sample(tmp_path)).digest == first.digest
    image[0, 0, 0] ^= 1
    Image.fromarray(image).save(tmp_path / "a.png")
    assert measure(sample(tmp_path)).digest != first.digest


def test_a_turned_photo_is_measured_upright(tmp_path: Path) -> None:
    pair = write(tmp_path, np.zeros((40, 60, 3), np.uint8), np.ones((40, 60), bool))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 60)).save(tmp_path / "a.png", exif=exif)
    facts = measure(pair)
    assert (facts.orientation, facts.width, facts.height) == (6, 60, 40)


def test_soft_and_jpeg_masks_have_many_values(tmp_path: Path) -> None:
    pair = write(tmp_path, np.zeros((40, 60, 3), np.uint8), np.ones((40, 60), bool))
    soft = np.tile(np.clip((np.arange(60) - 20) * 13, 0, 255).astype(np.uint8), (40, 1))
    Image.fromarray(soft).save(tmp_path / "a_mask.png")
    assert measure(pair).mask_values == 21
    (tmp_path / "a_mask.png").write_bytes(encode_jpeg(np.repeat(soft[..., None], 3, axis=2)))
    assert measure(pair).mask_values > 2


def test_a_cut_out_counts_the_values_of_its_alpha(tmp_path: Path) -> None:
    pair = write(tmp_path, np.zeros((40, 60, 3), np.uint8), np.ones((40, 60), bool))
    cut_out = np.random.default_rng(0).integers(0, 255, (40, 60, 4), dtype=np.uint8)
    cut_out[..., 3] = 255 * (np.arange(60) < 20)
    (tmp_path / "a_mask.png").write_bytes(encode_png(cut_out))
    facts = measure(pair)
    assert facts.mask_values == 2
    assert facts.share == pytest.approx(1 / 3)


def test_what_can_not_be_read_is_a_fact(tmp_path: Path) -> None:
    pair = write(tmp_path, np.zeros((40, 60, 3), np.uint8), np.ones((40, 60), bool))
    (tmp_path / "a.png").write_bytes(b"")
    facts, picture = measure_with_picture(pair)
    assert (facts.width, facts.digest, picture) == (0, "", b"")
    assert facts.share == 1
    assert facts.error.startswith("photo: a.png: the file is empty")
    (tmp_path / "a_mask.png").unlink()
    facts = measure(pair)
    assert (facts.mask_width, facts.mask_values) == (0, 0)
    assert np.isnan(facts.share)
    assert "mask: a_mask.png" in facts.error


def test_a_mask_of_another_size_has_its_own(tmp_path: Path) -> None:
    facts = measure(write(tmp_path, np.zeros((40, 60, 3), np.uint8), np.ones((20, 30), bool)))
    assert (facts.mask_width, facts.mask_height, facts.error) == (30, 20, "")


def test_masks_in_shared_files_count_as_clean(tmp_path: Path) -> None:
    write(tmp_path, np.zeros((40, 60, 3), np.uint8), np.ones((40, 60), bool))
    numbers = np.zeros((40, 60), np.uint8)
    numbers[:20], numbers[20:30] = 7, 255
    Image.fromarray(numbers).save(tmp_path / "a_mask.png")
    facts = measure(sample(tmp_path, ClassMask(tmp_path / "a_mask.png", MaskClasses((7,)))))
    assert (facts.share, facts.mask_values) == (0.5, 2)
    square = "[[[0, 0, 30, 0, 30, 40, 0, 40]]]"
    facts = measure(sample(tmp_path, CocoMask(tmp_path / "all.json", "a.png", 40, 60, square)))
    assert (facts.mask_values, facts.mask_width) == (2, 60)
    assert facts.share == pytest.approx(0.5, abs=0.02)
