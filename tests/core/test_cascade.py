"""A fallback predicts where the first network is uncertain, and only there."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.cascade import Cascade, move_threshold
from core.checkpoint import CheckpointInfo
from core.errors import ConfigError, ImageError
from core.familiarity import FIGURES, Familiarity, surroundings, thumbnail
from core.image_model import Prediction
from core.model import UNet
from core.predict import Mirrored
from core.preprocess import Preprocessing
from core.torch_predictor import TorchPredictor
from core.uncertainty import FALLBACK_LIMIT, Limits

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def mirrored(model: UNet, info: CheckpointInfo, name: str, threshold: float = 0.5) -> Mirrored:
    made = TorchPredictor(model, Preprocessing(size=64), "cpu")
    made.info = replace(info, title=name, threshold=threshold)
    return Mirrored(made)


def test_only_where_the_first_is_uncertain(
    tiny_model: UNet, tiny_info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mirrored(tiny_model, tiny_info, "first", 0.3)
    wider = mirrored(tiny_model, tiny_info, "wider", 0.6)
    loaded: list[str] = []

    def load() -> Mirrored:
        loaded.append("wider")
        return wider

    both = Cascade(first, load)
    monkeypatch.setattr("core.predict.disagreement", lambda *_: FALLBACK_LIMIT)
    sure = both.predict(IMAGE)
    assert not loaded and (sure.by, sure.first_uncertainty) == ("first", None)
    assert np.array_equal(sure.probability, first.predict(IMAGE).probability)

    monkeypatch.setattr("core.predict.disagreement", lambda *_: FALLBACK_LIMIT + 0.01)
    for _ in range(2):
        other = both.predict(IMAGE)
        assert loaded == ["wider"], "it is loaded once, when it is needed"
        assert (other.by, other.first_uncertainty) == ("wider", FALLBACK_LIMIT + 0.01)
        mask = other.probability >= 0.3
        assert np.array_equal(mask, wider.predict(IMAGE).probability >= 0.6) and 0 < mask.mean() < 1


def test_a_photo_unlike_the_training_photos_goes_to_the_fallback_at_once(
    tiny_model: UNet, tiny_info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = tuple(map(tuple, np.eye(FIGURES).tolist()))
    familiar = Familiarity(tuple(surroundings(thumbnail(IMAGE)).tolist()), identity, 0.01)
    asked: list[str] = []

    class Counted(Mirrored):
        def predict(self, image: NDArray[np.uint8]) -> Prediction:
            asked.append(self.name)
            return super().predict(image)

    def counted(name: str, threshold: float) -> Counted:
        predictor = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu")
        predictor.info = replace(tiny_info, title=name, threshold=threshold)
        return Counted(predictor)

    monkeypatch.setattr("core.predict.disagreement", lambda *_: FALLBACK_LIMIT)
    wider = counted("wider", 0.6)
    both = Cascade(counted("first", 0.3), lambda: wider, familiar)
    known = both.predict(IMAGE)
    assert (asked, known.by, known.by_fallback) == (["first"], "first", False)
    asked.clear()
    other = both.predict(255 - IMAGE // 8)
    assert (asked, other.by, other.by_fallback) == (["wider"], "wider", True)
    assert other.first_uncertainty is None and other.uncertainty == FALLBACK_LIMIT
    mask = wider.predict(255 - IMAGE // 8).probability >= 0.6
    assert np.array_equal(other.probability >= both.threshold, mask) and 0 < mask.mean() < 1
    with pytest.raises(ImageError):
        both.predict(IMAGE.astype(np.float32))  # type: ignore[arg-type]


def test_the_limits_of_the_checkpoint_that_predicts_count(
    tiny_model: UNet, tiny_info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu")
    plain = Mirrored(predictor).predict(IMAGE)
    predictor.info = replace(tiny_info, threshold=0.4, limits=Limits(check=0.1, no_car=0.3))
    model = Mirrored(predictor)
    for uncertainty, found in ((0.3, True), (0.31, False)):
        monkeypatch.setattr("core.predict.disagreement", lambda *_, value=uncertainty: value)
        prediction = model.predict(IMAGE)
        assert prediction.limit == 0.1 and (prediction.probability >= 0.4).any() == found
        assert np.array_equal(prediction.probability, plain.probability) == found
        order = np.argsort(plain.probability, axis=None, kind="stable")
        assert (np.diff(prediction.probability.ravel()[order]) >= 0).all(), "a lower threshold"
        cascade = Cascade(Mirrored(predictor, Limits()), lambda: model)
        assert cascade.predict(IMAGE).limit == 0.1
        assert (cascade.predict(IMAGE).probability >= cascade.threshold).any() == found


def test_a_first_model_without_uncertainty_is_refused(
    tiny_model: UNet, tiny_info: CheckpointInfo
) -> None:
    single = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu")
    with pytest.raises(ConfigError):
        Cascade(single, lambda: mirrored(tiny_model, tiny_info, "wider")).predict(IMAGE)


@pytest.mark.parametrize(("old", "new"), [(0.5, 0.3), (0.2, 0.9), (0.5, 0.5), (1.0, 0.5), (0.5, 0)])
def test_a_threshold_that_moves_keeps_the_order(old: float, new: float) -> None:
    before = np.linspace(0, 1, 101, dtype=np.float32)
    after = move_threshold(before, old, new)
    assert after.dtype == np.float32 and after[0] == 0 and after[-1] == 1
    assert (np.diff(after) > 0).all()
    if 0 < old < 1 and 0 < new < 1:
        assert move_threshold(np.float32([old]), old, new)[0] == pytest.approx(new, abs=1e-6)
    else:
        assert np.array_equal(after, before)
