"""Masks that began as a network's own: kept out of validation, and said where it is evaluated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.edit_facts import EditFacts, Origin
from core.errors import ConfigError
from core.model import UNet
from core.preprocess import Preprocessing
from training.commands.cli import main
from training.config import TrainConfig
from training.data.adding import add_to_dataset
from training.data.folder import Dataset, open_dataset
from training.data.history import HISTORY
from training.data.lineage import split_of
from training.data.splits import split_at_random, split_by_car, split_folds
from training.evaluation.images import EvaluationSettings, open_images
from training.evaluation.run import evaluate_subjects
from training.evaluation.stored import list_evaluations
from training.evaluation.subjects import fingerprint_of, subject_of

INFO = CheckpointInfo(
    UNetConfig(3, 1, width=2, depth=2, padding="same", norm="batch"), Preprocessing(size=32)
)


def write_run(runs: Path, name: str, start_from: str = "") -> Path:
    path = runs / name / "checkpoints" / "best.safetensors"
    path.parent.mkdir(parents=True)
    save_checkpoint(path, UNet(INFO.model), INFO)
    facts = {"data": ["gone"], "start_from": start_from}
    (runs / name / "config.json").write_text(json.dumps(facts))
    return path


def write_corrected(folder: Path, fingerprint: str, cars: int = 6, anchored: int = 3) -> Dataset:
    """Adds a photo a car; the masks of the first cars began as the network's."""
    mask = np.zeros((24, 36), np.bool_)
    mask[4:20, 6:30] = True
    for car in range(cars):
        photo = np.random.default_rng(car).integers(0, 256, (24, 36, 3), dtype=np.uint8)
        by = fingerprint if car < anchored else ""
        edit = EditFacts(origin=Origin(kind="network" if by else "label", fingerprint=by))
        add_to_dataset(folder, photo, mask, name="a.png", car=f"car{car}", edit=edit)
    return open_dataset(folder)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_run(tmp_path / "runs", "network")


@pytest.fixture
def corrected(tmp_path: Path, network: Path) -> Dataset:
    return write_corrected(tmp_path / "corrected", fingerprint_of(network))


OWN = {"car0", "car1", "car2"}


def test_such_photos_stay_in_training(corrected: Dataset) -> None:
    assert {each.car for each in corrected.samples if each.anchor} == OWN
    splits = [
        split([corrected], seed)
        for seed in range(8)
        for split in (
            lambda data, seed: split_by_car(data, 0.5, seed),
            lambda data, seed: split_at_random(data, 0.5, seed),
            lambda data, seed: split_by_car(
                data, 0.4, seed, {("corrected", f"car{n}"): 0.1 * n for n in range(6)}
            ),
        )
    ]
    splits += split_folds([corrected], 3, 0)
    for split in splits:
        val = {each.car for each in split.select([corrected], "val")}
        assert val and not val & OWN
        assert {each.car for each in split.select([corrected], "train")} >= OWN


def test_a_person_may_say_otherwise(corrected: Dataset, tmp_path: Path) -> None:
    config = TrainConfig(data=(str(corrected.root),), val_share=0.9)
    assert not OWN & set(split_of(config, [corrected]).val_cars["corrected"])
    split = split_of(replace(config, anchored="any"), [corrected])
    assert OWN & set(split.val_cars["corrected"])
    out = tmp_path / "split.json"
    arguments = ["split", "--data", str(corrected.root), "--out", str(out), "--val-share", "0.9"]
    for more, some in (([], False), (["--anchored", "any"], True)):
        assert main([*arguments, *more]) == 0
        assert bool(OWN & set(json.loads(out.read_text())["val_cars"]["corrected"])) == some


def test_where_all_are_such_photos_nothing_can_be_held_out(tmp_path: Path) -> None:
    dataset = write_corrected(tmp_path / "all", "f" * 64, cars=3, anchored=3)
    for split in (split_by_car, split_at_random):
        with pytest.raises(ConfigError, match="--anchored"):
            split([dataset], 0.5, 0)
    with pytest.raises(ConfigError, match="--anchored"):
        split_folds([dataset], 2, 0)
    assert split_by_car([dataset], 0.5, 0, keep_anchored=True).val_cars["all"]


def test_a_history_that_is_damaged_says_what_it_can(corrected: Dataset) -> None:
    path = corrected.root / HISTORY
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{", "[1]", '{"name": 3}', lines[1][:40], lines[2]]))
    cars = {each.car for each in open_dataset(corrected.root).samples if each.anchor}
    assert cars == {"car0", "car2"}


@pytest.mark.slow
def test_the_network_and_what_started_from_it_are_badged(
    corrected: Dataset, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    child = write_run(runs, "child", str(runs / "network"))
    other = write_run(runs, "other", "nowhere")
    images = open_images([corrected.root])
    subjects = [subject_of(path) for path in (network, child, other)]
    found = evaluate_subjects(subjects, images, EvaluationSettings())
    assert [each.facts.anchored for each in found] == [3, 3, 0]
    assert [len(each.facts.cautions) - len(each.facts.warnings) for each in found[:2]] == [1, 1]
    assert list_evaluations(child)[0].anchored == 3
    arguments = ["evaluate", "--data", str(corrected.root), "--json", "--checkpoint"]
    assert main([*arguments, str(network), str(other)]) == 0
    told = capsys.readouterr()
    assert [each["anchored"] for each in json.loads(told.out)] == [3, 0]
    assert "3 of 6" in told.err


@pytest.mark.slow
def test_what_is_known_later_is_added_to_what_was_stored(corrected: Dataset, network: Path) -> None:
    history = (corrected.root / HISTORY).read_text()
    (corrected.root / HISTORY).unlink()
    before = evaluate_subjects(
        [subject_of(network)], open_images([corrected.root]), EvaluationSettings()
    )
    assert before[0].facts.anchored == 0
    (corrected.root / HISTORY).write_text(history)
    images = open_images([corrected.root])
    after = evaluate_subjects([subject_of(network)], images, EvaluationSettings())
    assert after[0].facts.anchored == 3 == list_evaluations(network)[0].anchored
    assert after[0].facts.created == before[0].facts.created  # nothing was computed anew
