"""Teaching: what is learnt from and what is held out, and the whole circle on tiny data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.errors import ConfigError, DataError
from tests.training.pairs import write_pair
from training.commands.cli import main
from training.data.folder import open_datasets
from training.data.portions import epoch_samples
from training.runs.runlog import read_config, read_split
from training.teaching import (
    TeachPlan,
    base_of,
    check_sets,
    create_taught_run,
    plan_teaching,
    read_teaching,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base run, its data, corrected photos and photos to check on."""
    root = tmp_path_factory.mktemp("teach")
    for car in range(5):
        for view in range(1, 4):
            write_pair(root / "tiny", f"car{car}_{view:02}", 10 * car + view)
    for name, first in (("corrected", 100), ("check", 200)):
        for number in range(4):
            write_pair(root / name, f"{name}{number}_01", first + number, (40, 40))
    arguments = ["fit", "--data", str(root / "tiny"), "--runs", str(root / "runs")]
    arguments += ["--name", "base", "--epochs", "1", "--size", "32", "--width", "4", "--depth", "2"]
    assert main([*arguments, "--batch", "4", "--workers", "0", "--val-share", "0.4"]) == 0
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def planned(root: Path, **more: object) -> TeachPlan:
    given = {"check": [root / "check"], "replay": [root / "tiny"]}
    return plan_teaching(root / "runs/base", [root / "corrected"], **{**given, **more})


def sides(root: Path, plan: TeachPlan) -> dict[str, set[str]]:
    datasets = open_datasets(map(Path, plan.config.data), plan.config.reading())
    return {
        part: {sample.car for sample in plan.split.select(datasets, part)}  # type: ignore[arg-type]
        for part in ("train", "val")
    }


@pytest.mark.slow
def test_the_bases_validation_cars_and_those_to_check_on_are_held_out(root: Path) -> None:
    held = read_split(root / "runs/base").val_cars["tiny"]
    found = sides(root, planned(root))
    assert {f"check{number}" for number in range(4)} | set(held) == found["val"]
    assert {f"corrected{number}" for number in range(4)} < found["train"]
    assert not found["train"] & found["val"]


@pytest.mark.slow
def test_half_of_an_epoch_is_corrected_photos(root: Path) -> None:
    plan = planned(root)
    datasets = open_datasets(map(Path, plan.config.data))
    train = plan.split.select(datasets, "train")
    epoch = epoch_samples(train, plan.config.portions, plan.config.data)
    corrected = sum(sample.source == "corrected" for sample in epoch)
    assert 0.4 <= corrected / len(epoch) <= 0.6
    assert {each.recipe for each in epoch if each.source == "corrected"} == {"robust"}
    for number in range(40):
        write_pair(root / "corrected", f"more{number}_01", 300 + number)
    plan = planned(root)
    train = plan.split.select(open_datasets(map(Path, plan.config.data)), "train")
    epoch = epoch_samples(train, plan.config.portions, plan.config.data)
    assert 0.4 <= sum(each.source == "corrected" for each in epoch) / len(epoch) <= 0.6


@pytest.mark.slow
@pytest.mark.parametrize("how", ["car", "photo"])
def test_a_corrected_photo_of_a_held_out_car_is_not_learnt_from(root: Path, how: str) -> None:
    held = read_split(root / "runs/base").val_cars["tiny"][0]
    name = f"{held}_09" if how == "car" else "other_09"
    source = next((root / "tiny/images").glob(f"{held}_*"))
    write_pair(root / "corrected", name, 5)
    if how == "photo":
        shutil.copy(source, root / f"corrected/images/{name}.jpg")
    plan = planned(root)
    assert name.partition("_")[0] not in sides(root, plan)["train"]
    assert f"corrected/{name}" in plan.config.leave_out
    assert any(name in note for note in plan.notes)
    assert plan.facts.photos == 4


