"""Whether to rely on a mask."""

import numpy as np
import pytest

from core.doubt import DOUBT_LIMIT, advice, disagreement
from core.ensemble import Ensemble
from core.model import UNet
from core.predict import Predictor
from core.preprocess import Preprocessing


def grid(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (grid(1, 1, 0, 0), grid(1, 1, 0, 0), 0.0),
        (grid(1, 1, 0, 0), grid(0, 0, 1, 1), 1.0),
        (grid(1, 1, 1, 0), grid(0, 1, 1, 1), 1 / 3),
        (grid(1, 0.5, 0.5, 0), grid(1, 1, 0, 0), 0.25),
        (grid(0.1, 0.1, 0, 0), grid(0.1, 0.1, 0, 0), 1.0),  # neither finds a pixel of car
        (grid(0, 0, 0, 0), grid(1, 1, 1, 0), 1.0),
    ],
)
def test_disagreement_by_hand(one: np.ndarray, other: np.ndarray, expected: float) -> None:
    assert disagreement(one, other) == pytest.approx(expected, abs=1e-6)
    assert disagreement(other, one) == disagreement(one, other)


def test_advice_is_for_what_needs_it() -> None:
    assert advice(DOUBT_LIMIT, 0.3) == ""
    assert "No car was found" in advice(1.0, 0.0)
    assert "(doubt 14.0%, usual is less than 2%)" in advice(0.14, 0.3)


def test_an_answer_is_the_mean_with_the_mirror_image_and_its_doubt(tiny_model: UNet) -> None:
    predictor = Predictor(tiny_model, Preprocessing(size=64), "cpu")
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    answer = predictor.answer(image)
    both = Ensemble([predictor], flips=True)
    assert np.array_equal(answer.probability, both(image))
    one, other = predictor(image), predictor(np.ascontiguousarray(image[:, ::-1]))[:, ::-1]
    assert answer.doubt == pytest.approx(disagreement(one, other), abs=1e-6)
    assert 0 < answer.doubt < 1
    same = np.concatenate([image, image[:, ::-1]], 1)
    assert predictor.answer(same).doubt == pytest.approx(
        predictor.answer(same[:, ::-1].copy()).doubt
    )
