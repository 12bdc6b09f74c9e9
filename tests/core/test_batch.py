from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Iterable

import pytest

from core.batch import Batch, Done, File, Progress
from core.results import ResultRow
from core.session import Photo, uploaded_photos


def photos(count: int) -> list[Photo]:
    return list(uploaded_photos([(f"{number}.jpg", b"x") for number in range(count)]))


class Maker:
    """Stands for the work on a photo; its options are a word that goes into the file."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.made: list[tuple[str, str]] = []

    def __call__(self, photo: Photo, word: str) -> tuple[Done, Iterable[File]]:
        time.sleep(self.seconds)
        self.made.append((photo.source.name, word))
        row = ResultRow(photo.source.name, 10, 10, 0.5, 0.0)
        return Done(row, word.encode()), [(f"{photo.source.stem}.txt", word.encode())]


def wait(batch: Batch[str], word: str, until: str = "done") -> Progress:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        progress = batch.watch(word)
        if progress.state == until:
            return progress
        time.sleep(0.01)
    raise AssertionError(progress)


def test_every_photo_has_a_result_and_its_files_are_in_the_zip() -> None:
    batch = Batch(photos(5), Maker())
    assert not batch.results
    progress = wait(batch, "white")
    assert (progress.done, progress.count) == (5, 5)
    archive = zipfile.ZipFile(io.BytesIO(batch.zip()))
    assert batch.zip_size() == len(batch.zip())
    assert {archive.read(f"{number}.txt") for number in range(5)} == {b"white"}
    rows = csv.DictReader(io.StringIO(archive.read("results.csv").decode("utf-8-sig")))
    assert [row["file"] for row in rows] == [f"{number}.jpg" for number in range(5)]
    assert [batch.results[number].tile for number in range(5)] == [b"white"] * 5


def test_results_come_one_by_one_with_a_guess_of_the_time_left() -> None:
    batch = Batch(photos(4), Maker(0.1))
    seen, guesses = set(), []
    while (progress := batch.watch("white")).state == "running":
        seen.add(len(batch.results))
        guesses += [] if progress.seconds_left is None else [progress.seconds_left]
        time.sleep(0.01)
    assert len(seen) >= 3
    assert 0 < max(guesses) < 5


def test_other_options_begin_anew_and_the_zip_is_of_the_last_ones() -> None:
    make = Maker(0.02)
    batch = Batch(photos(20), make)
    batch.watch("white")
    time.sleep(0.1)
    wait(batch, "black")
    archive = zipfile.ZipFile(io.BytesIO(batch.zip()))
    assert {archive.read(f"{number}.txt") for number in range(20)} == {b"black"}
    assert {done.tile for done in batch.results.values()} == {b"black"}
    made = len(make.made)
    assert batch.watch("black").state == "done" and len(make.made) == made
    wait(batch, "white")
    assert len(make.made) == made + 20


def test_refreshed_it_makes_all_anew() -> None:
    make = Maker()
    batch = Batch(photos(5), make)
    wait(batch, "white")
    batch.refresh()
    assert wait(batch, "white").done == 5
    assert len(make.made) == 10
    make.seconds = 0.02
    wait(batch, "black", "running")
    batch.refresh()
    assert wait(batch, "black").done == 5
    assert {done.tile for done in batch.results.values()} == {b"black"}


def test_it_pauses_when_nobody_watches_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.batch.ABANDONED_SECONDS", 0.1)
    make = Maker(0.05)
    batch = Batch(photos(30), make)
    batch.watch("white")
    time.sleep(0.6)
    made = len(make.made)
    assert 0 < made < 30
    time.sleep(0.2)
    assert len(make.made) == made
    assert wait(batch, "white").done == 30


def test_closed_it_ends() -> None:
    make = Maker(0.02)
    batch = Batch(photos(50), make)
    batch.watch("white")
    batch.close()
    time.sleep(0.3)
    made = len(make.made)
    time.sleep(0.2)
    assert len(make.made) == made < 50


def test_a_full_disk_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    batch = Batch(photos(2), Maker())
    with monkeypatch.context() as patched:
        patched.setattr("core.batch.write_zip", full)
        assert "No space left" in wait(batch, "white", "failed").error
        assert batch.watch("white").state == "failed"
    batch.watch("white", retry=True)
    assert wait(batch, "white").done == 2
