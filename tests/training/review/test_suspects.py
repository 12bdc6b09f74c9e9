"""Lists of suspected labels: planted errors stand first, and a clean folder has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.masks import Mask
from core.truth import Truth
from tests.training.review.cars import (
    car,
    grown,
    moved,
    predicted,
    with_gap_filled,
    without_wheel,
)
from training.review.rows import ReviewRow
from training.review.run import extent_of
from training.review.scores import label_scores
from training.review.suspects import ListName, suspects

CARS, VIEWS = 6, 5


def row(number: int, view: int, label: Mask) -> ReviewRow:
    """The row of a view; views of a car differ as much as cars do."""
    seed = number * VIEWS + view
    scores = label_scores(Truth(label), predicted(car(seed), seed))
    return ReviewRow(
        "drawn",
        f"car{number}_{view:02}",
        f"car{number}",
        f"{view:02}",
        mask="0a",
        network="0b",
        label=extent_of(label),
        gross=scores.gross,
        edge=scores.edge,
    )


@pytest.fixture(scope="module")
def clean() -> list[ReviewRow]:
    return [
        row(number, view, car(number * VIEWS + view))
        for number in range(CARS)
        for view in range(VIEWS)
    ]


LISTS: tuple[ListName, ...] = ("parts", "edges", "siblings")


@pytest.mark.parametrize("name", LISTS)
def test_a_clean_folder_has_nobody_above_the_line(clean: list[ReviewRow], name: ListName) -> None:
    found = suspects(clean, name)
    assert len(found) == len(clean)
    assert not [each.row.name for each in found if each.is_suspected]


@pytest.mark.parametrize(
    "name, label",
    [
        ("parts", without_wheel(car(7))),
        ("parts", with_gap_filled(car(7))),
        ("parts", car(7)[:, ::-1]),
        ("edges", moved(car(7), 4, 0)),
        ("edges", grown(car(7), 3)),
        ("edges", grown(car(7), -2)),
        ("siblings", grown(car(7), 8)),
        ("siblings", moved(car(7), 30, 0)),
    ],
)
def test_each_kind_of_error_stands_first(
    clean: list[ReviewRow], name: ListName, label: Mask
) -> None:
    rows = [row(1, 2, label) if each.name == "car1_02" else each for each in clean]
    first, second, *_ = suspects(rows, name)
    assert first.row.name == "car1_02" and first.is_suspected and first.reason
    assert not second.is_suspected


def test_what_is_usual_for_all_is_no_error(clean: list[ReviewRow]) -> None:
    """Every label drawn 2 px too large: a way to label, or a network that is too careful."""
    rows = [
        row(number, view, grown(car(number * VIEWS + view), 2))
        for number in range(CARS)
        for view in range(VIEWS)
    ]
    assert not [each for each in suspects(rows, "edges") if each.is_suspected]


def test_an_antenna_that_one_view_lacks_is_no_error(clean: list[ReviewRow]) -> None:
    rows = [row(1, 2, car(7, antenna=True)) if each.name == "car1_02" else each for each in clean]
    for name in LISTS:
        assert not [each for each in suspects(rows, name) if each.is_suspected], name


def test_a_car_of_one_photo_has_no_siblings(clean: list[ReviewRow]) -> None:
    alone = [replace(each, car=each.name) for each in clean]
    assert suspects(alone, "siblings") == []


def test_photos_that_no_network_judged_have_siblings_alone(clean: list[ReviewRow]) -> None:
    rows = [replace(each, network="", gross=None, edge=None) for each in clean]
    assert [len(suspects(rows, name)) for name in LISTS] == [0, 0, len(rows)]


def uncertain(name: str, uncertainty: float, **facts: object) -> ReviewRow:
    row = ReviewRow("new", name, network="0b", uncertainty=uncertainty, limit=0.02)
    return replace(row, **facts)  # type: ignore[arg-type]


def test_the_views_of_one_car_are_one_question() -> None:
    rows = [
        *(
            uncertain(f"a_{view:02}", 0.3 - view / 100, car="a", view=f"{view:02}")
            for view in (1, 2)
        ),
        uncertain("b", 0.1),
        uncertain("c", 0.05),
        uncertain("d", 0.001),
    ]
    order = [each.row.name for each in suspects(rows, "uncertain")]
    assert order == ["a_01", "b", "c", "a_02", "d"]


def test_near_duplicates_are_one_question_and_like_names_are_not() -> None:
    rows = [
        uncertain("IMG_1", 0.3, car="IMG", hash=0b1111),
        uncertain("IMG_2", 0.2, car="IMG", hash=0b1110),
        uncertain("IMG_3", 0.1, car="IMG", hash=2**63 - 1),
    ]
    order = [each.row.name for each in suspects(rows, "uncertain")]
    assert order == ["IMG_1", "IMG_3", "IMG_2"]
