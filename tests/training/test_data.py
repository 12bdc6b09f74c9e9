"""Data folders: photos, masks and cars, and what is wrong with them, by name."""

import gc
import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import training.data.cars
from core.errors import ConfigError, DataError, ImageError, MaskError
from core.image import encode_png
from tests.training.layout_folders import write_paired
from tests.training.pairs import write_pair
from training.config import TrainConfig
from training.data.folder import Reading, car_of, open_dataset, open_datasets, view_of


def test_paired_folders(tiny_data: Path) -> None:
    dataset = open_dataset(tiny_data)
    assert (dataset.layout, dataset.name) == ("paired", "tiny")
    assert len(dataset.samples) == 15
    assert dataset.cars == ("car0", "car1", "car2", "car3", "car4")
    assert dataset.problems() == []
    image, mask = dataset.samples[0].read()
    assert image.shape == (48, 64, 3)
    assert mask.shape == (48, 64) and 0.1 < mask.mean() < 0.5


def test_carvana_layout(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train_masks").mkdir()
    truth = np.zeros((20, 30), np.uint8)
    truth[5:15, 8:22] = 1
    palette = Image.fromarray(truth)
    palette.putpalette([0, 0, 0, 255, 255, 255])
    for car in ("0a1b", "ffee"):
        for view in ("01", "16"):
            Image.new("RGB", (30, 20), "grey").save(tmp_path / "train" / f"{car}_{view}.jpg")
            palette.save(tmp_path / "train_masks" / f"{car}_{view}_mask.gif")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "carvana"
    assert dataset.cars == ("0a1b", "ffee")
    assert np.array_equal(dataset.samples[3].read()[1], truth.astype(bool))


def test_one_missing_mask_is_named_and_the_others_stay(tiny_data: Path) -> None:
    (tiny_data / "masks" / "car1_02.png").unlink()
    (tiny_data / "images" / "car2_01.jpg").unlink()
    dataset = open_dataset(tiny_data)
    assert len(dataset.samples) == 13
    assert dataset.without_mask == ("car1_02",)
    assert dataset.without_photo == ("car2_01",)
    assert [("car1_02" in p) or ("car2_01" in p) for p in dataset.problems()] == [True, True]


def test_a_black_mask_is_a_photo_without_a_car(tiny_data: Path) -> None:
    (tiny_data / "masks" / "car0_01.png").write_bytes(encode_png(np.zeros((48, 64), bool)))
    assert open_dataset(tiny_data).samples[0].read()[1].sum() == 0


@pytest.mark.parametrize("kind", ["missing", "empty", "no masks folder", "no mask", "one a file"])
def test_unusable_folders_say_what_is_needed(tiny_data: Path, tmp_path: Path, kind: str) -> None:
    root = tiny_data
    if kind == "missing":
        root = tmp_path / "nowhere"
    elif kind == "empty":
        root = tmp_path / "empty"
        root.mkdir()
    elif kind == "one a file":
        root = tiny_data / "images" / "car0_01.jpg"
    else:
        for mask in (tiny_data / "masks").iterdir():
            mask.unlink()
        if kind == "no masks folder":
            (tiny_data / "masks").rmdir()
    with pytest.raises(DataError, match=r"masks|no data folder"):
        open_dataset(root)


def test_a_mask_of_another_size_is_named(tiny_data: Path) -> None:
    (tiny_data / "masks" / "car0_01.png").write_bytes(encode_png(np.ones((48, 63), bool)))
    with pytest.raises(MaskError, match="63"):
        open_dataset(tiny_data).samples[0].read()


def test_an_unreadable_photo_is_named(tiny_data: Path) -> None:
    (tiny_data / "images" / "car0_01.jpg").write_bytes(b"text")
    with pytest.raises(ImageError, match=r"car0_01\.jpg"):
        open_dataset(tiny_data).samples[0].read()


def test_the_fingerprint_changes_with_names_and_sizes(tiny_data: Path) -> None:
    before = open_dataset(tiny_data).fingerprint()
    assert open_dataset(tiny_data).fingerprint() == before
    write_pair(tiny_data, "car4_03", seed=999)
    changed = open_dataset(tiny_data).fingerprint()
    (tiny_data / "images" / "car4_03.jpg").rename(tiny_data / "images" / "car4_04.jpg")
    (tiny_data / "masks" / "car4_03.png").rename(tiny_data / "masks" / "car4_04.png")
    assert len({before, changed, open_dataset(tiny_data).fingerprint()}) == 3


def test_two_folders_of_one_name_are_refused(tiny_data: Path, tmp_path: Path) -> None:
    write_pair(tmp_path / "other" / "tiny", "car9_01", 1)
    with pytest.raises(DataError, match="'tiny'"):
        open_datasets([tiny_data, tmp_path / "other" / "tiny"])
    with pytest.raises(DataError, match="No data folder"):
        open_datasets([])


def test_the_car_is_the_part_before_the_underscore() -> None:
    assert car_of("00087a6bd4dc_01") == "00087a6bd4dc"
    assert car_of("sub/folder_x/synth0003_16") == "synth0003"
    assert car_of("single") == "single"


def test_the_view_is_the_last_part_of_two_digits() -> None:
    assert view_of("00087a6bd4dc_01") == "01"
    assert view_of("sub/car_12_16") == "16"
    assert view_of("car0_03_a01") == "03"
    assert [view_of(name) for name in ("car", "car_1", "car_001", "01", "car_01b")] == [""] * 5


def test_a_rule_finds_the_car_in_the_name(tiny_data: Path) -> None:
    dataset = open_dataset(tiny_data, Reading(car_rule=r"_(?P<car>\d+)$"))
    assert dataset.cars == ("01", "02", "03")
    assert dataset.samples[0].car == "01"
    assert dataset.fingerprint() == open_dataset(tiny_data).fingerprint()


def test_a_rule_may_look_at_folders(tmp_path: Path) -> None:
    for car in ("red", "blue"):
        write_paired(tmp_path, photos=f"images/{car}", masks=f"masks/{car}")
    dataset = open_dataset(tmp_path, Reading(car_rule="(?P<car>[^/]+)/"))
    assert dataset.cars == ("blue", "red")


@pytest.mark.parametrize("rule", ["(?P<car>", "[^_]+", r"(?P<auto>\w+)"])
def test_a_rule_that_is_none(tiny_data: Path, rule: str) -> None:
    with pytest.raises(ConfigError, match=r"\(\?P<car>"):
        open_dataset(tiny_data, Reading(car_rule=rule))


@pytest.mark.parametrize("rule", [r"(?P<car>[0-3])_", r"car4(?P<car>)|(?P<other>car)4"])
def test_a_rule_that_does_not_fit_names_the_photos(tiny_data: Path, rule: str) -> None:
    with pytest.raises(DataError, match=r"photos: car\d_01, car\d_02, car\d_03"):
        open_dataset(tiny_data, Reading(car_rule=rule))


def test_a_table_gives_the_cars_and_goes_before_a_rule(tiny_data: Path, tmp_path: Path) -> None:
    names = [sample.name for sample in open_dataset(tiny_data).samples]
    suffixes = (["", ".jpg", ".PNG"] * 5)[: len(names)]
    rows = [f"{name}{suffix},{name[-1]},x" for name, suffix in zip(names, suffixes, strict=True)]
    table = tmp_path / "cars.csv"
    table.write_text("\n".join(["\ufeffimage,car,note", *rows, "other.jpg,9,x", ",,"]), "utf-8")
    dataset = open_dataset(tiny_data, Reading(cars=table, car_rule="("))
    assert dataset.cars == ("1", "2", "3")


@pytest.mark.parametrize(
    "text, message",
    [
        ("image,car\ncar0_01,a\ncar0_02,\n", r"no car for 14 photos: car0_02, .*car1_03, \.\.\."),
        ("image;car\n", "lacks the columns image and car"),
        ("", "columns"),
        ("image,car\ncar0_01,a\ncar0_01.jpg,b\n", "line 2 another car in line 3"),
        (None, "No such file"),
        ("image,car\n\xff", "UTF-8"),
    ],
)
def test_tables_that_can_not_be_used(
    tiny_data: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "cars.csv").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=message):
        open_dataset(tiny_data, Reading(cars=tmp_path / "cars.csv"))


