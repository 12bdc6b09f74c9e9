from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from core.edit_facts import EditFacts, Origin
from core.errors import DataError, MaskError
from training.data import adding
from training.data.adding import add_to_dataset, proposed_car
from training.data.folder import open_dataset
from training.data.history import HISTORY, history_of


def photo(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (24, 36, 3), dtype=np.uint8)


def mask() -> np.ndarray:
    made = np.zeros((24, 36), np.bool_)
    made[4:20, 6:30] = True
    made[9, 9] = False
    return made


def test_a_pair_reads_back_bit_for_bit(tmp_path: Path) -> None:
    folder = tmp_path / "corrected"
    add_to_dataset(folder, photo(), mask(), name="street/red car.jpg", car="golf")
    (sample,) = open_dataset(folder).samples
    image, car = sample.read()
    assert np.array_equal(image, photo()) and np.array_equal(car, mask())
    assert sample.car == "golf"


def test_names_that_are_taken_get_a_number(tmp_path: Path) -> None:
    for seed in range(3):
        add_to_dataset(tmp_path / "d", photo(seed), mask(), name="A.jpg", car="golf")
    dataset = open_dataset(tmp_path / "d")
    assert len({sample.name for sample in dataset.samples}) == 3
    assert dataset.cars == ("golf",)


def test_a_photo_that_is_there_is_named_and_nothing_changed(tmp_path: Path) -> None:
    first = add_to_dataset(tmp_path / "d", photo(), mask(), name="a.jpg", car="golf")
    before = first.mask.read_bytes()
    with pytest.raises(DataError, match=first.photo.name):
        add_to_dataset(tmp_path / "d", photo(), ~mask(), name="b.jpg", car="polo")
    assert first.mask.read_bytes() == before
    assert len(open_dataset(tmp_path / "d").samples) == 1


def test_the_edit_is_written_beside_it(tmp_path: Path) -> None:
    edit = EditFacts(edit="e1", photo="p1", mask="m1", seconds=4.5)
    added = add_to_dataset(tmp_path, photo(), mask(), name="a.jpg", car="golf", edit=edit)
    (line,) = (tmp_path / "edits.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert found["name"] == added.name
    assert found["edit"]["mask"] == "m1" and found["edit"]["seconds"] == 4.5
    assert len(open_dataset(tmp_path).samples) == 1


def test_a_folder_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError):
        add_to_dataset(tmp_path, photo(), mask(), name="a.jpg", car="golf")
    assert {path.name for path in tmp_path.iterdir()} == {"train", "notes.txt"}


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("")
    with pytest.raises(DataError):
        add_to_dataset(tmp_path / "d", photo(), mask(), name="a.jpg", car="golf")


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskError):
        add_to_dataset(tmp_path / "d", photo(), mask()[:-1], name="a.jpg", car="golf")
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("name", "car"), [("golf_01.jpg", "golf"), ("IMG-12.jpg", "IMG-12"), ("_x.jpg", "car")]
)
def test_a_car_is_proposed(name: str, car: str) -> None:
    assert proposed_car(name) == car


def test_a_car_with_an_underscore_stays_one_car(tmp_path: Path) -> None:
    add_to_dataset(tmp_path / "d", photo(), mask(), name="x_1.jpg", car="red_golf / 2")
    (sample,) = open_dataset(tmp_path / "d").samples
    assert ("_" not in sample.car and "golf" in sample.car) or sample.car == "2"


@pytest.mark.parametrize("which", ["masks", "images"])
def test_a_full_disk_leaves_no_half_a_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    folder = tmp_path / "d"
    add_to_dataset(folder, photo(1), mask(), name="a.jpg", car="golf")
    before = {path for path in folder.rglob("*.png")}
    write = adding.write_bytes_atomically

    def full(path: Path, data: bytes) -> None:
        if path.parent.name == which:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(adding, "write_bytes_atomically", full)
    with pytest.raises(DataError, match="No space left"):
        add_to_dataset(folder, photo(2), mask(), name="b.jpg", car="golf", edit=EditFacts(edit="e"))
    assert {path for path in folder.rglob("*.png")} == before
    monkeypatch.undo()
    add_to_dataset(folder, photo(2), mask(), name="b.jpg", car="golf", edit=EditFacts(edit="e"))
    assert len(open_dataset(folder).samples) == 2


def test_a_history_that_was_cut_short_goes_on_in_a_new_line(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        edit = EditFacts(edit=name, origin=Origin(fingerprint="f"))
        add_to_dataset(tmp_path, photo(seed), mask(), name=f"{name}.jpg", car="golf", edit=edit)
        if name == "a":
            path = tmp_path / HISTORY
            path.write_bytes(path.read_bytes() + b'{"name": "golf_x", "edi')
    assert {name: each.edit for name, each in history_of(tmp_path).items()} == {
        "golf_a": "a",
        "golf_b": "b",
    }


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "images").touch()  # whoever runs this, no folder can be made there
    with pytest.raises(DataError, match="Choose"):
        add_to_dataset(tmp_path / "d", photo(), mask(), name="a.jpg", car="golf")
