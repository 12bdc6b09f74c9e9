"""What a run starts from decides which cars it may be validated on; a folder's name does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, read_info, save_checkpoint
from core.errors import CheckpointError, DataError
from core.model import UNet
from core.preprocess import Preprocessing
from core.split_verdict import SplitVerdict
from tests.training.pairs import write_pair
from training.config import TrainConfig
from training.data.cars import KIND
from training.data.folder import Dataset, open_dataset, open_datasets
from training.data.lineage import NO_RECORD, split_of, trained_before
from training.data.sides import Split, TrainedCars, load_split
from training.data.splits import split_at_random, split_by_car, split_folds
from training.evaluation.images import open_images
from training.evaluation.subjects import subject_of

ROOT = Path(__file__).resolve().parents[2]
BEST = Path("checkpoints", "best.safetensors")
INFO = CheckpointInfo(
    UNetConfig(3, 1, width=2, depth=2, padding="same", norm="batch"), Preprocessing(size=64)
)
Copy = Callable[[Path, Path], Path]


def write_run(folder: Path, split: Split | None, *, network: bool = False) -> Path:
    """Makes a run's folder with a split and a checkpoint, which may be without a network."""
    (folder / "checkpoints").mkdir(parents=True)
    if split:
        split.save(folder / "split.json")
    if network:
        assert split is not None
        facts = {"fingerprint": split.fingerprint(), "verdict": split.verdict().to_json()}
        save_checkpoint(folder / BEST, UNet(INFO.model), replace(INFO, split=facts))
    else:
        (folder / BEST).touch()
    return folder


@pytest.fixture
def data(tiny_data: Path) -> list[Dataset]:
    return open_datasets([tiny_data])


@pytest.fixture
def config(tiny_data: Path) -> TrainConfig:
    return TrainConfig(data=(str(tiny_data),), val_share=0.3)


def everything(data: list[Dataset]) -> Split:
    """Returns a split that trains on all cars."""
    return Split({}, {each.family: each.cars for each in data}).with_digests(data)


def renamed(source: Path, to: Path) -> Path:
    """Copies a data folder as it is."""
    shutil.copytree(source, to)
    return to


def renamed_photos(source: Path, to: Path) -> Path:
    """Copies a data folder under other names of the photos, and so of the cars."""
    for kind in ("images", "masks"):
        (to / kind).mkdir(parents=True)
        for path in sorted((source / kind).iterdir()):
            shutil.copy(path, to / kind / f"x{path.name}")
    return to


