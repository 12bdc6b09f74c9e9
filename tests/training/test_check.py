import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.split_verdict import SplitVerdict
from tests.training.faulty_folder import (
    car_mask,
    ellipse,
    write,
    write_faulty_folder,
    write_sound_folder,
)
from tests.training.layout_folders import write_augmented, write_coco, write_voc
from training.commands.cli import main
from training.data.folder import Reading, open_dataset
from training.data.sides import Split
from training.health.check import Report, check_datasets
from training.health.findings import findings_of
from training.health.index import FactsIndex


def checked(*roots: Path, split: Split | None = None) -> Report:
    datasets = [open_dataset(root, allow_empty=True) for root in roots]
    index = FactsIndex(Path(":memory:") if not roots else roots[0].parent / "facts.sqlite")
    for dataset in datasets:
        index.update(dataset.samples, workers=0)
    report = check_datasets(datasets, index, split)
    index.close()
    return report


def names_by_kind(report: Report) -> dict[str, set[str]]:
    kinds = [finding.kind for finding in report.findings]
    assert len(kinds) == len(set(kinds))
    return {finding.kind: set(finding.names) for finding in report.findings}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))


def test_every_planted_fault_is_found_and_no_other(tmp_path: Path) -> None:
    planted = write_faulty_folder(tmp_path / "faulty")
    report = checked(tmp_path / "faulty")
    assert names_by_kind(report) == planted
    assert report.spoils
    assert report.counts == {kind: len(names) for kind, names in planted.items()}


def test_a_sound_folder_has_no_finding(tmp_path: Path) -> None:
    write_sound_folder(tmp_path / "sound")
    report = checked(tmp_path / "sound")
    assert report.findings == ()
    assert not report.spoils
    assert "No problems found" in report.text()


@pytest.mark.parametrize("write_folder, other", [(write_coco, "truck"), (write_voc, "bus")])
def test_a_class_that_no_mask_has_would_spoil_a_training(
    tmp_path: Path, write_folder: Callable[[Path], None], other: str
) -> None:
    write_folder(tmp_path / "data")
    dataset = open_dataset(tmp_path / "data", Reading(classes=(other,)))
    index = FactsIndex(tmp_path / "facts.sqlite")
    index.update(dataset.samples, workers=0)
    [finding] = check_datasets([dataset], index).findings
    assert (finding.kind, finding.severity) == ("empty_mask", "error")
    assert other in finding.advice


def test_severities_say_what_would_spoil_a_training(tmp_path: Path) -> None:
    write_faulty_folder(tmp_path / "faulty")
    report = checked(tmp_path / "faulty")
    errors = {finding.kind for finding in report.findings if finding.severity == "error"}
    assert errors == {"unreadable", "size_mismatch", "empty_mask", "full_mask"}
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities, key=("error", "warning", "note").index)


def test_copies_across_the_sides_of_a_split_are_errors(tmp_path: Path) -> None:
    planted = write_faulty_folder(tmp_path / "faulty")
    cars = open_dataset(tmp_path / "faulty").cars
    val = {"twin", "brighter"}
    split = Split(val_cars={"faulty": tuple(val)}, train_cars={"faulty": tuple({*cars} - val)})
    report = checked(tmp_path / "faulty", split=split)
    found = names_by_kind(report)
    assert found["exact_duplicates_sides"] == planted["exact_duplicates_cars"]
    assert found["near_duplicates_sides"] >= {"good4_01", "brighter_01"}
    assert found["exact_duplicates_within_side"] == planted["exact_duplicates_within"]
    assert found["near_duplicates_within_side"] >= planted["near_duplicates_within"]
    assert "car_on_both_sides" not in found
    by_kind = {finding.kind: finding.severity for finding in report.findings}
    assert by_kind["exact_duplicates_sides"] == by_kind["near_duplicates_sides"] == "error"
    assert by_kind["exact_duplicates_within_side"] == "warning"


def test_cars_on_both_sides_and_photos_on_none(tmp_path: Path) -> None:
    write_sound_folder(tmp_path / "sound")
    split = Split(
        val_cars={"sound": ("good0", "good1")},
        train_cars={"sound": ("good1", "good2", "good3", "good4", "good5", "good6")},
    )
    report = checked(tmp_path / "sound", split=split)
    views = ("_01", "_02", "_03")
    assert names_by_kind(report) == {
        "car_on_both_sides": {f"good1{view}" for view in views},
        "not_in_split": {f"good7{view}" for view in views},
    }
    assert report.spoils
    assert report.verdict == SplitVerdict("leaky", 1, 2, "car")


def test_a_random_split_leaks_the_cars_that_stand_on_both_sides(tmp_path: Path) -> None:
    write_sound_folder(tmp_path / "sound")
    names = [sample.name for sample in open_dataset(tmp_path / "sound").samples]
    kept = ("good0_01", "good5_01", "good5_02", "good5_03")
    split = Split(
        val_cars={"sound": ("good0", "good5")},
        train_cars={"sound": tuple(f"good{car}" for car in range(8) if car != 5)},
        by="random",
        val_images={"sound": kept},
        train_images={"sound": tuple(name for name in names if name not in kept)},
    )
    report = checked(tmp_path / "sound", split=split)
    assert names_by_kind(report) == {"car_on_both_sides": {"good0_01", "good0_02", "good0_03"}}


def test_copies_are_found_across_folders(tmp_path: Path) -> None:
    write_sound_folder(tmp_path / "one")
    write(tmp_path / "two", "other_01", seed=2)
    write(tmp_path / "two", "own_01", seed=77)
    report = checked(tmp_path / "one", tmp_path / "two")
    assert names_by_kind(report) == {"exact_duplicates_cars": {"one/good0_02", "two/other_01"}}
    (finding,) = report.findings
    assert finding.groups == (("one/good0_02", "two/other_01"),)
    assert "one/good0_02 = two/other_01" in report.text()