@pytest.mark.parametrize(
    "text", ["PASSWORD=hunter2\n", "image,car\ncar0_01,hunter2\ncar0_01,hunter3\n", "hunter2\0a\n"]
)
def test_no_error_repeats_what_stands_in_a_table(
    tiny_data: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "cars.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        open_dataset(tiny_data, Reading(cars=tmp_path / "cars.csv"))
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("path", ["/dev/zero", "a\0b", "x" * 300, "/proc/self/environ"])
def test_a_table_that_is_no_file_is_a_clear_error(tiny_data: Path, path: str) -> None:
    with pytest.raises(DataError):
        open_dataset(tiny_data, Reading(cars=Path(path)))


@pytest.mark.parametrize("path", ["a\0b", "x" * 300, "/y" * 3000])
def test_a_folder_that_can_not_be_is_a_clear_error(path: str) -> None:
    with pytest.raises(DataError):
        open_dataset(Path(path))


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        r"(?P<car>(a|a|aa)+)$",
        r"(?P<car>(?:\w+)*)*!",
        r"^(?P<car>(\w*)*(\w*)*)\W",
        "(?P<car>" + "(?i:[\0-\U0010ffff])" * 300 + ")",
    ],
)
def test_a_rule_is_bounded_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    monkeypatch.setattr(training.data.cars, "RULE_SECONDS", 1.0)
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r"longer than 1 s"):
        training.data.cars.cars_by_rule(["a" * 60 + "_01"] * 3, rule)
    assert time.monotonic() - begun < 10


