"""python -m training review: judged by networks that have not seen the car, resumed, honest."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.model import UNet
from core.preprocess import Preprocessing
from training.commands.cli import main
from training.config import TrainConfig
from training.data.folder import open_datasets
from training.data.sides import Split
from training.data.splits import split_folds
from training.review.folds import train_folds
from training.review.rows import ReviewRow, RowFile

TINY = UNetConfig(3, 1, width=2, depth=2, padding="same", norm="batch", stem="space_to_depth")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CARMASK_RUNS", str(tmp_path / "runs"))


def write_run(folder: Path, split: Split, seed: int) -> Path:
    """An untrained network whose run says which cars it was trained on."""
    (folder / "checkpoints").mkdir(parents=True)
    torch.manual_seed(seed)
    facts = {"fingerprint": split.fingerprint()}
    info = CheckpointInfo(TINY, Preprocessing(size=48), run=folder.name, split=facts)
    save_checkpoint(folder / "checkpoints" / "best.safetensors", UNet(TINY).eval(), info)
    split.save(folder / "split.json")
    return folder


@pytest.fixture
def folds(tiny_data: Path, tmp_path: Path) -> list[Path]:
    splits = split_folds(open_datasets([tiny_data]), 2, 0)
    return [write_run(tmp_path / "runs" / f"f{n}", split, n) for n, split in enumerate(splits)]


def review(data: Path, out: Path, *checkpoints: Path) -> list[ReviewRow]:
    words = ["review", "--data", str(data), "--out", str(out), "--device", "cpu", "--checkpoint"]
    assert main([*words, *map(str, checkpoints)]) == 0
    return RowFile(out).read()


def test_each_car_is_judged_by_the_fold_that_did_not_see_it(
    tiny_data: Path, folds: list[Path], tmp_path: Path
) -> None:
    rows = review(tiny_data, tmp_path / "out", *folds)
    assert len(rows) == 15 and all(row.is_scored for row in rows)
    for split, run in zip(split_folds(open_datasets([tiny_data]), 2, 0), folds, strict=True):
        kept = set(split.val_cars["tiny"])
        assert {row.car for row in rows if row.by == f"{run.name}/best"} == kept
    assert all((tmp_path / "out" / "masks" / f"{row.predicted}.png").is_file() for row in rows)
    with (tmp_path / "out" / "suspects.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {line["list"] for line in table} >= {"parts", "uncertain"}
    assert all(line["soft_minimum"] for line in table if line["list"] == "parts")


def test_a_network_that_has_seen_the_car_judges_nothing(
    tiny_data: Path, folds: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = review(tiny_data, tmp_path / "out", folds[0])
    seen = [row for row in rows if not row.network]
    assert 0 < len(seen) < 15
    assert all(row.soft_minimum is None and row.label is not None for row in seen)
    assert f"{len(seen)} photos of" in capsys.readouterr().out


def test_a_copied_photo_is_known_by_its_pixels(tiny_data: Path, tmp_path: Path) -> None:
    """Under another car's name, in another folder, the network has seen it all the same."""
    datasets = open_datasets([tiny_data])
    split = split_folds(datasets, 2, 0)[0].with_digests(datasets)
    run = write_run(tmp_path / "runs" / "f", split, 0)
    trained = split.train_cars["tiny"][0]
    copy = tmp_path / "copy"
    for kind in ("images", "masks"):
        (copy / kind).mkdir(parents=True)
        for path in (tiny_data / kind).glob(f"{trained}_*"):
            shutil.copy(path, copy / kind / path.name.replace(trained, "renamed"))
    assert [row.network for row in review(copy, tmp_path / "out", run)] == ["", "", ""]


def test_a_checkpoint_without_a_record_is_not_trusted(
    tiny_data: Path, folds: list[Path], tmp_path: Path
) -> None:
    (folds[0] / "split.json").unlink()
    assert not any(row.is_scored for row in review(tiny_data, tmp_path / "out", folds[0]))


def test_it_goes_on_where_it_stopped_and_scores_what_changed(
    tiny_data: Path, folds: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    rows = review(tiny_data, out, *folds)
    lines = (out / "rows.jsonl").read_bytes().splitlines()
    (out / "rows.jsonl").write_bytes(b"\n".join(lines[:9]) + b"\n" + lines[9][:50])
    masks = tiny_data / "masks"
    shutil.copy(masks / "car1_01.png", masks / "car0_01.png")
    predicted: list[int] = []
    from core.predict import Mirrored

    real = Mirrored.predict

    def counted(self: Mirrored, image: object) -> object:
        predicted.append(1)
        return real(self, image)  # type: ignore[arg-type]

    monkeypatch.setattr(Mirrored, "predict", counted)
    again = review(tiny_data, out, *folds)
    assert len(predicted) == 15 - 9 + 1  # what was lost, and the label that changed
    assert [row.key for row in again] == [row.key for row in rows]
    changed = [new.name for new, old in zip(again, rows, strict=True) if new != old]
    assert changed == ["car0_01"]
    predicted.clear()
    assert review(tiny_data, out, *folds) == again and not predicted


def test_a_photo_that_cannot_be_read_is_named(
    tiny_data: Path, folds: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_data / "images" / "car2_02.jpg").write_bytes(b"no photo")
    words = ["review", "--data", str(tiny_data), "--out", str(tmp_path / "out"), "--json"]
    assert main([*words, "--device", "cpu", "--checkpoint", *map(str, folds)]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert [each["photo"] for each in facts["errors"]] == ["car2_02"]
    assert facts["judged"] == 14


def test_photos_without_labels_have_uncertainty_and_disagreement(
    tiny_data: Path, folds: list[Path], tmp_path: Path
) -> None:
    words = ["review", "--photos", str(tiny_data / "images"), "--out", str(tmp_path / "out")]
    assert main([*words, "--device", "cpu", "--checkpoint", *map(str, folds)]) == 0
    rows = RowFile(tmp_path / "out").read()
    assert len(rows) == 15
    assert all(row.uncertainty is not None and row.disagreement is not None for row in rows)
    assert {(row.car, row.view) for row in rows} >= {("car0", "01")}


@pytest.mark.parametrize(
    "words",
    ["--data DATA", "--photos DATA/none --checkpoint RUN", "--photos DATA --folds 2", "--data X"],
)
def test_wrong_usage_says_what_to_do(
    words: str, tiny_data: Path, folds: list[Path], tmp_path: Path
) -> None:
    given = words.replace("DATA", str(tiny_data)).replace("RUN", str(folds[0]))
    assert main(["review", "--out", str(tmp_path / "out"), *given.split()]) in (1, 2)


@pytest.mark.slow
def test_folds_are_trained_once_and_taken_again(tiny_data: Path, tmp_path: Path) -> None:
    datasets = open_datasets([tiny_data])
    config = TrainConfig(
        data=(str(tiny_data),), epochs=1, width=2, depth=2, size=32, batch=4, workers=0,
        device="cpu", threads=1,
    )  # fmt: skip
    said: list[str] = []

    def trained() -> list[Path]:
        return train_folds(datasets, 2, config, tmp_path / "runs", tmp_path / "out", said.append)

    runs = trained()
    assert len(said) == 2 and all((run / "split.json").is_file() for run in runs)
    assert trained() == runs and len(said) == 2
    rows = review(tiny_data, tmp_path / "out", *runs)
    assert all(row.is_scored for row in rows)
    other = replace(config, width=3)
    assert train_folds(datasets, 2, other, tmp_path / "runs", tmp_path / "o", said.append) != runs