def resized(source: Path, to: Path) -> Path:
    """Copies a data folder at half its size, as files of another format."""
    renamed(source, to)
    for kind in ("images", "masks"):
        for path in sorted((to / kind).iterdir()):
            with Image.open(path) as opened:
                half = opened.resize((opened.width // 2, opened.height // 2), 0)
            path.unlink()
            half.save(path.with_suffix(".png"))
    return to


COPIES = pytest.mark.parametrize("copy", [renamed, renamed_photos, resized])


def test_a_run_that_goes_on_keeps_the_cars_that_the_first_one_kept(
    config: TrainConfig, data: list[Dataset], tmp_path: Path
) -> None:
    first = split_of(config, data)
    run = write_run(tmp_path / "first", first)
    for seed in range(4):
        second = split_of(replace(config, seed=seed, start_from=str(run)), data)
        assert second.val_cars == first.val_cars
        assert second.before == first.trained()
    third = write_run(tmp_path / "third", replace(second, train_cars={"more": ("x",)}))
    assert trained_before(third).cars == {**first.train_cars, "more": ("x",)}
    assert trained_before(third / BEST) == trained_before(third)


@pytest.mark.parametrize("by", ["file", "random"])
def test_a_split_that_was_asked_for_stays_and_says_that_it_leaks(
    config: TrainConfig, data: list[Dataset], tmp_path: Path, by: str
) -> None:
    write_run(tmp_path / "first", everything(data))
    config = replace(config, start_from="first")
    if by == "file":
        split_by_car(data, 0.3, seed=5).save(tmp_path / "split.json")
        config = replace(config, split="split.json")
    else:
        config = replace(config, split_by="random")
    split = split_of(config, data, tmp_path)
    assert split.verdict().kind == "leaky"
    assert split.before == everything(data).trained()
    if by == "file":
        assert split.fingerprint() == load_split(tmp_path / "split.json").fingerprint()
        assert split.verdict() == SplitVerdict("leaky", 1, 1, "car", before=1)


# --- a renamed folder


@COPIES
@pytest.mark.parametrize("recorded", [True, False], ids=["digests", "no digests"])
def test_a_renamed_folder_does_not_launder_a_leak(
    config: TrainConfig,
    data: list[Dataset],
    tiny_data: Path,
    tmp_path: Path,
    copy: Copy,
    recorded: bool,
) -> None:
    trained = everything(data) if recorded else replace(everything(data), digests={})
    write_run(tmp_path / "first", trained)
    folder = copy(tiny_data, tmp_path / "renamed")
    config = replace(config, data=(str(folder),), start_from="first")
    verdict = split_of(config, open_datasets([folder]), tmp_path).verdict()
    if copy is renamed_photos and not recorded:  # nothing is left by which to know the cars again
        assert verdict.kind == "clean"
    else:
        assert verdict == SplitVerdict("leaky", 1, 1, "car", before=1)


@COPIES
def test_a_run_goes_on_in_a_renamed_folder_with_the_cars_that_were_kept(
    config: TrainConfig, data: list[Dataset], tiny_data: Path, tmp_path: Path, copy: Copy
) -> None:
    first = split_of(config, data)
    write_run(tmp_path / "first", first)
    folder = copy(tiny_data, tmp_path / "renamed")
    for seed in range(3):
        again = replace(config, data=(str(folder),), start_from="first", seed=seed)
        split = split_of(again, open_datasets([folder]), tmp_path)
        kept = {car.removeprefix("x") for car in split.val_cars["renamed"]}
        assert kept == set(first.val_cars["tiny"])
        assert split.verdict().kind == "clean"


@COPIES
def test_scores_on_a_renamed_folder_count_the_cars_that_were_trained_on(
    data: list[Dataset], tiny_data: Path, tmp_path: Path, copy: Copy
) -> None:
    split = split_by_car(data, 0.4, seed=0).with_digests(data)
    run = write_run(tmp_path / "first", split, network=True)
    verdict, warnings = open_images([copy(tiny_data, tmp_path / "renamed")]).judge(subject_of(run))
    assert verdict == SplitVerdict("leaky", 3, 5, "car")
    assert warnings


def test_a_car_in_two_folders_stands_on_one_side(tiny_data: Path, tmp_path: Path) -> None:
    larger = renamed(tiny_data, tmp_path / "larger")
    for car in range(6):
        write_pair(larger, f"more{car}_01", 50 + car)
    both = open_datasets([tiny_data, larger])
    for seed in range(4):
        for split in (split_by_car(both, 0.4, seed), *split_folds(both, 3, seed)):
            assert split.verdict().kind == "clean"
        split = split_by_car(both, 0.4, seed)
        assert set(split.val_cars["tiny"]) <= set(split.val_cars["larger"])
        assert [len(split.val_cars[name]) for name in ("tiny", "larger")] == [2, 4]


def test_a_copy_of_a_photo_under_another_car_is_a_leak(tiny_data: Path) -> None:
    photo = tiny_data / "images" / "car0_01.jpg"
    shutil.copy(photo, tiny_data / "images" / "other_01.jpg")
    shutil.copy(tiny_data / "masks" / "car0_01.png", tiny_data / "masks" / "other_01.png")
    split = Split({"tiny": ("car0", "car1")}, {"tiny": ("other", "car2")})
    assert split.verdict().kind == "clean"
    with_digests = split.with_digests(open_datasets([tiny_data]))
    assert with_digests.verdict() == SplitVerdict("leaky", 1, 2, "car")


def test_a_split_file_from_before_digests_is_known_again_by_its_cars(
    data: list[Dataset], tiny_data: Path, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "old", split_at_random(data, 0.3, seed=0))
    facts = json.loads((run / "split.json").read_text())
    for name in ("before", "before_complete", "before_digests", "digests"):
        del facts[name]
    facts["verdict"] = "LEAKY: 2 of 3 validation cars are also in train"
    (run / "split.json").write_text(json.dumps(facts))
    trained = trained_before(run)
    assert trained.complete and not trained.digests
    samples = open_dataset(renamed(tiny_data, tmp_path / "renamed")).samples
    assert trained.verdict_on(samples).kind == "leaky"


def test_a_long_file_is_known_again(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    for name, change in (("a", 0), ("b", 0), ("c", 1)):
        for kind in ("images", "masks"):
            (tmp_path / name / kind).mkdir(parents=True)
        Image.fromarray(noise + np.uint8(change)).save(tmp_path / name / "images" / f"{name}_1.bmp")
        Image.fromarray(noise[..., 0]).save(tmp_path / name / "masks" / f"{name}_1.png")
    folders = {name: open_dataset(tmp_path / name) for name in "abc"}
    trained = Split({}, {"a": ("a",)}).with_digests([folders["a"]]).trained()
    kinds = [trained.verdict_on(folder.samples).kind for folder in folders.values()]
    assert kinds == ["leaky", "leaky", "clean"]


# --- an unknown past


def test_a_start_without_a_record_makes_the_split_unknown(
    config: TrainConfig, data: list[Dataset], tmp_path: Path
) -> None:
    alone = write_run(tmp_path / "alone", None)
    assert trained_before(alone) == trained_before(alone / BEST) == NO_RECORD
    split = split_of(replace(config, start_from=str(alone)), data)
    assert split.verdict() == SplitVerdict("unknown", 0, 1, "car")
    split.save(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json") == split
    # It is inherited, and a leak that is known counts more.
    second = write_run(tmp_path / "second", split)
    third = split_of(replace(config, start_from=str(second)), data)
    assert third.verdict().kind == "unknown"
    assert replace(split, val_cars=split.train_cars).verdict().kind == "leaky"


def test_a_checkpoint_in_another_runs_folder_has_no_record(
    data: list[Dataset], tmp_path: Path
) -> None:
    one = write_run(tmp_path / "one", everything(data), network=True)
    other = write_run(tmp_path / "other", split_by_car(data, 0.3, seed=0), network=True)
    strange = Path(shutil.copy(one / BEST, other / "checkpoints" / "strange.safetensors"))
    assert trained_before(strange) == NO_RECORD
    assert trained_before(other).complete
    link = tmp_path / "link.safetensors"  # leads to where it came from
    link.symlink_to(one / BEST)
    assert trained_before(link) == everything(data).trained()


def test_an_old_run_goes_back_to_its_start_by_its_settings(tmp_path: Path) -> None:
    first = write_run(tmp_path / "runs" / "first", Split({}, {"a": ("x",)}))
    second = write_run(tmp_path / "runs" / "second", Split({}, {"b": ("y",)}))

    def starts_from(where: str) -> TrainedCars:
        (second / "config.json").write_text(json.dumps({"data": ["a"], "start_from": where}))
        return trained_before(second)

    for where in ("runs/first", f"runs/first/{BEST}", str(first)):
        assert starts_from(where) == TrainedCars({"a": ("x",), "b": ("y",)})
    assert starts_from("") == TrainedCars({"b": ("y",)})
    for where in ("runs/gone", "runs/second"):
        assert starts_from(where) == TrainedCars({"b": ("y",)}, complete=False)


def test_scores_of_a_loose_checkpoint_are_unknown(
    data: list[Dataset], tiny_data: Path, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", split_by_car(data, 0.4, seed=0), network=True)
    loose = Path(shutil.copy(run / BEST, tmp_path / "loose.safetensors"))
    verdict, warnings = open_images([tiny_data]).judge(subject_of(loose))
    assert verdict.kind == "unknown" and warnings
    # With the split that it was trained by, its cars are known.
    images = open_images([tiny_data], split=run / "split.json", part="val")
    assert images.judge(subject_of(loose))[0].kind == "clean"
    # A file that says nothing of its split has no clean one.
    save_checkpoint(loose, UNet(INFO.model), replace(read_info(loose), split={}))
    assert read_info(loose).verdict.kind == "unknown"


def test_what_is_not_there_or_damaged_is_told(tmp_path: Path) -> None:
    alone = write_run(tmp_path / "alone", None)
    with pytest.raises(CheckpointError, match="nowhere"):
        trained_before(tmp_path / "nowhere")
    (alone / "split.json").write_text("{")
    with pytest.raises(DataError, match="can't be read"):
        trained_before(alone)


def write_drawn(folder: Path, seed: int) -> Path:
    """Makes a set of three drawn cars with a photo each, without drawing them."""
    for car in range(3):
        write_pair(folder, f"synth{car:04}_01", seed=100 * seed + car)
    manifest = {"kind": KIND, "seed": seed}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(("seed", "kind"), [(5, "leaky"), (6, "clean"), (None, "leaky")])
def test_two_seeds_draw_two_cars_under_one_id(tmp_path: Path, seed: int | None, kind: str) -> None:
    trained = open_dataset(write_drawn(tmp_path / "drawn", 5))
    other = write_drawn(tmp_path / "more" / "drawn", seed or 0)
    if seed is None:
        (other / "manifest.json").unlink()
    split = split_of(TrainConfig(data=(str(trained.root),), val_share=0.34), [trained])
    run = write_run(tmp_path / "run", split)
    assert trained_before(run).verdict_on(open_dataset(other).samples).kind == kind


def test_what_a_start_was_drawn_from_is_known_two_runs_later(tmp_path: Path) -> None:
    first = open_dataset(write_drawn(tmp_path / "a", 5))
    other = open_dataset(write_drawn(tmp_path / "b", 6))
    split = split_of(TrainConfig(data=("a",), val_share=0.34), [first])
    start = write_run(tmp_path / "start", split)
    config = TrainConfig(data=("b",), val_share=0.34, start_from=str(start))
    later = split_of(config, [other])
    assert len(later.val_cars["b"]) == 1
    run = write_run(tmp_path / "run", later)
    assert load_split(run / "split.json").verdict().kind == "clean"
    assert trained_before(run).drawings == {"a": "5", "b": "6"}
    assert trained_before(run).verdict_on(first.samples).kind == "leaky"


def test_the_samples_are_no_cars_of_the_shipped_checkpoints() -> None:
    samples = open_dataset(ROOT / "samples").samples
    for run in sorted((ROOT / "runs").glob("carmask*")):
        assert trained_before_or_not(run).verdict_on(samples).kind == "clean", run.name


def trained_before_or_not(run: Path) -> TrainedCars:
    """Returns what a shipped run was trained on, its weights being shipped or not."""
    if not (run / BEST).is_file():
        return load_split(run / "split.json").trained()
    return trained_before(run)
