"""A folder in, a folder out: once each, whole, and on after a kill."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import CarmaskError
from serving.cli import main
from serving.watch import STATE_NAME, Watch
from tests.serving.running import photo, wait_for, write_photo


@pytest.fixture
def folders(runs_of_module: Path, tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "in").mkdir()
    return tmp_path / "in", tmp_path / "out"


def once(folders: tuple[Path, Path], *more: str) -> int:
    return main(["watch", *map(str, folders), "--once", "--every", "0.02", *more])


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_each_photo_is_segmented_once(folders: tuple[Path, Path]) -> None:
    source, target = folders
    write_photo(source, "a.jpg")
    write_photo(source, "more/a.jpg", seed=1)
    (source / "notes.txt").write_text("no photo")
    (source / ".hidden.jpg").write_bytes(photo())
    (source / "bad.jpg").write_bytes(b"no photo")
    assert once(folders, "--cutout", "soft") == 1
    named = {"a_mask.png", "a_overlay.jpg", "a_cutout.png"}
    named |= {each.replace("a_", "a_2_", 1) for each in named}
    assert {each.name for each in target.iterdir()} == {*named, "results.csv", STATE_NAME}
    assert sorted(row["file"] for row in rows(target)) == ["a.jpg", "bad.jpg", "more/a.jpg"]
    before = {each: each.stat().st_mtime_ns for each in target.iterdir()}
    assert once(folders) == 0
    assert {each: each.stat().st_mtime_ns for each in target.iterdir()} == before


def test_a_photo_that_changed_is_done_again_under_its_name(folders: tuple[Path, Path]) -> None:
    source, target = folders
    path = write_photo(source, "a.jpg")
    assert once(folders) == 0
    mask = (target / "a_mask.png").read_bytes()
    path.write_bytes(photo(60, 60))
    write_photo(source, "b.jpg")
    assert once(folders) == 0
    assert (target / "a_mask.png").read_bytes() != mask
    assert [row["stem"] for row in rows(target)] == ["a", "b"]


def test_a_line_that_a_kill_cut_off_is_a_photo_to_do_again(folders: tuple[Path, Path]) -> None:
    source, target = folders
    for name in ("a.jpg", "b.jpg"):
        write_photo(source, name)
    assert once(folders) == 0
    state = target / STATE_NAME
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) - 40])
    (target / "b_mask.png").unlink()
    assert once(folders) == 0
    assert (target / "b_mask.png").is_file()
    assert [row["stem"] for row in rows(target)] == ["a", "b"]
    before = state.read_bytes()
    assert once(folders) == 0
    assert state.read_bytes() == before  # nothing is left to do


def test_a_photo_is_not_taken_while_it_is_written(folders: tuple[Path, Path]) -> None:
    source, target = folders
    path = source / "slow.jpg"

    def write() -> None:
        data = photo()
        with path.open("wb") as file:
            for start in range(0, len(data), 200):
                file.write(data[start : start + 200])
                file.flush()
                os.utime(path)
                time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    wait_for(path.exists)
    assert main(["watch", str(source), str(target), "--once", "--every", "0.5"]) == 0
    writer.join()
    assert [row["error"] for row in rows(target)] == [""]


def test_folders_that_can_not_be_used(folders: tuple[Path, Path], tmp_path: Path) -> None:
    source, target = folders
    assert once((tmp_path / "none", target)) == 2
    assert once((source, source / "out")) == 2
    assert once((source, tmp_path)) == 2
    target.mkdir()
    (target / "results.csv").write_text("somebody's,own\n")
    with pytest.raises(CarmaskError):
        Watch(source, target)
    assert (target / "results.csv").read_text() == "somebody's,own\n"


def test_a_place_that_can_not_be_written_is_named(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folders[1].write_text("a file")
    assert once((folders[0], folders[1] / "in it")) == 2
    said = capsys.readouterr().err
    assert "in it can't be used (Not a directory)" in said and "Traceback" not in said


@pytest.mark.slow
def test_a_signal_ends_it_after_the_photo_that_it_is_at(folders: tuple[Path, Path]) -> None:
    source, target = folders
    for number in range(40):
        write_photo(source, f"{number:02}.jpg", seed=number)
    command = [sys.executable, "-m", "serving", "watch", str(source), str(target), "--every", "0.1"]
    watch = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for(lambda: (target / "00_mask.png").exists(), 90)
    watch.send_signal(signal.SIGTERM)
    assert watch.wait(60) == 0
    done = len(rows(target))
    assert 1 <= done < 40 and len(list(target.glob("*_mask.png"))) == done
    assert once(folders) == 0
    assert len(rows(target)) == 40
