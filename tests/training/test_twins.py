from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.image import encode_jpeg, encode_png
from training.data.folder import open_dataset
from training.health.index import FactsIndex
from training.health.leaks import find_twin


def photo(seed: int, side: int = 160) -> np.ndarray:
    """Soft shapes, as photos have them."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(small, (side * 3 // 2, side), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("images", "masks"):
        (tmp_path / "data" / part).mkdir(parents=True)
    for seed in range(6):
        name = f"car{seed}_01.png"
        (tmp_path / "data" / "images" / name).write_bytes(encode_png(photo(seed)))
        mask = np.zeros((160, 240), bool)
        mask[40:120, 60:180] = True
        (tmp_path / "data" / "masks" / name).write_bytes(encode_png(mask))
    return tmp_path / "data"


@pytest.mark.parametrize("how", ["equal", "saved again", "smaller"])
def test_a_copy_is_found_whatever_its_name(folder: Path, tmp_path: Path, how: str) -> None:
    copy = photo(3)
    if how == "saved again":
        copy = cv2.imdecode(np.frombuffer(encode_jpeg(copy), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    elif how == "smaller":
        copy = cv2.resize(copy, (120, 80), interpolation=cv2.INTER_AREA)
    index = FactsIndex(tmp_path / "index.sqlite")
    twin = find_twin(np.ascontiguousarray(copy), open_dataset(folder).samples, index)
    assert twin is not None and twin.car == "car3"
    index.close()


def test_another_photo_has_none(folder: Path, tmp_path: Path) -> None:
    index = FactsIndex(tmp_path / "index.sqlite")
    assert find_twin(photo(99), open_dataset(folder).samples, index) is None
    assert find_twin(photo(3), [], index) is None
    index.close()
