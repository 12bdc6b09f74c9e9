"""A second network is asked where the first one doubts, and only there."""

from dataclasses import replace

import numpy as np
import pytest

from core.checkpoint import CheckpointInfo
from core.doubt import ASK_LIMIT
from core.model import UNet
from core.predict import Predictor
from core.preprocess import Preprocessing
from core.second import SecondOpinion, move_threshold

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def predictor(model: UNet, info: CheckpointInfo, name: str, threshold: float = 0.5) -> Predictor:
    made = Predictor(model, Preprocessing(size=64), "cpu")
    made.info = replace(info, title=name, threshold=threshold)
    return made


def test_only_where_the_first_doubts(
    tiny_model: UNet, tiny_info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = predictor(tiny_model, tiny_info, "first", 0.3)
    wider = predictor(tiny_model, tiny_info, "wider", 0.6)
    loaded: list[str] = []

    def load() -> Predictor:
        loaded.append("wider")
        return wider

    both = SecondOpinion(first, load)
    monkeypatch.setattr("core.predict.disagreement", lambda *_: ASK_LIMIT)
    sure = both.answer(IMAGE)
    assert not loaded and (sure.by, sure.first_doubt) == ("first", None)
    assert np.array_equal(sure.probability, first.answer(IMAGE).probability)

    monkeypatch.setattr("core.predict.disagreement", lambda *_: ASK_LIMIT + 0.01)
    for _ in range(2):
        other = both.answer(IMAGE)
        assert loaded == ["wider"], "it is loaded once, when it is needed"
        assert (other.by, other.first_doubt) == ("wider", ASK_LIMIT + 0.01)
        mask = other.probability >= 0.3
        assert np.array_equal(mask, wider.answer(IMAGE).probability >= 0.6) and 0 < mask.mean() < 1


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
