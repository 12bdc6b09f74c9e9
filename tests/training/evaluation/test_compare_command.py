"""python -m training compare: what it prints and writes, what it refuses, how it ends."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training.comparison.judged import image_rows_of
from training.commands.cli import main
from training.evaluation.images import EvaluationSettings
from training.evaluation.measure import Histograms
from training.evaluation.stored import (
    EvaluationFacts,
    StoredEvaluation,
    evaluation_path,
    write_evaluation,
)
from training.evaluation.subjects import subject_of

CARS = np.random.default_rng(1).normal(0.99, 0.003, 38)
NOISE = np.random.default_rng(2).normal(0, 0.001, 38)


def compare(words: str) -> int:
    return main(["compare", *words.split()])


def store(checkpoint: Path, values: np.ndarray, **facts: object) -> None:
    """Stores an evaluation of a checkpoint whose photos are not on this machine."""
    subject = subject_of(checkpoint)
    usual = EvaluationFacts(
        key=subject.title.replace("/", "-"),
        title=subject.title,
        fingerprints=subject.fingerprints,
        flips=False,
        settings=EvaluationSettings(subject.threshold),
        data="cars",
        data_fingerprint="d",
        part="val",
        split_fingerprint="s",
        created="2026-01-01",
    )
    known = replace(usual, **facts)  # type: ignore[arg-type]
    rows = image_rows_of(values, failed=[4])
    nothing = Histograms(np.zeros((38, 2, 2, 101), np.int64), np.zeros((38, 2, 20)))
    write_evaluation(evaluation_path(subject, known.key), StoredEvaluation(known, rows, nothing))


@pytest.fixture
def measured(checkpoints: tuple[Path, Path]) -> str:
    """Two checkpoints that were evaluated on the same photos, which are not here."""
    a, b = checkpoints
    store(a, CARS)
    store(b, CARS + 0.0021 + NOISE - NOISE.mean())
    return f"{a.parent.parent} {b}"


def test_without_the_photos_it_says_which_is_better(
    measured: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(measured) == 1  # a photo could not be read
    out, err = capsys.readouterr()
    assert "b/best against a/best: better by 0.00205 Dice (0.00174 to 0.00236)" in out
    assert "Means over 37 photos of 37 cars (cars, val), with 95% intervals over cars." in out
    assert "Left out, as they can't be read (1): cars/c004_01." in out
    assert "cars/c004_01 can't be read: the file is damaged" in err
    table, _, ranking = out.partition("Ranking by Dice:")
    head = " ".join(table.splitlines()[0].split())
    assert head == (
        "Checkpoint Rank Dice Boundary IoU HD95, px Dice against a/best Split Time a photo Size"
    )
    assert [line.split()[:2] for line in ranking.splitlines()[1:]] == [
        ["1", "b/best"],
        ["2", "a/best"],
    ]


def test_json_has_every_pair(
    measured: str, checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    twin = checkpoints[0].with_name("twin.safetensors")
    shutil.copy(checkpoints[0], twin)
    store(twin, CARS)
    compare(f"{measured} {twin} --json --metric iou")
    told = json.loads(capsys.readouterr().out)
    assert (told["metric"], told["photos"], told["cars"]) == ("iou", 37, 37)
    kinds = {(each["a"], each["b"]): each["kind"] for each in told["verdicts"]}
    assert kinds == {
        ("a/best", "b/best"): "better",
        ("a/best", "a/twin"): "identical",
        ("b/best", "a/twin"): "worse",
    }
    assert {each["looks"] for each in told["verdicts"]} == {2}
    assert told["ranking"][0] == {"name": "b/best", "rank": 1, "last": 1}
    assert told["ties"] == [["b/best"], ["a/best", "a/twin"]]
    assert [row["checkpoint"] for row in told["table"]] == ["a/best", "b/best", "a/twin"]
    assert told["table"][0]["iou_gain"] == 0 and told["table"][0]["iou_gain_low"] is None
    assert told["left_out"] == ["cars/c004_01"] and told["seeds"] == []


def test_files_have_the_table(measured: str, tmp_path: Path) -> None:
    md, tex, csv = (tmp_path / f"table.{end}" for end in ("md", "tex", "csv"))
    compare(f"{measured} --markdown {md} --latex {tex} --csv {csv} --baseline b/best")
    assert "| Dice against b/best |" in md.read_text()
    assert r"\begin{tabular}" in tex.read_text()
    table = pd.read_csv(csv)
    assert table["verdict"].tolist() == ["worse", "baseline"]
    assert table["hd95_low"].notna().all()


def test_seeds_stand_beside_the_photos(
    measured: str, checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, checkpoint in enumerate(checkpoints):
        config = checkpoint.parent.parent / "config.json"
        config.write_text(json.dumps({"data": ["cars"], "seed": seed}))
    compare(measured)
    assert "2 seeds: Dice 0.9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--baseline c/best", "choose one of: a/best, b/best"),
        ("--metric beauty", "There is no metric 'beauty'"),
        ("--part val", "choose among the photos of --data"),
        ("--csv nowhere/table.csv", "can't be written"),
        ("--threshold 0.9", "a/best, b/best was never evaluated on the same photos"),
    ],
)
def test_what_makes_no_sense_is_refused(
    measured: str, words: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(f"{measured} {words}") == 2
    assert why in capsys.readouterr().err


def test_other_photos_are_refused(
    checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = checkpoints
    store(a, CARS)
    store(b, CARS, data="samples", data_fingerprint="e")
    assert compare(f"{a} {b}") == 2
    assert "They were not all evaluated on the same photos" in capsys.readouterr().err


def test_what_is_missing_is_evaluated_and_found_again(
    checkpoints: tuple[Path, Path], tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"{checkpoints[0]} {checkpoints[1]} --data {tiny_data} --device cpu --json"
    assert compare(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["photos"] == 15 and first["cars"] == 5
    assert compare(f"{checkpoints[0]} {checkpoints[1]} --json") == 0  # without the photos
    assert json.loads(capsys.readouterr().out) == first


def test_identical_checkpoints_and_one_alone(
    checkpoints: tuple[Path, Path], tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = checkpoints[0]
    assert compare(f"{a} {a} --data {tiny_data} --device cpu") == 0
    out = capsys.readouterr().out
    assert "a/best (2) against a/best: identical: the same figures on all 15 photos" in out
    assert compare(str(a)) == 0
    assert "Ranking" not in capsys.readouterr().out
