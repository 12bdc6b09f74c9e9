"""How often intervals hold the true mean, method by method, and how often verdicts are wrong.

Each scenario of tests/training/comparison/simulated.py, and the differences of the two shipped
checkpoints on the 40 cars of their validation part, are drawn thousands of times with 20, 38 and 50
cars. The methods, all from the same draws of cars:

    percentile   2.5th to 97.5th percentile of the drawn means
    corrected    the same, further out by what a small sample lacks (Hesterberg 2014, 4.4)
    BCa          corrected for bias and acceleration (Efron 1987)
    Student      no bootstrap: two standard errors to both sides, a little more with few cars
    studentised  bootstrap of the distance in standard errors
    ours         studentised, but on no side nearer than Student (training/comparison/interval.py)

    python benchmarks/intervals.py
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.metric_table import Metric, find_metric  # noqa: E402
from tests.training.comparison.judged import rows_of  # noqa: E402
from tests.training.comparison.simulated import HARD, SCENARIOS, VIEWS, Scenario  # noqa: E402
from training.comparison.aligned import align  # noqa: E402
from training.comparison.interval import (  # noqa: E402
    CarMeans,
    CarSums,
    Floats,
    car_means,
    studentised,
    times_drawn,
)
from training.comparison.slices import cut  # noqa: E402
from training.comparison.table import stored_together  # noqa: E402
from training.comparison.verdict import holm  # noqa: E402
from training.evaluation.images import EvaluationSettings  # noqa: E402
from training.evaluation.subjects import subject_of  # noqa: E402

COLUMNS = 250
TAIL = 0.025
METHODS = ("percentile", "corrected", "BCa", "Student", "studentised", "ours")
Ends = tuple[Floats, Floats]


def intervals(cars: CarSums, seed: int) -> dict[str, Ends]:
    """Returns the lower and upper ends by each method."""
    found = car_means(cars, seed=seed)
    count = found.groups
    times = times_drawn(count, seed).astype(np.float64)
    drawn = np.sort(times @ cars.sums / (times @ cars.counts)[:, None], axis=0)
    student = float(stats.t.ppf(1 - TAIL, count - 1))
    corrected = float(stats.norm.cdf(-student * np.sqrt(count / (count - 1))))
    return {
        "percentile": (quantile(drawn, TAIL), quantile(drawn, 1 - TAIL)),
        "corrected": (quantile(drawn, corrected), quantile(drawn, 1 - corrected)),
        "BCa": bca(cars, drawn, found.estimate),
        "Student": (
            found.estimate - student * found.error,
            found.estimate + student * found.error,
        ),
        "studentised": bare(cars, found, seed),
        "ours": (found.low, found.high),
    }


def shipped(metric: Metric) -> Scenario:
    """Returns the real differences of two shipped checkpoints: 40 cars, drawn with replacement."""
    runs = [subject_of(ROOT / "runs" / name) for name in ("carmask-512", "carmask-studio")]
    compared = align(stored_together(runs, EvaluationSettings()))
    cars = compared.sums(metric)
    gains = cars.sums[:, 1] - cars.sums[:, 0]

    def draw(random: np.random.Generator, count: int, columns: int) -> CarSums:
        chosen = random.integers(0, len(gains), (count, columns))
        return CarSums(gains[chosen], np.full(count, cars.counts[0]))

    return Scenario(f"real ones, {metric.title}", gains.sum() / cars.counts.sum(), draw)


def quantile(drawn: Floats, share: Floats | float) -> Floats:
    """Returns a quantile of each column of sorted draws, another one for each if need be."""
    place = np.broadcast_to(np.clip(np.asarray(share), 0, 1), drawn.shape[1]) * (len(drawn) - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(drawn) - 1)
    column = np.arange(drawn.shape[1])
    return drawn[low, column] + (place - low) * (drawn[high, column] - drawn[low, column])


def bca(cars: CarSums, drawn: Floats, estimate: Floats) -> Ends:
    """Returns the ends of the BCa interval; the acceleration is from each car's influence."""
    apart = cars.sums - estimate * cars.counts[:, None]
    cubes, spread = (apart**3).sum(axis=0), (apart**2).sum(axis=0) ** 1.5
    acceleration = np.divide(cubes, 6 * spread, out=np.zeros_like(cubes), where=spread > 0)
    least = 1 / len(drawn)
    bias = stats.norm.ppf(np.clip((drawn < estimate).mean(axis=0), least, 1 - least))
    shares = []
    for normal in stats.norm.ppf([TAIL, 1 - TAIL]):
        away = bias + normal
        shares.append(stats.norm.cdf(bias + away / (1 - acceleration * away)))
    return quantile(drawn, shares[0]), quantile(drawn, shares[1])


