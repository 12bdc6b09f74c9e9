"""Whether to rely on a mask."""

import numpy as np
import pytest

from core.model import UNet
from core.predict import Ensemble, Mirrored
from core.preprocess import Preprocessing
from core.torch_predictor import TorchPredictor
from core.uncertainty import UNCERTAINTY_LIMIT, advice, disagreement


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
    assert advice(UNCERTAINTY_LIMIT, 0.3) == ""
    assert "No car was found" in advice(1.0, 0.0)
    assert "14.0%" in advice(0.14, 0.3)


def test_mirrored_is_the_mean_of_both_passes_and_their_disagreement(tiny_model: UNet) -> None:
    predictor = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu")
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    prediction = Mirrored(predictor).predict(image)
    one, other = predictor(image), predictor(np.ascontiguousarray(image[:, ::-1]))[:, ::-1]
    assert np.array_equal(prediction.probability, (one + other) / 2)
    assert prediction.uncertainty == disagreement(one, other)
    assert 0 < prediction.uncertainty < 1
    single, mean = Mirrored(predictor).predict_both(image)
    assert single.uncertainty is None and np.array_equal(single.probability, one)
    assert np.array_equal(mean.probability, prediction.probability)
    both = Ensemble([Mirrored(predictor), Mirrored(predictor)]).predict(image)
    assert np.array_equal(both.probability, prediction.probability)
    assert both.uncertainty == prediction.uncertainty
    assert Ensemble([predictor, Mirrored(predictor)]).predict(image).uncertainty is None
    same = np.concatenate([image, image[:, ::-1]], 1)
    turned = Mirrored(predictor).predict(same[:, ::-1].copy())
    assert Mirrored(predictor).predict(same).uncertainty == pytest.approx(turned.uncertainty)
