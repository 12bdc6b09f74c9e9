"""Verdicts: their kinds, their sentences, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, DataError
from core.metric_table import find_metric
from tests.training.comparison.judged import image_rows_of, rows_of
from training.comparison.aligned import Compared, align, align_rows
from training.comparison.ranking import rank
from training.comparison.verdict import Verdict, compare, holm, verdicts
from training.evaluation.images import EvaluationSettings
from training.evaluation.measure import Histograms
from training.evaluation.stored import EvaluationFacts, StoredEvaluation

DICE, HD95 = find_metric("dice"), find_metric("hd95")
RANDOM = np.random.default_rng(11)
CARS = RANDOM.normal(0.99, 0.003, 38)
NOISE = RANDOM.normal(0, 0.0028, 38)


def verdict_of(gain: float, spread: float = 1.0, **options: object) -> Verdict:
    """Returns the verdict of B, which is better by about `gain`, on 38 cars."""
    noise = spread * (NOISE - NOISE.mean())
    return compare(rows_of(CARS), rows_of(CARS + gain + noise), DICE, **options)


def test_better_and_worse() -> None:
    better = verdict_of(0.0021)
    assert better.kind == "better" and better.cars_needed is None
    assert better.sentence == "B is better by 0.0021 Dice (0.0012 to 0.0029), 38 cars"
    worse = verdict_of(-0.0021, names=("first", "second"))
    assert worse.kind == "worse" and worse.interval.high < 0
    assert worse.sentence == "second is worse by 0.0021 Dice (0.0013 to 0.0030), 38 cars"
    turned = better.reversed
    assert turned.kind == "worse" and turned.names == ("B", "A")
    assert turned.sentence == "A is worse by 0.0021 Dice (0.0012 to 0.0029), 38 cars"
    assert turned.reversed == better


def test_a_tie_is_an_interval_inside_the_margin() -> None:
    tie = verdict_of(0.0001, spread=0.3)
    assert tie.kind == "tie" and tie.sentence == "a tie: less than 0.0005 either way"
    assert max(abs(tie.interval.low), abs(tie.interval.high)) < DICE.margin
    # also where the interval leaves out 0: so small a difference is none
    small = verdict_of(0.0002, spread=0.1)
    assert small.kind == "tie" and small.interval.low > 0


def test_not_enough_data_says_how_many_cars_would_tell() -> None:
    found = verdict_of(0.0004)
    assert found.kind == "not_enough" and found.interval.low < 0 < found.interval.high
    assert found.cars_needed is not None and found.cars_needed > 38
    assert found.sentence == f"not enough data: about {found.cars_needed} cars needed to tell"
    wider = verdict_of(0.0004, spread=2)
    assert wider.cars_needed is not None and wider.cars_needed > found.cars_needed


def test_lower_is_better_in_pixels() -> None:
    a = rows_of(4 + CARS)
    b = rows_of(4 + CARS - 0.31 + 200 * (NOISE - NOISE.mean()))
    found = compare(a, b, HD95)
    assert found.kind == "better" and found.interval.estimate == pytest.approx(0.31)
    assert found.sentence == "B is better by 0.31 px HD95 (0.15 to 0.48), 38 cars"
    tie = compare(a, rows_of(4 + CARS + 10 * NOISE), HD95)
    assert tie.sentence == "a tie: less than 0.25 px either way"


def test_identical_is_no_tie() -> None:
    same = compare(rows_of(np.repeat(CARS, 16), 16), rows_of(np.repeat(CARS, 16), 16), DICE)
    assert same.kind == "identical"
    assert same.sentence == "identical: the same figures on all 608 photos"
    # Dice alike to the last bit, but another mask: that is a tie
    other = rows_of(CARS, hd95=(4 + CARS).tolist())
    assert compare(rows_of(CARS), other, DICE).kind == "tie"


def test_one_car_or_one_photo_gives_no_interval() -> None:
    one_car = compare(rows_of([0.9] * 16, 16), rows_of([0.8] * 16, 16), DICE)
    assert one_car.kind == "not_enough" and not one_car.interval.known
    assert one_car.sentence == "not enough data: one car alone shows no spread"
    one = compare(rows_of([0.9]), rows_of([0.8]), DICE)
    assert one.sentence == "not enough data: one photo alone shows no spread"
    assert one.cars_needed is None and one.interval.estimate == pytest.approx(-0.1)


def test_photos_that_cannot_be_read_are_counted_and_named() -> None:
    a, b = rows_of(CARS, failed=[3]), rows_of(CARS + 0.002, failed=[3, 7])
    found = compare(a, b, DICE)
    assert found.left_out == ("cars/c003_01", "cars/c007_01")
    assert found.interval.images == 36
    assert found.sentence.endswith(
        "36 cars; without 2 photos that can't be read (cars/c003_01, cars/c007_01)"
    )
    many = compare(a, rows_of(CARS, failed=range(1, 9)), DICE)
    assert many.sentence.endswith(
        "without 8 photos that can't be read (cars/c001_01, cars/c002_01, cars/c003_01, ...)"
    )
    with pytest.raises(DataError, match="None of the 38 photos could be read"):
        compare(a, rows_of(CARS, failed=range(38)), DICE)


def test_a_missed_car_stays_in_the_mean() -> None:
    missed = CARS.copy()
    missed[5] = 0
    found = compare(rows_of(CARS), rows_of(missed), DICE)
    assert found.interval.estimate == pytest.approx(-CARS[5] / 38) and found.interval.images == 38


def test_rows_in_another_order_are_the_same_rows() -> None:
    a, b = rows_of(CARS), rows_of(CARS + NOISE)
    assert compare(a, b.iloc[::-1], DICE) == compare(a, b, DICE)


def test_other_photos_are_refused() -> None:
    with pytest.raises(DataError, match=r"A and B can't be compared: 2 photos .* cars/c038_01"):
        compare(rows_of(CARS), rows_of([*CARS, 0.9, 0.9]), DICE)


def test_one_car_name_in_two_sources_is_two_cars() -> None:
    a, b = rows_of([0.9, 0.8]), rows_of([0.9, 0.8], source="other")
    both = align_rows(["A"], [pd.concat([a, b])])
    assert len(set(both.cars)) == 4


def stored(title: str, values: np.ndarray, **facts: object) -> StoredEvaluation:
    usual = EvaluationFacts(
        key=title,
        title=title,
        fingerprints=(title,),
        flips=False,
        settings=EvaluationSettings(0.5),
        data="cars",
        data_fingerprint="d",
        part="val",
        split_fingerprint="s",
    )
    nothing = Histograms(np.zeros((0, 2, 2, 101), np.int64), np.zeros((0, 2, 20)))
    return StoredEvaluation(replace(usual, **facts), image_rows_of(values), nothing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"data": "samples", "data_fingerprint": "e"}, "evaluated on cars, the other on samples"),
        ({"data_fingerprint": "e"}, "the photos or cars of cars were others"),
        ({"part": "all", "split_fingerprint": ""}, "the part 'val', the other on 'all'"),
        ({"split_fingerprint": "t"}, r"different splits chose the part 'val' \(s and t\)"),
    ],
)
def test_other_data_part_or_split_is_refused(facts: dict[str, object], why: str) -> None:
    with pytest.raises(DataError, match=f"one and two can't be compared: .*{why}.* same photos"):
        align([stored("one", CARS), stored("two", CARS, **facts)])


def test_the_same_network_with_the_same_settings_is_identical() -> None:
    a = stored("one", CARS)
    again = stored("one", CARS + 1e-9, created="later")  # another machine rounds differently
    compared = align([a, again, stored("two", CARS + 0.002)])
    assert compared.names == ("one", "one (2)", "two")
    assert compared.originals == (0, 0, 2)
    first, *others = verdicts(compared, DICE, [(0, 1), (0, 2), (1, 2)])
    assert first.kind == "identical" and {each.looks for each in others} == {2}
    assert compared.place_of("two") == 2
    with pytest.raises(ConfigError, match="'three' is not among what is compared"):
        compared.place_of("three")


def test_holms_steps_by_hand() -> None:
    # smallest times 4, next times 3, ...; never smaller than the one before, never above 1
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert holm(np.array([0.5, 0.6, 0.01])).tolist() == pytest.approx([1, 1, 0.03])
    assert holm(np.array([])).tolist() == []


def ranked(*gains: float, spread: float = 1.0) -> Compared:
    random = np.random.default_rng(3)
    tables = []
    for gain in gains:
        noise = random.normal(0, spread * 0.003, 38)
        tables.append(rows_of(CARS + gain + noise - noise.mean()))
    return align_rows([f"r{place}" for place in range(len(gains))], tables)


def test_a_ranking_shows_ties_as_ties() -> None:
    found = rank(ranked(0, 0.02, 0.0195, -0.03), DICE)
    assert [place.name for place in found.places] == ["r1", "r2", "r0", "r3"]
    assert [(place.rank, place.last) for place in found.places] == [(1, 2), (1, 2), (3, 3), (4, 4)]
    assert found.groups == (("r1", "r2"), ("r0",), ("r3",))
    assert len(found.verdicts) == 6 and {each.looks for each in found.verdicts} == {6}
    assert found.verdict("r1", against="r0").kind == "better"
    assert found.verdict("r0", against="r1").kind == "worse"
    assert found.verdict("r2", against="r1").kind == found.verdict("r1", against="r2").kind


def test_ties_may_overlap() -> None:
    """r0 and r1 can't be told apart, nor r1 and r2; r0 and r2 can."""
    found = rank(ranked(0.0023, 0.0012, 0), DICE)
    assert found.groups == (("r0", "r1"), ("r1", "r2"))
    assert [(place.rank, place.last) for place in found.places] == [(1, 2), (1, 3), (2, 3)]


