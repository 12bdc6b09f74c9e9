"""python -m training evaluate: what it prints, what it warns of, how it ends."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from core.checkpoint import load_checkpoint, save_checkpoint
from core.metric_table import METRICS
from training.commands.cli import main
from training.data.folder import open_datasets
from training.data.splits import split_by_car
from training.evaluation.measure import COLUMNS


def run(words: str) -> int:
    return main(["evaluate", "--device", "cpu", *words.split()])


@pytest.fixture
def scored(tiny_data: Path, checkpoints: tuple[Path, Path]) -> str:
    a, b = (path.parent.parent for path in checkpoints)
    return f"--checkpoint {a} {b} --data {tiny_data}"


@pytest.mark.slow
def test_several_checkpoints_with_all_that_can_be_had(
    scored: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.csv"
    assert run(f"{scored} --tta --ensemble --json --out {out}") == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    both = "a/best + b/best"
    titles = ["a/best", "b/best", "a/best, mirrored too", "b/best, mirrored too"]
    assert [each["title"] for each in told] == [*titles, both, f"{both}, mirrored too"]
    assert all(each["images"] == 15 and each["cars"] == 5 for each in told)
    assert [each["gain"] is None for each in told] == [True, True, False, False, False, False]
    gain = told[2]["gain"]
    assert gain["over"] == "a/best" and gain["times"] > 1
    for metric in METRICS:
        difference = told[2][metric.name] - told[0][metric.name]
        better = difference if metric.higher_is_better else -difference
        estimate, low, high = gain[metric.name]
        assert estimate == pytest.approx(better) and low <= estimate <= high
    best = max(told[:2], key=lambda each: each["dice"])
    assert told[4]["gain"]["over"] == best["title"]

    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 15 and list(rows[0]) == ["checkpoint", *COLUMNS]
    assert run(f"{scored} --tta --ensemble --out {out.with_suffix('.parquet')}") == 0
    assert len(pd.read_parquet(out.with_suffix(".parquet"))) == 90
    text = capsys.readouterr().out
    assert "a/best: 15 photos of 5 cars" in text
    assert text.count("  gain of ") == 4 and f" times its time\n{both}: 15 photos" in text


@pytest.mark.slow
def test_what_is_found_again_waits_for_no_heavy_library(scored: str) -> None:
    script = (
        "import sys; from training.commands.cli import main; status = main(sys.argv[1:]); "
        "print(sorted({'torch', 'pandas', 'scipy', 'pyarrow.dataset'} & {*sys.modules}))"
    )
    assert run(scored) == 0
    command = [sys.executable, "-c", script, "evaluate", "--device", "cpu", *scored.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_photos_that_cannot_be_read_are_named_and_counted(
    scored: str, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_data / "images" / "car1_02.jpg").write_bytes(b"no photo")
    assert run(f"{scored} --json") == 1
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [each["images"] for each in told] == [14, 14]
    assert [each["failed"] for each in told] == [1, 1]
    (failed,) = [row for row in told[0]["rows"] if row["error"]]
    assert failed["image"] == "car1_02" and failed["dice"] is None
    assert said.err.count("tiny/car1_02 can't be read: ") == 1
    assert "1 of 15 photos can't be read and stand in no mean." in said.err


def test_when_no_photo_can_be_read(
    checkpoints: tuple[Path, Path], tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tiny_data / "images").iterdir():
        path.write_bytes(b"no photo")
    words = f"--checkpoint {checkpoints[0]} --data {tiny_data}"
    assert run(f"{words} --json") == 1
    assert json.loads(capsys.readouterr().out)[0]["images"] == 0
    assert run(f"{words} --tta") == 1
    said = capsys.readouterr()
    assert "0 photos of 0 cars" in said.out and "15 of 15 photos" in said.err


def test_another_split_than_the_checkpoints_own_is_told(
    checkpoints: tuple[Path, Path],
    tiny_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    split = split_by_car(open_datasets([tiny_data]), 0.4, seed=1)
    split.save(tmp_path / "split.json")
    model, info = load_checkpoint(checkpoints[0])
    words = f"--data {tiny_data} --part val --split {tmp_path / 'split.json'} --checkpoint"
    unknown = "note: its training cars are unknown: its run's split.json does not lie beside it\n"
    other = "note: the checkpoint was trained with another split than the one given\n"
    silent = "note: the checkpoint does not say which split it was trained with\n"
    for own, said in (
        ({"fingerprint": split.fingerprint()}, []),
        ({"fingerprint": "another"}, [other, unknown]),
        ({}, [silent, unknown]),
    ):
        save_checkpoint(checkpoints[0], model, replace(info, split=own))
        shutil.rmtree(checkpoints[0].with_name("best.evaluations"), ignore_errors=True)
        assert run(f"{words} {checkpoints[0]}") == 0
        error = capsys.readouterr().err
        assert [line in error for line in (other, silent, unknown)] == [
            line in said for line in (other, silent, unknown)
        ]

    # Where its own split is there, the cars can be counted.
    own_split = split_by_car(open_datasets([tiny_data]), 0.4, seed=2)
    own_split.save(checkpoints[0].parent.parent / "split.json")
    own = {"fingerprint": own_split.fingerprint()}
    save_checkpoint(checkpoints[0], model, replace(info, split=own))
    shutil.rmtree(checkpoints[0].with_name("best.evaluations"))
    assert run(f"{words} {checkpoints[0]}") == 0
    trained = len(set(split.val_cars["tiny"]) & set(own_split.train_cars["tiny"]))
    assert f"{other}note: {trained} of 2 cars were trained on\n" in capsys.readouterr().err
    assert trained

    # And where that split kept the very same cars out, there is nothing to tell.
    val, train = {**split.val_cars, "more": ("a",)}, {**split.train_cars, "more": ("b",)}
    own_split = replace(own_split, val_cars=val, train_cars=train)
    own_split.save(checkpoints[0].parent.parent / "split.json")
    info = replace(info, split={"fingerprint": own_split.fingerprint()})
    save_checkpoint(checkpoints[0], model, info)
    shutil.rmtree(checkpoints[0].with_name("best.evaluations"))
    assert run(f"{words} {checkpoints[0]}") == 0
    assert "split" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--ensemble --checkpoint {a}", "two different checkpoints"),
        ("--cascade {a} {a}", "two different checkpoints"),
        ("", "nothing to score"),
        ("--threshold 1.5 --checkpoint {a}", "threshold is 1.5"),
        ("--out rows.txt --checkpoint {a}", "ends in .csv or .parquet"),
        ("--part val --checkpoint {a}", "needs --split"),
        ("--part val --split {data}/none.json --checkpoint {a}", "none.json can't be read"),
        ("--split {data}/none.json --checkpoint {a}", "add --part val"),
        ("--checkpoint {data}", "has no checkpoint yet"),
        ("--checkpoint {data}/none.safetensors", "There is no checkpoint"),
        ("--checkpoint {data}/images/car0_01.jpg", "not a whole .safetensors file"),
        ("--out {data}/none/rows.csv --checkpoint {a}", "can't be written"),
    ],
)
def test_wrong_usage_is_told_in_words(
    words: str,
    said: str,
    tiny_data: Path,
    checkpoints: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("car1", "car2", "car3", "car4"):
        for path in tiny_data.rglob(f"{name}_*"):
            path.unlink()
    assert run(words.format(a=checkpoints[0], data=tiny_data) + f" --data {tiny_data}") == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error