def test_a_folder_without_a_pair_spoils_a_training(tmp_path: Path) -> None:
    write(tmp_path / "bare", "a_01", seed=1)
    (tmp_path / "bare" / "train_masks" / "a_01_mask.png").unlink()
    report = checked(tmp_path / "bare")
    assert names_by_kind(report) == {"no_pairs": set(), "without_mask": {"a_01"}}
    assert report.spoils


def test_few_or_equal_masks_have_no_outlier(tmp_path: Path) -> None:
    for car in range(11):
        write(tmp_path / "few", f"car{car}_01", seed=car, mask=ellipse(0.5, 0.5, 0.25))
    write(tmp_path / "few", "near_01", seed=50, mask=ellipse(0.5, 0.5, 0.27))
    assert checked(tmp_path / "few").findings == ()
    write(tmp_path / "few", "far_01", seed=51, mask=ellipse(0.5, 0.5, 0.35))
    assert names_by_kind(checked(tmp_path / "few")) == {"area_outlier": {"far_01"}}
    (tmp_path / "few" / "train" / "car0_01.png").unlink()
    (tmp_path / "few" / "train" / "car1_01.png").unlink()
    assert set(names_by_kind(checked(tmp_path / "few"))) == {"without_photo"}


def test_three_parts_are_no_finding_and_four_are(tmp_path: Path) -> None:
    columns = np.arange(128)
    for count, cuts in ((3, (56, 72)), (4, (48, 64, 80))):
        gap = np.isin(columns, [c + step for c in cuts for step in (0, 1)])
        write(tmp_path / "parts", f"car{count}_01", seed=count, mask=car_mask(1) & ~gap)
    assert names_by_kind(checked(tmp_path / "parts")) == {"many_parts": {"car4_01"}}


def test_most_photos_under_one_car_are_a_finding(tmp_path: Path) -> None:
    for number in range(14):
        write(tmp_path / "street", f"street_{number:02}", seed=number)
    for number in range(9):
        write(tmp_path / "street", f"car{number}_01", seed=50 + number)
    assert checked(tmp_path / "street").findings == ()  # 23 photos are too few to say
    write(tmp_path / "street", "car9_01", seed=60)
    (finding,) = checked(tmp_path / "street").findings
    assert (finding.kind, finding.severity) == ("one_car", "warning")
    assert finding.title == "14 of 24 photos count as one car"
    assert finding.names == tuple(f"street_{number:02}" for number in range(14))
    ruled = open_dataset(tmp_path / "street", Reading(car_rule=r"(?P<car>\d+)"))
    assert [each.kind for each in findings_of(ruled, [])] == []
    for number in range(10, 14):
        write(tmp_path / "street", f"car{number}_01", seed=60 + number)
    assert checked(tmp_path / "street").findings == ()  # half of them


@pytest.mark.parametrize("make", [write_coco, write_voc, write_augmented])
def test_other_layouts_are_sound(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "set")
    report = checked(tmp_path / "set")
    assert not {"unreadable", "size_mismatch", "mask_values"} & set(names_by_kind(report))


def test_command_prints_the_first_names_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_faulty_folder(tmp_path / "faulty")
    for number in range(12):
        write(tmp_path / "faulty", f"blank{number:02}_01", 200 + number, np.zeros((96, 128), bool))
    assert main(["check", str(tmp_path / "faulty"), "--workers", "0"]) == 1
    printed = capsys.readouterr().out
    assert "error: 13 masks are empty: they show no car" in printed
    assert "blank09_01: no pixel is car" in printed
    assert "blank10_01" not in printed
    assert "and 3 more" in printed
    assert "small_01: photo 128 x 96 px, mask 64 x 48 px" in printed
    assert "good2_01 = twin_01" in printed
    assert "training would fail" in printed.splitlines()[-1]


@pytest.mark.slow
def test_command_prints_json_with_all_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = write_faulty_folder(tmp_path / "faulty")
    assert main(["check", str(tmp_path / "faulty"), "--json", "--workers", "1"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["spoils"] is True
    assert {each["kind"]: set(each["names"]) for each in report["findings"]} == planted
    assert report["datasets"][0]["layout"] == "carvana"


@pytest.mark.slow
def test_command_exits_0_where_all_is_well_also_with_a_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sound_folder(tmp_path / "sound")
    cars = open_dataset(tmp_path / "sound").cars
    split = Split(val_cars={"sound": cars[:2]}, train_cars={"sound": cars[2:]})
    split.save(tmp_path / "split.json")
    given = ["check", str(tmp_path / "sound"), "--split", str(tmp_path / "split.json")]
    assert main(given) == 0
    assert "split: by car: 2 validation cars, none of them in train" in capsys.readouterr().out


def test_command_takes_the_classes_that_are_the_car(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coco(tmp_path / "coco")
    words = ["check", str(tmp_path / "coco"), "--workers", "0"]
    assert main([*words, "--class", "person", "--classes", "truck"]) in (0, 1)
    capsys.readouterr()
    assert main([*words, "--class", "dog"]) == 2
    assert "is the car (--class NAME, once for each); it has: person" in capsys.readouterr().err


def test_command_exits_2_on_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "nothing")]) == 2
    write_sound_folder(tmp_path / "sound")
    assert main(["check", str(tmp_path / "sound"), str(tmp_path / "sound")]) == 2
    assert main(["check", str(tmp_path / "sound"), "--workers", "-1"]) == 2
    assert main(["check", str(tmp_path / "sound"), "--split", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().out == ""
