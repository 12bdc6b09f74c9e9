"""Limits of uncertainty from photos, and what training photos have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import load_checkpoint, read_info
from core.errors import DataError
from core.familiarity import SIDE
from core.uncertainty import Limits
from tests.training.pairs import write_pair
from training.calibration import LEAST, Seen, familiarity_of, halves, how_they_hold, limits_of
from training.commands.cli import main
from training.data.folder import Reading, open_datasets
from training.data.splits import split_by_car
from training.evaluation.images import open_images


def test_limits_by_hand() -> None:
    good = [Seen(value / 100, 0.95) for value in range(11)]  # 0.00 to 0.10
    found = [*good, Seen(0.2, 0.6), Seen(0.7, 0.3)]
    without = [Seen(0.9, None)] * LEAST
    assert limits_of([*found, *without]) == Limits(check=0.09, no_car=0.25)
    assert limits_of([*found, *without[1:]]).no_car == 1.0, "too few photos without a car"
    assert limits_of([*good, Seen(0.95, 0.6), *without]).no_car == 1.0
    with pytest.raises(DataError):
        limits_of(good[: LEAST - 1])


def test_how_limits_hold_is_counted_by_kind() -> None:
    seen = [Seen(0.05, 0.9), Seen(0.2, 0.95), Seen(0.2, 0.79), Seen(0.6, 0.85), Seen(0.6, None)]
    lines = how_they_hold(Limits(0.1, 0.5), [*seen, Seen(0.01, None)])
    counts = [line.partition(": ")[2].split(",") for line in lines]
    assert [each[0] for each in counts] == ["of 2", "of 1", "of 1", "of 2"]
    assert [each[1].split()[0] for each in counts] == ["1", "1", "0", "0"]
    assert [each[2].split()[0] for each in counts] == ["0", "0", "1", "1"]


def test_halves_divide_cars_and_not_photos(tiny_data: Path) -> None:
    samples = open_datasets([tiny_data], Reading())[0].samples
    one, other = halves(samples)
    assert {each.car for each in one}.isdisjoint(each.car for each in other)
    assert len(one) + len(other) == len(samples) and one and other
    again, _ = halves(samples[::-1])
    assert set(again) == set(one)


def studio(number: int, level: int = 200) -> np.ndarray:
    noise = np.random.default_rng(number).normal(level, 6, (SIDE, SIDE, 3))
    noise[20:44, 20:44] = number * 7 % 255  # the car
    return np.clip(noise, 0, 255).astype(np.uint8)


def test_photos_of_the_kind_are_known_in_other_light_and_others_are_not() -> None:
    known = familiarity_of([studio(number) for number in range(60)])
    assert known == familiarity_of([studio(number) for number in range(60)])
    others = [studio(number) for number in range(100, 140)]
    assert np.mean([known.covers(small) for small in others]) > 0.9
    assert known.covers(studio(7, level=185))
    street = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert not known.covers(street)
    with pytest.raises(DataError):
        familiarity_of([studio(1)] * 5)


def test_the_command_writes_into_the_checkpoint(
    tmp_path: Path,
    checkpoints: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, split, path = tmp_path / "many", tmp_path / "split.json", checkpoints[0]
    for car in range(12):
        for view in range(4):
            write_pair(data, f"car{car}_{view:02}", 10 * car + view)
    split_by_car(open_datasets([data], Reading()), val_share=0.3, seed=0).save(split)
    command = ["calibrate", str(path), "--data", str(data), "--split", str(split)]
    command += ["--device", "cpu"]
    before, info = load_checkpoint(path)
    assert main(command) == 2, "nothing to measure"
    assert main([*command, "--limits"]) == 2, "its masks are bad"
    assert read_info(path) == info and "IoU" in capsys.readouterr().err

    assert main([*command, "--familiar"]) == 0
    familiar = read_info(path).familiar
    assert familiar is not None and str(familiar.limit) in capsys.readouterr().out
    train = open_images([data], None, split, "train").samples
    assert all(familiar.covers(sample.read()[0]) for sample in train)
    for name, value in (("GOOD", 0.0), ("LEAST", 1)):
        monkeypatch.setattr(f"training.calibration.{name}", value)
    assert main([*command, "--limits"]) == 0
    after, found = load_checkpoint(path)
    told = capsys.readouterr().out
    assert str(found.limits.check) in told and "photos without a car: of 0" in told
    assert found == replace(info, familiar=familiar, limits=found.limits)
    assert found.limits.no_car == 1.0 and found.limits.check != Limits().check
    for given, kept in (("96", 96), ("0", None)):
        assert main(["calibrate", str(path), "--detail", given]) == 0
        assert read_info(path) == replace(found, detail=kept)
    assert main(["calibrate", str(path), "--detail", "5"]) == 2, "no grid is so small"
    assert main(["calibrate", str(path), "--limits"]) == 2, "which photos?"
    assert read_info(path) == found
    for one, other in zip(before.parameters(), after.parameters(), strict=True):
        assert (one == other).all()