@pytest.mark.slow
def test_what_cannot_be_taught_is_refused_with_what_to_do(root: Path) -> None:
    with pytest.raises(ConfigError, match="--check"):
        planned(root, check=[], replay=[])
    with pytest.raises(DataError, match="not in the split"):
        planned(root, replay=[root / "check"], check=[])
    with pytest.raises(DataError, match="nowhere"):
        plan_teaching(root / "runs/base", [root / "nowhere"])
    with pytest.raises(ConfigError, match="held-out"):
        plan_teaching(root / "runs/base", [shutil.copytree(root / "check", root / "again")],
                      check=[root / "check"], replay=[])  # fmt: skip


@pytest.mark.slow
def test_a_base_without_its_data_says_what_may_be_lost(root: Path) -> None:
    shutil.rmtree(root / "tiny")
    config = root / "runs/base/config.json"
    facts = json.loads(config.read_text())
    config.write_text(json.dumps(facts | {"data": [str(root / "tiny")]}))
    plan = plan_teaching(root / "runs/base", [root / "corrected"], check=[root / "check"])
    assert plan.facts.replay == () and len(plan.notes) == 1


@pytest.mark.slow
def test_a_folder_that_is_corrected_is_not_replayed_as_well(root: Path) -> None:
    config = root / "runs/base/config.json"
    facts = json.loads(config.read_text())
    data = [str(root / name) for name in ("tiny", "corrected")]
    config.write_text(json.dumps(facts | {"data": data, "repeat": ["corrected=3", "tiny=2"]}))
    plan = planned(root, replay=None)
    assert plan.facts.replay == ("tiny",) and plan.facts.corrected == ("corrected",)
    assert "tiny=2" in plan.config.repeat and "corrected=3" not in plan.config.repeat


@pytest.mark.slow
def test_teaching_trains_compares_and_starts_from_the_base_each_time(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", str(root / "corrected"), "--check", str(root / "check"), "--workers", "0"]
    common += ["--replay", str(root / "tiny"), "--runs", str(root / "runs"), "--minutes", "0.02"]
    first = ["teach", "--base", str(root / "runs/base"), *common, "--name", "first"]
    assert main(first) == 0
    told = capsys.readouterr().out
    assert "On new photos (check: 4 photos, 4 cars)" in told and "On its own data (tiny:" in told
    teaching = read_teaching(root / "runs/first")
    assert teaching is not None and (teaching.photos, teaching.check) == (4, ("check",))
    again = root / "runs/first/checkpoints/best.safetensors"
    assert base_of(again) == base_of(root / "runs/first") == root / "runs/base"
    assert main(["teach", "--base", str(again), *common, "--name", "second"]) == 0
    assert Path(read_config(root / "runs/second").start_from) == root / "runs/base"
    evaluations = sorted((root / "runs/base/checkpoints/best.evaluations").iterdir())
    capsys.readouterr()
    assert main(["teach", "--resume", str(root / "runs/second")]) == 0  # finds what it computed
    assert sorted((root / "runs/base/checkpoints/best.evaluations").iterdir()) == evaluations
    assert "second/best, 4 corrected photos" in capsys.readouterr().out


@pytest.mark.slow
def test_a_curve_teaches_fewer_photos_of_the_same(root: Path) -> None:
    for number in range(4, 8):
        write_pair(root / "corrected", f"corrected{number}_01", 100 + number, (40, 40))
    arguments = ["teach", "--base", str(root / "runs/base"), "--data", str(root / "corrected")]
    arguments += ["--check", str(root / "check"), "--no-replay", "--runs", str(root / "runs")]
    arguments += ["--minutes", "0.01", "--workers", "0", "--name", "all", "--curve"]
    assert main(arguments) == 0
    few, whole = (read_teaching(root / f"runs/{name}") for name in ("all-5", "all"))
    assert few is not None and whole is not None
    assert (few.photos, whole.photos) == (5, 8)
    assert len(read_config(root / "runs/all-5").leave_out) == 3


@pytest.mark.slow
def test_a_taught_run_is_checked_on_two_sets(root: Path) -> None:
    run = create_taught_run(planned(root), root / "runs", "made")
    sets = check_sets(run, read_config(run))
    assert [tuple(f.name for f in each.folders) for each in sets] == [("check",), ("tiny",)]
