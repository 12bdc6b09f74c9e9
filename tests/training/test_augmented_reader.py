"""What an augmented set says of one photo."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.image import read_image
from training.augment.recipe import RECIPES
from training.augment.written.settings import AugmentJob, read_versions
from training.augment.written.writer import write_augmented
from training.data.folder import open_dataset


@pytest.fixture
def written(tiny_data: Path, tmp_path: Path) -> Path:
    out = tmp_path / "set"
    job = AugmentJob(tiny_data, out, 2, RECIPES["heavy"], size=32, originals=True, workers=1)
    write_augmented(job)
    return out


def test_a_photos_versions_in_order_with_what_was_done(written: Path) -> None:
    found = read_versions(written, "car1_02")
    assert [each.version for each in found] == [0, 1, 2]
    assert found[0].applied == ()
    for each in found:
        image, mask = each.read()
        assert image.shape == (32, 32, 3)
        assert mask.shape == (32, 32)
        assert mask.any()
        assert each.image_path.parent == written / "images"


def test_they_are_the_samples_of_the_set_of_this_origin(written: Path) -> None:
    samples = [each for each in open_dataset(written).samples if each.origin == "car3_01"]
    found = read_versions(written, "car3_01")
    assert [each.image_path for each in found] == [each.image_path for each in samples]
    for sample, version in zip(samples, found, strict=True):
        assert (read_image(sample.image_path) == version.read()[0]).all()


def test_another_photo_whose_name_begins_alike_is_not_taken(written: Path) -> None:
    assert read_versions(written, "car1") == []
    assert read_versions(written, "car1_0") == []


def test_a_torn_last_line_is_left_out(written: Path) -> None:
    manifest = written / "manifest.jsonl"
    data = manifest.read_bytes()
    last = data.splitlines()[-1]
    assert b'"car4_03"' in last
    manifest.write_bytes(data[: -len(last) // 2])
    assert [each.version for each in read_versions(written, "car4_03")] == [0, 1]


def test_where_there_is_no_set_there_are_no_versions(tmp_path: Path) -> None:
    assert read_versions(tmp_path, "car1_01") == []