def bare(cars: CarSums, found: CarMeans, seed: int) -> Ends:
    """Returns the ends of the studentised interval, without Student's as the least."""
    weight = cars.counts / cars.counts.mean()
    apart = cars.sums / cars.counts.mean() - found.estimate * weight[:, None]
    scaled = np.divide(apart, found.error, out=np.zeros_like(apart), where=found.error > 0)
    low, high = np.quantile(studentised(scaled, weight, seed), [TAIL, 1 - TAIL], axis=1)
    return found.estimate - high * found.error, found.estimate - low * found.error


def coverage(scenario: Scenario, cars: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Returns by method how often the true mean is held, and the median width against ours."""
    random = np.random.default_rng(cars)
    held: dict[str, list[Floats]] = {method: [] for method in METHODS}
    widths: dict[str, list[Floats]] = {method: [] for method in METHODS}
    for seed in range(max(1, repeats // COLUMNS)):
        ends = intervals(scenario.draw(random, cars, COLUMNS), seed)
        for method, (low, high) in ends.items():
            held[method].append((low <= scenario.mean) & (scenario.mean <= high))
            widths[method].append(high - low)
    ours = np.concatenate(widths["ours"])
    return {
        method: (
            float(np.mean(held[method])),
            float(np.median(np.concatenate(widths[method]) / np.where(ours > 0, ours, 1))),
        )
        for method in METHODS
    }


def wrong_calls(repeats: int, cars: int = 38) -> dict[str, float]:
    """Returns how often a difference is called where there is none."""
    random = np.random.default_rng(0)
    seen: dict[str, list[bool]] = {}
    for seed in range(max(1, repeats // COLUMNS)):
        skewed = random.lognormal(0, 0.7, (cars, COLUMNS))
        cases = {
            "one pair, alike": skewed - random.lognormal(0, 0.7, skewed.shape),
            "one pair, one of them with a few bad cars": skewed
            - np.exp(0.7**2 / 2)
            + random.normal(0, 1, skewed.shape),
        }
        for name, gains in cases.items():
            chances = car_means(CarSums(gains, np.ones(cars)), seed=seed).p_values()
            seen.setdefault(name, []).extend(chances < 0.05)
        for checkpoints in (3, 10):
            chances = among(random, cars, checkpoints, seed)
            any_wrong = [holm(each).min() < 0.05 for each in chances]
            seen.setdefault(f"any pair of {checkpoints} checkpoints", []).extend(any_wrong)
    for _ in range(repeats // 10):
        hard = random.exponential(0.01, (cars, 1)) * random.lognormal(0, 0.5, (cars, VIEWS))
        found = cut(rows_of(1 - hard.ravel(), VIEWS), find_metric("dice"), "view")
        seen.setdefault(f"the worst of {VIEWS} views", []).append(found.worst.worse_by.low > 0)
    return {name: float(np.mean(wrong)) for name, wrong in seen.items()}


def among(random: np.random.Generator, cars: int, checkpoints: int, seed: int) -> Floats:
    """Returns p values (comparisons, pairs) of checkpoints that are equally good."""
    comparisons = COLUMNS // 10
    a, b = np.array(list(combinations(range(checkpoints), 2))).T
    scores = random.lognormal(0, 0.8, (cars, comparisons, checkpoints))
    gains = (scores[..., b] - scores[..., a]).reshape(cars, -1)
    return car_means(CarSums(gains, np.ones(cars)), seed=seed).p_values().reshape(comparisons, -1)


def main() -> None:
    """Prints the tables of docs/statistics.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=4000)
    parser.add_argument("--cars", type=int, nargs="+", default=[20, 38, 50])
    options = parser.parse_args()
    head = " | ".join(METHODS)
    print(f"Share of intervals that hold the true mean, %, {options.repeats:,} repetitions.\n")
    print(f"| differences | cars | {head} |\n|---|---|{'---|' * len(METHODS)}")
    widths = []
    real = [shipped(find_metric(name)) for name in ("dice", "boundary_iou_3px", "hd95")]
    for scenario in (*real, *SCENARIOS, *HARD):
        for cars in options.cars:
            found = coverage(scenario, cars, options.repeats)
            cells = " | ".join(f"{100 * found[method][0]:.1f}" for method in METHODS)
            print(f"| {scenario.name} | {cars} | {cells} |", flush=True)
            widths.append([found[method][1] for method in METHODS])
    least, most = np.min(widths, axis=0), np.max(widths, axis=0)
    cells = " | ".join(f"{low:.2f} to {high:.2f}" for low, high in zip(least, most, strict=True))
    print(f"| median width against ours | | {cells} |\n")
    print("Share of comparisons in which a difference is called where there is none, %, 38 cars.\n")
    print("| comparison | wrong |\n|---|---|")
    for name, share in wrong_calls(options.repeats).items():
        print(f"| {name} | {100 * share:.1f} |")


if __name__ == "__main__":
    main()
