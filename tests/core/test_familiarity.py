"""What surrounds a car tells photos that a network knows from others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.checkpoint import CheckpointInfo, read_info, save_facts, save_threshold
from core.errors import CheckpointError
from core.familiarity import FIGURES, SIDE, Familiarity, surroundings, thumbnail
from core.uncertainty import Limits

EVEN = np.full((SIDE, SIDE, 3), 51, np.uint8)
PLAIN = Familiarity((0.0,) * FIGURES, tuple(map(tuple, np.eye(FIGURES).tolist())), 3.0)
BEST = Path("checkpoints/best.safetensors")


def test_an_even_grey_by_hand() -> None:
    brightness, spread, colour, contrast = surroundings(EVEN).reshape(-1, 4).T
    assert brightness == pytest.approx([0.2] * 4) and spread == pytest.approx([0] * 4)
    assert colour == pytest.approx([0] * 4) and contrast == pytest.approx([np.log(1e-3)] * 4)


def test_the_middle_plays_no_part_and_each_margin_does() -> None:
    whole = surroundings(EVEN)
    middle = EVEN.copy()
    middle[16:48, 16:48] = 255
    assert np.array_equal(surroundings(middle), whole)
    for number, part in enumerate((np.s_[:4], np.s_[-4:], np.s_[20:40, :4], np.s_[20:40, -4:])):
        changed = EVEN.copy()
        changed[part] = (255, 0, 0)
        differs = (surroundings(changed) != whole).reshape(-1, 4)
        assert differs[number].all() and differs.any(axis=1).sum() == 1


def test_distance_and_limit_for_photos_of_any_shape() -> None:
    photo = np.full((30, 200, 3), 51, np.uint8)
    assert thumbnail(photo).shape == (SIDE, SIDE, 3)
    expected = float(np.linalg.norm(surroundings(EVEN)))
    assert PLAIN.distance(photo) == pytest.approx(expected)
    assert replace(PLAIN, limit=expected + 0.01).covers(photo)
    assert not replace(PLAIN, limit=expected - 0.01).covers(photo)


def test_facts_are_written_into_a_checkpoint_and_nothing_else_changes(
    tiny_run: Path, tiny_info: CheckpointInfo
) -> None:
    path = tiny_run / BEST
    before = path.read_bytes()
    limits = Limits(check=0.03, no_car=0.4)
    changed = save_facts(path, familiar=PLAIN, limits=limits)
    assert changed == read_info(path) == replace(tiny_info, familiar=PLAIN, limits=limits)
    assert save_threshold(path, 0.3) == replace(changed, threshold=0.3)
    save_facts(path, **{name: getattr(tiny_info, name) for name in ("familiar", "limits")})
    save_threshold(path, tiny_info.threshold)
    tensors = 8 + int.from_bytes(before[:8], "little")
    assert path.read_bytes()[-len(before[tensors:]) :] == before[tensors:]
    assert read_info(path) == tiny_info


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": Limits(check=2.0)},
        {"familiar": replace(PLAIN, mean=(0.0,))},
        {"familiar": replace(PLAIN, precision=PLAIN.precision[:3])},
        {"familiar": replace(PLAIN, limit=float("nan"))},
        {"familiar": replace(PLAIN, limit=0.0)},
    ],
)
def test_what_could_not_be_read_again_is_not_written(tiny_run: Path, wrong: dict[str, Any]) -> None:
    before = (tiny_run / BEST).read_bytes()
    with pytest.raises(CheckpointError):
        save_facts(tiny_run / BEST, **wrong)
    assert (tiny_run / BEST).read_bytes() == before