@pytest.mark.slow
def test_a_slow_rule_costs_its_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.data.cars, "RULE_SECONDS", 1.0)
    names = ["a" * 60 + "_02"] * 3
    seconds = []
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(ConfigError, match=r"longer than 1 s"):
            training.data.cars.cars_by_rule(names, r"(?P<car>(a|aa|a)+)$")
        seconds.append(time.monotonic() - begun)
    assert seconds[0] > 1 and seconds[1] < 0.1


@pytest.mark.parametrize("rule", ["(" * 5000 + ")" * 5000, "(?P<car>a{99999999999999999999})"])
def test_a_rule_that_can_not_be_compiled_is_a_short_error(rule: str) -> None:
    with pytest.raises(ConfigError) as caught:
        training.data.cars.cars_by_rule(["car_01"], rule)
    assert len(str(caught.value)) < 400


def test_a_rule_may_look_ahead_and_back() -> None:
    cars = training.data.cars.cars_by_rule(
        ["ab_ab_1", "cd_cd_2"], r"(?P<car>(?P<x>\w\w)_(?P=x))(?=_\d)"
    )
    assert cars == {"ab_ab_1": "ab_ab", "cd_cd_2": "cd_cd"}


def test_a_photo_can_be_left_out(tiny_data: Path) -> None:
    whole = open_dataset(tiny_data)
    name = whole.samples[0].name
    for wanted in (name, f"{whole.name}/{name}"):
        reading = Reading(left_out=(wanted,))
        [part] = open_datasets([tiny_data], reading)
        assert [each.name for each in part.samples] == [each.name for each in whole.samples[1:]]
        assert part.left_out == (name,)
        assert reading.arguments() == [f"--leave-out={wanted}"]
    with pytest.raises(DataError, match="no_such_photo"):
        open_datasets([tiny_data], Reading(left_out=("no_such_photo",)))
    assert TrainConfig(leave_out=(name,)).reading().left_out == (name,)


def test_a_folder_without_any_mask_can_be_looked_at(tiny_data: Path) -> None:
    for mask in (tiny_data / "masks").iterdir():
        mask.unlink()
    dataset = open_dataset(tiny_data, allow_empty=True)
    assert (len(dataset.samples), len(dataset.without_mask)) == (0, 15)
    (tiny_data / "masks").rmdir()
    assert open_dataset(tiny_data, allow_empty=True).without_mask == dataset.without_mask


def test_the_garbage_collector_is_on_again_after_an_error(tiny_data: Path) -> None:
    with pytest.raises(ConfigError):
        open_dataset(tiny_data, Reading(car_rule="("))
    assert gc.isenabled()


def test_a_dataset_is_its_own_family(tiny_data: Path) -> None:
    assert open_dataset(tiny_data).family == "tiny"


def test_the_fingerprint_of_files_stays_what_runs_have_written(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for name, photo, mask in (("a_01", 3, 1), ("b_01", 5, 2)):
        (tmp_path / "images" / f"{name}.jpg").write_bytes(b"x" * photo)
        (tmp_path / "masks" / f"{name}.png").write_bytes(b"x" * mask)
    digest = hashlib.sha256(b"a_01\0[3, 1]\nb_01\0[5, 2]\n").hexdigest()
    assert open_dataset(tmp_path).fingerprint() == digest
