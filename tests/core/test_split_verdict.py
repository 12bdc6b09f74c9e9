"""The verdict on a split: a value that outlives its wording."""

import json

import pytest

from core.split_verdict import UNKNOWN, SplitVerdict, read_verdict, worst

CLEAN = SplitVerdict("clean", 0, 46, "car")
LEAKY = SplitVerdict("leaky", 2, 4, "random", before=1)
LOST = SplitVerdict("unknown", 0, 3, "car")


@pytest.mark.parametrize("verdict", [CLEAN, LEAKY, LOST, UNKNOWN])
def test_it_survives_a_file(verdict: SplitVerdict) -> None:
    assert read_verdict(json.loads(json.dumps(verdict.to_json()))) == verdict


@pytest.mark.parametrize(
    ("stored", "verdict"),
    [
        ("by car: 46 validation cars, none of them in train", CLEAN),
        (
            "at random: 1 validation cars, none of them in train",
            SplitVerdict("clean", 0, 1, "random"),
        ),
        ("by car", SplitVerdict("clean", by="car")),
        ("LEAKY: 251 of 251 validation cars are also in train", SplitVerdict("leaky", 251, 251)),
        (
            "LEAKY: 1 of 3 validation cars were trained on by the checkpoint that was the start",
            SplitVerdict("leaky", 1, 3, before=1),
        ),
        ("2 of 5 cars were trained on", SplitVerdict("leaky", 2, 5)),
        ("LEAKY", SplitVerdict("leaky")),
        # An ensemble's.
        ("by car: 46 validation cars, none of them in train; LEAKY: x", SplitVerdict("leaky")),
    ],
)
def test_sentences_of_old_files_are_read(stored: str, verdict: SplitVerdict) -> None:
    assert read_verdict(stored) == verdict


@pytest.mark.parametrize(
    "stored",
    [None, "", "something", [], 3, {}, {"kind": "fine"}, {"kind": ["clean"]}, {"total": 3}],
)
def test_what_makes_no_sense_is_unknown(stored: object) -> None:
    assert read_verdict(stored) == UNKNOWN


def test_odd_counts_do_not_change_the_kind() -> None:
    odd = {"kind": "leaky", "shared": "x", "total": -1, "by": "view", "before": None}
    assert read_verdict(odd) == SplitVerdict("leaky")


def test_the_worst_counts_for_all() -> None:
    assert worst([CLEAN, LOST]) == LOST
    assert worst([LOST, LEAKY, CLEAN]) == LEAKY
    assert worst([CLEAN, SplitVerdict("clean")]) == CLEAN
    assert worst([]) == UNKNOWN


def test_badge_and_sentence_tell_the_kind() -> None:
    assert CLEAN.is_clean and not LEAKY.is_clean and not UNKNOWN.is_clean
    assert [each.label for each in (LEAKY, LOST)] == ["LEAKY", "UNKNOWN"]
    assert all(each.sentence().startswith(each.label) for each in (LEAKY, LOST, UNKNOWN))
    assert "2 of 4" in LEAKY.sentence() and "46" in CLEAN.sentence()
