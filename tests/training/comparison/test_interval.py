"""Intervals against a plain loop, scipy and closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from core.metric_table import find_metric
from training.comparison.interval import (
    RESAMPLES,
    CarSums,
    Interval,
    car_means,
    interval_of,
    mean_interval,
    times_drawn,
)


def cars_of(counts: list[int]) -> list[str]:
    return [f"car{car}" for car, count in enumerate(counts) for _ in range(count)]


def test_cars_are_added_up_in_whatever_order_their_photos_come() -> None:
    sums = CarSums.of(np.array([[1.0, 10], [2, 20], [4, 40], [8, 80]]), ["a", "b", "a", "a"])
    assert sums.sums.tolist() == [[13, 130], [2, 20]] and sums.counts.tolist() == [3, 1]


def test_every_draw_has_as_many_cars_as_there_are() -> None:
    times = times_drawn(37, 3)
    assert times.shape == (RESAMPLES, 37) and set(times.sum(axis=1)) == {37}
    assert np.abs(times.mean(axis=0) - 1).max() < 0.07
    assert abs(times.var() - (1 - 1 / 37)) < 0.02  # multinomial
    assert not np.array_equal(times, times_drawn(37, 4))


def test_it_is_the_studentised_bootstrap_of_a_ratio() -> None:
    """The same draws, car by car in a loop, as the book has it."""
    random = np.random.default_rng(2)
    counts = random.integers(1, 9, 12)
    values = random.lognormal(0, 1, counts.sum())
    found = mean_interval(values, cars_of(counts.tolist()), seed=5)

    owners = np.repeat(np.arange(12), counts)

    def ratio(cars: np.ndarray) -> tuple[float, float]:
        sums = np.array([values[owners == car].sum() for car in cars])
        sizes = counts[cars]
        mean = sums.sum() / sizes.sum()
        apart = sums - mean * sizes
        return mean, np.sqrt(12 / 11 * (apart**2).sum()) / sizes.sum()

    mean, error = ratio(np.arange(12))
    distances = []
    for times in times_drawn(12, 5)[:RESAMPLES]:
        drawn, drawn_error = ratio(np.repeat(np.arange(12), times))
        distances.append((drawn - mean) / drawn_error)
    low, high = np.quantile(distances, [0.025, 0.975])
    least = stats.t.ppf(0.975, 11)
    assert found.estimate == pytest.approx(values.mean())
    assert found.low == pytest.approx(mean - max(high, least) * error, rel=1e-9)
    assert found.high == pytest.approx(mean + max(-low, least) * error, rel=1e-9)
    assert (found.groups, found.images) == (12, counts.sum())


def test_with_many_cars_it_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(2, 1, 400)
    ours = mean_interval(values, list(range(400)))
    theirs = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=20_000, rng=4)
    low, high = theirs.confidence_interval
    width = high - low
    assert abs(ours.low - low) < 0.06 * width and abs(ours.high - high) < 0.06 * width


def test_it_is_never_narrower_than_students() -> None:
    values = np.random.default_rng(9).normal(2, 1, (25, 200))
    found = car_means(CarSums(values, np.ones(25)))
    low, high = stats.t.interval(0.95, 24, values.mean(axis=0), stats.sem(values))
    assert np.all(found.low <= low + 1e-12) and np.all(found.high >= high - 1e-12)
    at_students = np.isclose(found.low, low)
    assert at_students.any() and not at_students.all()
    theirs = stats.ttest_1samp(values, 0).pvalue
    assert np.allclose(found.p_values()[at_students], theirs[at_students])


def test_sixteen_copies_of_a_photo_are_no_more_than_one() -> None:
    values = np.random.default_rng(3).normal(size=30)
    once = mean_interval(values, list(range(30)))
    copies = mean_interval(np.repeat(values, 16), np.repeat(np.arange(30), 16).tolist())
    assert (copies.low, copies.high) == pytest.approx((once.low, once.high))
    assert (copies.groups, copies.images) == (30, 480)
    naive = mean_interval(np.repeat(values, 16), list(range(480)))
    assert naive.width < once.width / 3


def test_pairs_are_compared_photo_by_photo() -> None:
    random = np.random.default_rng(4)
    hard = random.normal(0, 5, 40)  # some cars are hard, for both
    a, b = hard + random.normal(0, 0.1, 40), hard + 0.2 + random.normal(0, 0.1, 40)
    both = CarSums.of(np.stack([a, b], axis=1), list(range(40)))
    gain = both.sums[:, 1:] - both.sums[:, :1]
    found = interval_of(car_means(CarSums(gain, both.counts)))
    assert found.estimate == pytest.approx(np.mean(b - a))
    assert 0.1 < found.low < found.high < 0.3
    assert found == mean_interval(b - a, list(range(40)))
    other_way = interval_of(car_means(CarSums(-gain, both.counts)))
    assert (found.turned.low, found.turned.high) == pytest.approx((other_way.low, other_way.high))


def test_the_same_input_gives_the_same_interval_and_the_seed_hardly_moves_it() -> None:
    values = np.random.default_rng(6).exponential(size=38)
    first, again, other = (mean_interval(values, list(range(38)), seed=s) for s in (0, 0, 1))
    assert first == again != other
    assert abs(first.low - other.low) < 0.08 * first.width


def test_one_car_shows_no_spread() -> None:
    found = mean_interval([0.9, 0.8], ["a", "a"])
    assert found.estimate == pytest.approx(0.85) and not found.known
    assert found.text() == "0.8500"
    assert car_means(CarSums.of(np.array([0.9]), ["a"])).p_values().tolist() == [1]


def test_figures_that_are_all_alike_have_an_interval_without_width() -> None:
    found = mean_interval([0.1] * 7, list(range(7)))
    assert found.low == found.high == found.estimate
    means = car_means(CarSums(np.array([[0.0, 0.1]] * 7), np.ones(7)))
    assert means.p_values().tolist() == [1, 0]


def test_an_interval_ends_where_its_metric_does() -> None:
    few = mean_interval([0.95, 0.99], [1, 2])
    assert few.low < 0.8 and few.high > 1
    assert few.of(find_metric("dice")) == replace(few, high=1.0)
    wide = Interval(3.0, -2.0, 8.0, 2, 2)
    assert wide.of(find_metric("hd95")) == replace(wide, low=0.0)
    assert not mean_interval([0.9], ["a"]).of(find_metric("dice")).known


@pytest.mark.parametrize("values", [[], [np.nan, 1.0]])
def test_means_of_nothing_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one car, and finite"):
        mean_interval(values, list(range(len(values))))


@pytest.mark.parametrize(
    ("low", "mean", "high", "text"),
    [
        (0.00124, 0.00212, 0.00301, "0.0021 (0.0012 to 0.0030)"),
        (0.99211, 0.99287, 0.99363, "0.9929 (0.9921 to 0.9936)"),
        (0.1204, 0.3111, 0.5018, "0.31 (0.12 to 0.50)"),
        (4.1, 12.3, 20.5, "12 (4 to 20)"),
        (0.00004, 0.00091, 0.00178, "0.00091 (0.00004 to 0.00178)"),
        (-0.00004, 0.0, 0.00004, "0.000000 (-0.000040 to 0.000040)"),
    ],
)
def test_as_many_digits_as_the_width_bears_out(
    low: float, mean: float, high: float, text: str
) -> None:
    assert Interval(mean, low, high, 38, 608).text() == text
