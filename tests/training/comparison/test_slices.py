"""Where a checkpoint fails: what is in a slice, and when the worst one is more than chance."""

import numpy as np
import pytest

from core.errors import ConfigError
from core.metric_table import find_metric
from tests.training.comparison.judged import rows_of
from training.comparison.interval import mean_interval
from training.comparison.slices import WAYS, By, cut

DICE, HD95 = find_metric("dice"), find_metric("hd95")
CARS, VIEWS = 30, 4
RANDOM = np.random.default_rng(1)
SCORES = RANDOM.normal(0.99, 0.004, (CARS, 1)) + RANDOM.normal(0, 0.001, (CARS, VIEWS))


def test_a_bad_view_is_found() -> None:
    scores = SCORES.copy()
    scores[:, 2] -= 0.002
    found = cut(rows_of(scores.ravel(), VIEWS), DICE, "view")
    assert [each.key for each in found.slices] == ["01", "02", "03", "04"]
    assert {(each.images, each.cars) for each in found.slices} == {(CARS, CARS)}
    worst = found.worst
    assert worst.name == "view 03" and worst.interval.level == pytest.approx(1 - 0.05 / 4)
    assert worst.interval == mean_interval(scores[:, 2], range(CARS), 1 - 0.05 / 4)
    gap = np.delete(scores, 2, 1).mean() - scores[:, 2].mean()
    assert worst.worse_by.estimate == pytest.approx(gap) and worst.worse_by.low > 0
    # cars are paired, so the gap is known far better than the mean itself
    assert worst.worse_by.width < worst.interval.width / 2
    assert found.sentence == (
        f"worst is view 03: Dice {worst.interval.text()}, worse than the others by "
        f"{worst.worse_by.text()}; 4 looked at"
    )


def test_the_gap_of_one_photo_a_car_is_the_paired_mean() -> None:
    found = cut(rows_of(SCORES.ravel(), VIEWS), DICE, "view").slices[0]
    gaps = SCORES[:, 1:].mean(axis=1) - SCORES[:, 0]
    by_hand = mean_interval(gaps, range(CARS), 1 - 0.05 / 4)
    assert (found.worse_by.low, found.worse_by.high) == pytest.approx((by_hand.low, by_hand.high))


def test_a_worst_view_by_chance_is_called_chance() -> None:
    found = cut(rows_of(SCORES.ravel(), VIEWS), DICE, "view")
    assert found.worst.worse_by.low < 0
    assert found.sentence.endswith("; among 4 looked at, one as low as this is chance")


def test_far_edges_are_the_worst() -> None:
    values = np.tile([1.0, 1.1, 9.0, 1.2], CARS) + RANDOM.normal(0, 0.1, CARS * VIEWS)
    found = cut(rows_of(values, VIEWS), HD95, "view")
    assert found.worst.key == "03" and found.worst.worse_by.estimate > 7
    assert " px (" in found.sentence


@pytest.mark.parametrize("by", ["share", "brightness"])
def test_numbers_are_cut_into_slices_of_about_as_many_photos(by: By) -> None:
    values = RANDOM.permutation(np.linspace(0.05, 0.45, CARS * VIEWS))
    found = cut(rows_of(SCORES.ravel(), VIEWS, **{by: values.tolist()}), DICE, by)
    assert [each.images for each in found.slices] == [30] * 4
    assert sum(each.images for each in found.slices) == CARS * VIEWS
    first = {"share": "cars that take 5.0% to 14.7% of the photo", "brightness": None}[by]
    assert found.slices[0].name == (first or "brightness 0.05 to 0.15")


def test_equal_numbers_stay_together() -> None:
    shares = [0.1] * 100 + [0.3] * 20
    found = cut(rows_of(SCORES.ravel(), VIEWS, share=shares), DICE, "share")
    assert [each.images for each in found.slices] == [100, 20]
    alike = cut(rows_of(SCORES.ravel(), VIEWS, share=[0.2] * 120), DICE, "share")
    assert len(alike.slices) == 1 and not alike.worst.worse_by.known
    assert alike.sentence.endswith("is all there is")


def test_cars_at_the_border() -> None:
    touching = [place % 5 == 0 for place in range(CARS * VIEWS)]
    scores = SCORES.ravel() - 0.01 * np.array(touching)
    found = cut(rows_of(scores, VIEWS, touches_border=touching), DICE, "touches_border")
    assert [(each.name, each.images) for each in found.slices] == [
        ("cars inside the picture", 96),
        ("cars that touch its border", 24),
    ]
    assert found.worst.key == "True" and found.worst.worse_by.low > 0
    none = cut(rows_of(SCORES.ravel(), VIEWS), DICE, "touches_border")
    assert [each.key for each in none.slices] == ["False"]


def test_one_car_has_a_mean_and_no_interval() -> None:
    scores = SCORES.copy()
    scores[7] = 0.5
    found = cut(rows_of(scores.ravel(), VIEWS), DICE, "car")
    assert len(found.slices) == CARS and found.worst.key == "cars/c007"
    assert not found.worst.interval.known and not found.worst.worse_by.known
    assert found.sentence == "worst is car cars/c007: Dice 0.5000; 30 looked at"


def test_photos_without_a_view_are_a_slice() -> None:
    rows = rows_of(SCORES.ravel(), VIEWS)
    rows.loc[rows["view"] == "02", "view"] = ""
    names = [each.name for each in cut(rows, DICE, "view").slices]
    assert names == ["photos without a view", "view 01", "view 03", "view 04"]


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ConfigError, match="can't be cut by 'colour'; choose one of: view, share"):
        cut(rows_of(SCORES.ravel(), VIEWS), DICE, "colour")  # type: ignore[arg-type]
    assert all(cut(rows_of(SCORES.ravel(), VIEWS, share=[0.1] * 120), DICE, by) for by in WAYS[:2])
