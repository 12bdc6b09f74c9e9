"""python -m training split, and what a training makes of its file."""

import json
from pathlib import Path

import pytest

from core.checkpoint import read_info
from core.cli import main as core_main
from core.split_verdict import read_verdict
from tests.training.pairs import write_pair
from training.commands.cli import main
from training.config import TrainConfig
from training.data.sides import load_split
from training.runs.runlog import read_config, read_split

FIT = "--epochs 1 --width 2 --depth 2 --size 32 --batch 4 --workers 0 --device cpu --threads 1"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))


def test_it_writes_a_split_and_says_what_it_is(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.json"
    assert main(["split", "--data", str(tiny_data), "--out", str(out), "--val-share", "0.4"]) == 0
    split = load_split(out)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{out}: by car: 2 validation cars, none of them in train",
        "  train      9 photos of 3 cars",
        "  val        6 photos of 2 cars",
        f"  fingerprint {split.fingerprint()}",
    ]


def test_strata_read_the_masks(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"split --data {tiny_data} --out {tmp_path / 'split.json'} --stratify"
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    # Every mask is an ellipse with half axes of a quarter and a third: pi / 12 of the picture.
    assert said.count("the car takes 26.") == 2
    assert len(load_split(tmp_path / "split.json").val_cars["tiny"]) == 1


def test_folds_are_files_of_their_own(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"split --data {tiny_data} --out {tmp_path / 's.json'} --folds 5".split()) == 0
    files = [tmp_path / f"s_fold{fold}.json" for fold in range(1, 6)]
    kept = [car for file in files for car in load_split(file).val_cars["tiny"]]
    assert sorted(kept) == [f"car{number}" for number in range(5)]
    assert not (tmp_path / "s.json").exists()


def test_what_is_a_car_can_be_said(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.json"
    rule = ["--car-rule", r"_(?P<car>\d+)$"]
    assert main(["split", "--data", str(tiny_data), "--out", str(out), *rule]) == 0
    split = load_split(out)
    assert sorted(split.val_cars["tiny"] + split.train_cars["tiny"]) == ["01", "02", "03"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--by random --stratify", "neither --stratify nor --folds"),
        ("--by random --folds 2", "neither --stratify nor --folds"),
        ("--folds 6", "split by car needs 6"),
        ("--val-share 0.95", "val_share is 0.95"),
        ("--seed -1", "--seed is -1"),
    ],
)
def test_what_does_not_fit_is_refused(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    assert main(f"split --data {tiny_data} --out {tmp_path / 's.json'} {words}".split()) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("s*.json"))


def test_a_missing_folder_is_named(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"split --data {tiny_data} --out {tmp_path / 'no' / 's.json'}".split()) == 2
    assert "no folder" in capsys.readouterr().err


def test_a_training_uses_the_file_it_is_given(tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.json"
    assert main(f"split --data {tiny_data} --out {out} --val-share 0.4 --seed 9".split()) == 0
    words = f"fit --data {tiny_data} --runs {tmp_path} --name given --split {out} {FIT}"
    assert main(words.split()) == 0
    assert read_split(tmp_path / "given") == load_split(out)
    assert read_config(tmp_path / "given").split == str(out)


def test_a_leak_is_called_one_wherever_its_numbers_stand(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"fit --data {tiny_data} --runs {tmp_path} --name leak --split-by random {FIT}"
    assert main([*words.split(), "--val-share", "0.4"]) == 0
    run = tmp_path / "leak"
    verdict = read_split(run).verdict()
    assert verdict.kind == "leaky"
    assert verdict.sentence() in (run / "log.txt").read_text()
    assert read_info(run / "checkpoints/last.safetensors").verdict == verdict

    capsys.readouterr()
    assert core_main(["info", str(run)]) == 0
    said = capsys.readouterr()
    assert said.err == f"{verdict.sentence()}\n"
    assert read_verdict(json.loads(said.out)["split"]["verdict"]) == verdict

    scored = f"evaluate --checkpoint {run} --data {tiny_data} --device cpu --json"
    assert main(scored.split()) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)[0]["verdict"]["kind"] == "leaky"
    assert f"{verdict.sentence()} (in the split of this checkpoint)\n" in said.err
    trained = len(read_split(run).train_cars["tiny"])
    assert f"note: {trained} of 5 cars were trained on\n" in said.err


@pytest.mark.slow
def test_evaluating_says_which_cars_are_known(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"fit --data {tiny_data} --runs {tmp_path} --name honest --val-share 0.4 {FIT}"
    assert main(words.split()) == 0
    run = tmp_path / "honest"
    write_pair(tmp_path / "new", "n_01", 5)
    scored = f"evaluate --checkpoint {run} --device cpu --data"
    for data, said in (
        (f"{tiny_data}", "3 of 5 cars were trained on"),
        (f"{tiny_data} --part val --split {run / 'split.json'}", ""),
        (f"{tmp_path / 'new'}", ""),
    ):
        capsys.readouterr()
        assert main(f"{scored} {data}".split()) == 0
        error = capsys.readouterr().err
        assert said in error
        assert ("LEAKY" in error) == ("trained on" in error) == bool(said)

    # The split that chooses the photos can leak where the checkpoint's own doesn't.
    leak = tmp_path / "leak.json"
    assert main(f"split --data {tiny_data} --out {leak} --by random --val-share 0.4".split()) == 0
    assert main(f"{scored} {tiny_data} --part val --split {leak}".split()) == 0
    said = capsys.readouterr().err
    assert f"{load_split(leak).verdict().sentence()} (in the split that was given)" in said

    # Elsewhere nobody knows what it was trained on.
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((run / "checkpoints/last.safetensors").read_bytes())
    assert main(f"evaluate --checkpoint {alone} --device cpu --data {tiny_data}".split()) == 0
    error = capsys.readouterr().err
    assert "UNKNOWN" in error and "LEAKY" not in error


def test_a_run_from_before_keeps_its_settings() -> None:
    old = TrainConfig.from_json({"data": ["a"], "val_share": 0.2, "recipe": "robust"})
    assert (old.split, old.split_by) == ("", "car")
    assert (old.car_rule, old.cars, old.classes) == ("", "", ())
