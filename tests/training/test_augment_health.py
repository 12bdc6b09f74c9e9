"""What a recipe does to masks, told in sentences."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.image import encode_png, read_mask
from training.augment.health import recipe_health
from training.augment.recipe import Recipe, Step
from training.data.folder import Sample, open_dataset


@pytest.fixture
def samples(tiny_data: Path) -> tuple[Sample, ...]:
    return open_dataset(tiny_data).samples


def affine(**arguments: tuple[float, float]) -> Recipe:
    still = {"scale_x": (1, 1), "translate_x": (0, 0), "translate_y": (0, 0), "rotate": (0, 0)}
    pairs = tuple((still | arguments | {"border": "black"}).items())
    return Recipe("moved", "", (Step("Affine", 1.0, pairs),))


def test_nothing_done_changes_nothing(samples: tuple[Sample, ...]) -> None:
    health = recipe_health("none", samples, seed=0, count=6)
    assert health.count == 6 and health.shares == pytest.approx((1, 1, 1), abs=0.02)
    assert not (health.emptied or health.cut_off or health.resized or health.warnings)
    assert "None of 6 samples lost the whole car." in health.sentences


def test_lost_cars_are_counted_and_named(samples: tuple[Sample, ...]) -> None:
    gone = Step("Affine", 1.0, (("translate_x", (0.5, 0.5)), ("border", "black")))
    twice = Recipe("away", "", (gone, gone))
    health = recipe_health(twice, samples, seed=0, count=15)
    assert health.emptied == tuple(sample.name for sample in samples)
    assert health.shares == (0, 0, 0)
    assert health.warnings[0].startswith("15 of 15 samples lost the whole car: car0_01")


def test_cut_cars_and_other_sizes(samples: tuple[Sample, ...]) -> None:
    cut = recipe_health(affine(translate_x=(0.3, 0.3)), samples, seed=0, count=15)
    assert len(cut.cut_off) == 15 and not cut.emptied and cut.warnings
    small = recipe_health(affine(scale_x=(0.5, 0.5)), samples, seed=0, count=15)
    assert len(small.resized) == 15 and not small.cut_off
    assert small.shares == pytest.approx((0.25, 0.25, 0.25), abs=0.02)
    assert "0.25 to 0.25 times" in " ".join(small.sentences)


def test_more_tries_than_samples_go_on_in_later_epochs(samples: tuple[Sample, ...]) -> None:
    health = recipe_health("robust", samples[:2], seed=0, count=9, size=64)
    assert health.count == 9 and health.recipe == "robust"
    assert health.shares[0] < health.shares[2]
    assert health == recipe_health("robust", samples[:2], seed=0, count=9, size=64)


def test_photos_without_car_are_left_out(samples: tuple[Sample, ...]) -> None:
    path = samples[0].mask_path
    path.write_bytes(encode_png(read_mask(path) & False))
    health = recipe_health("none", samples[:2], seed=0, count=2)
    assert health.count == 1 and health.without_car == 1
    assert any("without a car" in text for text in health.sentences)
    alone = recipe_health("none", samples[:1], seed=0, count=1)
    assert alone.count == 0 and "nothing can be said" in alone.warnings[0]
    assert replace(health, without_car=0).sentences != health.sentences


def test_nothing_to_try_is_an_error() -> None:
    with pytest.raises(ConfigError, match="0 samples"):
        recipe_health("none", [], seed=0)
