"""The experiment's one command: its variants, its splits, and the tables that it prints."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks import ablation
from benchmarks.ablation import PLAIN, TRAININGS, Place, Training, fit_command
from training.commands.fit import add_settings, given_settings
from training.comparison.experiment import QUESTIONS
from training.data.folder import open_dataset
from training.data.sides import load_split
from training.runs.notes import read_notes

SMALL = ("--width", "2", "--depth", "2", "--size", "32", "--epochs", "0", "--warmup-steps", "0")


@pytest.fixture
def place(tiny_data: Path, tmp_path: Path) -> Place:
    return Place(tiny_data, tmp_path / "runs", tmp_path / "work")


def test_each_variant_differs_from_its_neighbour_in_what_the_question_says(place: Place) -> None:
    def config(variant: Training, seed: int) -> dict[str, object]:
        parser = argparse.ArgumentParser()
        add_settings(parser)
        command = fit_command(place, variant, "x", seed, 100, known=False)
        options = parser.parse_known_args(command[4:])[0]
        return vars(given_settings(options))

    by_letter = {variant.letter: variant for variant in TRAININGS}
    assert sorted(by_letter) == list("abcdefgh")
    for what, one, other in QUESTIONS:
        first, second = (config(by_letter[letter], 0) for letter in (one, other))
        changed = {name for name in first if first[name] != second[name]}
        allowed = {
            "augmentation": {"recipe"},
            "padding alone": {"padding", "learning_rate"},
            "padding with": {"padding", "norm", "learning_rate"},
            "batch norm": {"norm", "learning_rate"},
        }
        assert changed == next(names for word, names in allowed.items() if what.startswith(word))
    twice = [config(by_letter["d"], seed) for seed in (0, 1)]
    assert {name for name in twice[0] if twice[0][name] != twice[1][name]} == {"seed"}


def test_few_cars_are_a_folder_of_its_own_with_the_same_validation_cars(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "FEW", 2)
    monkeypatch.setattr(ablation, "VAL_SHARE", 0.4)
    by_car = ablation.write_splits(place)
    few = open_dataset(place.work / "tiny")
    split = load_split(place.split("few"))
    assert split.val_cars == by_car.val_cars and len(split.train_cars["tiny"]) == 2
    assert len(few.samples) == 4 * 3
    assert {sample.car for sample in split.select([few], "train")} < set(by_car.train_cars["tiny"])
    assert few.samples[0].read()[0].shape == open_dataset(place.data).samples[0].read()[0].shape
    assert load_split(place.split("random")).verdict().kind == "leaky"


@pytest.mark.slow
def test_the_command_trains_scores_and_answers(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pair = tuple(each for each in TRAININGS if each.letter in "de")
    other = Training("c", "padded", settings=pair[0].settings[:4] + PLAIN)
    monkeypatch.setattr(ablation, "TRAININGS", (*pair, other))
    monkeypatch.setattr(ablation, "SETTINGS", (*SMALL, "--threads", "1", "--workers", "0"))
    monkeypatch.setattr(ablation, "VAL_SHARE", 0.6)  # both splits keep some of the same photos
    monkeypatch.setattr("sys.argv", ["x", "--images", "8", "--at-once", "2"])
    for name in ("data", "runs", "work"):
        monkeypatch.setattr("sys.argv", [*ablation.sys.argv, f"--{name}", str(vars(place)[name])])
    ablation.main()
    said = capfd.readouterr().out
    assert "| d | padded, batch norm, augmented | 2 | " in said
    assert "| augmentation, padded with batch norm | d against c | " in said
    assert "photos that neither was trained on" in said
    assert "What e's log says" in said
    assert read_notes(place.runs / "ablation-d-seed1").title.endswith("augmented, seed 1")
    written = (place.runs / "ablation-c-seed0" / "metrics.jsonl").read_bytes()
    ablation.main()  # what is finished is kept
    assert "training fit" not in capfd.readouterr().out
    assert (place.runs / "ablation-c-seed0" / "metrics.jsonl").read_bytes() == written
