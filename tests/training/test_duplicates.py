from io import BytesIO

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.training.faulty_folder import photo
from training.health.facts import perceptual_hash
from training.health.leaks import HASH_BITS, LEAST_CORRELATION, close_hashes, correlation


def saved_again(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def resized(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    size = (round(width * scale), round(height * scale))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def scaled(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    return np.clip(image * factor, 0, 255).astype(np.uint8)


COPIES = {
    "jpeg 90": lambda image: saved_again(image, 90),
    "jpeg 30": lambda image: saved_again(image, 30),
    "resized 0.9": lambda image: resized(image, 0.9),
    "resized 0.5": lambda image: resized(image, 0.5),
    "brighter": lambda image: scaled(image, 1.1),
    "darker": lambda image: scaled(image, 0.8),
    "all": lambda image: saved_again(resized(scaled(image, 1.08), 0.95), 70),
}


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = cv2.resize(grey(image), (48, 48), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8).reshape(1, -1)


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_alike(kind: str) -> None:
    for seed in range(5):
        image, copy = photo(seed), COPIES[kind](photo(seed))
        differing = perceptual_hash(grey(image)) ^ perceptual_hash(grey(copy))
        assert differing.bit_count() <= HASH_BITS
        assert correlation(small(image), small(copy))[0] >= LEAST_CORRELATION


def test_other_photos_are_not_alike() -> None:
    for seed in range(20):
        assert correlation(small(photo(seed)), small(photo(seed + 1)))[0] < 0.9


def test_a_hash_is_the_signs_of_the_coarse_waves() -> None:
    # One wave that fits 1.5 times to the right and once down: only its coefficient (2, 3) is large.
    x = np.cos(np.pi * (np.arange(32) + 0.5) * 3 / 32)
    y = np.cos(np.pi * (np.arange(32) + 0.5) * 2 / 32)
    luma = np.round(128 + 100 * np.outer(y, x)).astype(np.uint8)
    row, column = 2 - 1, 3 - 1  # the first row and column are left out
    bit = 63 - (8 * row + column)
    assert perceptual_hash(luma) >> bit & 1 == 1
    assert perceptual_hash(255 - luma) >> bit & 1 == 0


def test_close_hashes_are_those_of_all_against_all() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 300, dtype=np.uint64)
    for place in range(100, 300):  # each near one of the first hundred, by 0 to 12 bits
        turned = rng.choice(64, rng.integers(0, 13), replace=False)
        hashes[place] = hashes[place - 100 if place < 200 else place - 200]
        for bit in turned:
            hashes[place] ^= np.uint64(1) << np.uint64(bit)
    for bits in (0, 3, 7):
        expected = {
            (a, b)
            for a in range(300)
            for b in range(a + 1, 300)
            if (int(hashes[a]) ^ int(hashes[b])).bit_count() <= bits
        }
        assert {(int(a), int(b)) for a, b in close_hashes(hashes, bits)} == expected
        assert expected


def test_close_hashes_promise_no_more_than_the_bands_can() -> None:
    with pytest.raises(ValueError, match="bits is 8"):
        close_hashes(np.zeros(2, np.uint64), 8)


def test_many_equal_hashes_are_looked_through_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.health.leaks._CHUNK", 50)
    pairs = close_hashes(np.full(60, 7, np.uint64), 7)
    assert len(pairs) == 60 * 59 // 2


def test_correlation_is_that_of_numpy_away_from_black_and_white() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(6, 250, (3, 200), dtype=np.uint8)
    second = rng.integers(6, 250, (3, 200), dtype=np.uint8)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(correlation(first, second), expected, atol=1e-12)


def test_a_flat_picture_is_like_no_other() -> None:
    flat = np.full((1, 100), 90, np.uint8)
    assert correlation(flat, flat)[0] == 0