def test_low_figures_come_first_where_they_are_better() -> None:
    found = rank(ranked(0.5, 0, -0.5), HD95)
    assert [place.name for place in found.places] == ["r2", "r1", "r0"]
    assert found.verdict("r2", against="r0").kind == "better"


def test_one_alone_is_the_first() -> None:
    found = rank(ranked(0), DICE)
    assert [(each.rank, each.last) for each in found.places] == [(1, 1)]
    assert found.groups == (("r0",),) and found.verdicts == ()


def test_many_pairs_ask_for_more_than_one_does() -> None:
    """A difference that two checkpoints alone would show is not called one among 45 pairs."""
    compared = ranked(0.002, *[0.0] * 9)
    alone = verdicts(compared, DICE, [(1, 0)])[0]
    assert alone.kind == "better"
    among = rank(compared, DICE).verdict("r0", against="r1")
    assert among.kind == "not_enough"
    assert among.interval.low == pytest.approx(alone.interval.low)
    assert among.sentence.startswith("not enough data for 45 pairs at once: about ")
    assert among.cars_needed is not None and among.cars_needed > 38


@pytest.mark.slow
def test_fifty_checkpoints_with_twins() -> None:
    tables = [rows_of(CARS + place * 0.01) for place in range(25) for _ in range(2)]
    found = rank(align_rows([f"r{place}" for place in range(50)], tables), DICE)
    assert len(found.verdicts) == 1225
    assert sum(each.kind == "identical" for each in found.verdicts) == 25
    assert [place.rank for place in found.places] == [1 + 2 * (at // 2) for at in range(50)]
    assert len(found.groups) == 25
