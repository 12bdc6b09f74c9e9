import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.image import read_image, read_mask
from tests.training.pairs import write_pair
from training.augment.compose import Augmenter
from training.augment.recipe import Recipe, find_recipe
from training.augment.step import Step
from training.augment.written.settings import AugmentJob
from training.augment.written.status import (
    augment_command,
    job_of,
    read_status,
    start_augment,
    stop_augment,
)
from training.augment.written.writer import AugmentedFolder, write_augmented
from training.commands.cli import main
from training.data.folder import Reading, open_dataset

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def job(tiny_data: Path, tmp_path: Path) -> AugmentJob:
    return AugmentJob(tiny_data, tmp_path / "out", 3, find_recipe("light"), seed=7, workers=1)


def tree(out: Path) -> dict[str, bytes]:
    """Returns all that belongs to a set; what else may stand in its folder is checked here."""
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    beside = {"lock", "state.json", "log.txt", "recipe.json"}
    assert not [name for name in files if name.rpartition("/")[2].startswith(".")]
    return {name: data for name, data in files.items() if name not in beside}


def uninterrupted(job: AugmentJob) -> dict[str, bytes]:
    whole = replace(job, out=job.out.with_name("whole"))
    assert write_augmented(whole).finished
    return tree(whole.out)


def manifest(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def test_the_pictures_are_what_the_recipe_makes_of_seed_version_and_index(job: AugmentJob) -> None:
    job = replace(job, size=32, originals=True)
    written = write_augmented(job)
    assert (written.images, written.made, written.total) == (60, 60, 60)
    augmenter, plain = Augmenter("light", 32), Augmenter("none", 32)
    lines = iter(manifest(job.out))
    for index, sample in enumerate(open_dataset(job.data).samples):
        image, mask = sample.read()
        for version in range(4):
            line = next(lines)
            use = augmenter if version else plain
            made = use.traced(image, mask, seed=7, epoch=version, index=index)
            assert line["image"] == f"images/{sample.name}_a{version:02}.jpg"
            assert (line["source"], line["car"]) == (sample.name, sample.car)
            assert (line["index"], line["version"], line["recipe"]) == (index, version, "light")
            assert [step["transform"] for step in line["applied"]] == [
                step.transform for step in made.applied
            ]
            assert np.array_equal(read_mask(job.out / line["mask"]), made.mask)
            photo = read_image(job.out / line["image"]).astype(int)
            assert abs(photo.mean((0, 1)) - made.image.mean((0, 1))).max() < 2.0
    assert next(lines, None) is None


def test_photos_keep_their_size_and_masks_have_two_values(job: AugmentJob) -> None:
    from PIL import Image

    write_augmented(replace(job, recipe=find_recipe("none")))
    with Image.open(job.out / "masks/car0_01_a01.png") as mask:
        assert (mask.mode, mask.size) == ("L", (64, 48))
        assert set(np.unique(np.asarray(mask))) == {0, 255}


def test_names_with_folders_keep_them(job: AugmentJob) -> None:
    (job.data / "images/more").mkdir()
    (job.data / "masks/more").mkdir()
    for folder, suffix in (("images", "jpg"), ("masks", "png")):
        (job.data / folder / f"car0_01.{suffix}").rename(
            job.data / folder / f"more/car9_01.{suffix}"
        )
    write_augmented(job)
    assert (job.out / "images/more/car9_01_a01.jpg").is_file()
    assert write_augmented(job).made == 0


@pytest.mark.slow
def test_the_number_of_processes_changes_no_byte(job: AugmentJob) -> None:
    seen: list[tuple[int, int]] = []
    made = write_augmented(replace(job, workers=3), progress=lambda *at: seen.append(at))
    assert made.finished
    assert seen == [(done, 45) for done in range(0, 46, 3)]
    assert tree(job.out) == uninterrupted(job)


def made_of(manifest: Path) -> int:
    return manifest.read_bytes().count(b"\n") if manifest.exists() else 0


@pytest.mark.slow
def test_killed_twice_and_stopped_once_it_ends_as_if_it_never_was(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for view in range(24):
        write_pair(data, f"car{view // 4}_{view % 4:02}", view, (96, 128))
    job = AugmentJob(data, out, 10, find_recipe("light"), seed=3, workers=2)
    command = augment_command(job, "light")
    lines = out / "manifest.jsonl"
    for at, how in ((20, signal.SIGKILL), (80, signal.SIGTERM), (140, signal.SIGKILL)):
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            until(lambda at=at: read_status(out).running and made_of(lines) >= at)
            process.send_signal(how)
            assert process.wait(30) == (130 if how == signal.SIGTERM else -9)
            said = process.stdout.read().decode() if process.stdout else ""
        assert ("go on" in said) == (how == signal.SIGTERM)
        status = read_status(out)
        assert (status.status, status.running) == (
            ("stopped", False) if how == signal.SIGTERM else ("failed", False)
        )
        assert at <= status.done < 240 == status.total
    written = write_augmented(replace(job, workers=1))
    assert written.finished
    assert written.made <= 100
    assert tree(out) == uninterrupted(replace(job, workers=1))


def test_what_a_crash_may_leave_behind_is_put_right(job: AugmentJob) -> None:
    whole = uninterrupted(job)
    write_augmented(job)
    text = (job.out / "manifest.jsonl").read_bytes()
    spoilt: dict[str, Callable[[], Any]] = {
        "torn line": lambda: (job.out / "manifest.jsonl").write_bytes(text[:-7]),
        "part of a photo": lambda: (job.out / "manifest.jsonl").write_bytes(
            b"".join(text.splitlines(keepends=True)[:-1])
        ),
        "empty picture": lambda: (job.out / "images/car2_02_a02.jpg").write_bytes(b""),
        "no mask": lambda: (job.out / "masks/car1_01_a03.png").unlink(),
        "temporary files": lambda: [
            (job.out / place / ".123.tmp").write_bytes(b"x") for place in ("", "images", "masks")
        ],
        "no manifest": lambda: (job.out / "manifest.jsonl").unlink(),
    }
    made = {}
    for name, spoil in spoilt.items():
        spoil()
        made[name] = write_augmented(job).made
        assert tree(job.out) == whole, name
    assert made == {
        "torn line": 3,
        "part of a photo": 3,
        "empty picture": 24,
        "no mask": 36,
        "temporary files": 0,
        "no manifest": 45,
    }


def test_a_finished_set_is_left_alone(job: AugmentJob, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = augment_command(job, "light")[3:]
    assert main(arguments) == 0
    assert "Wrote 45 images" in capsys.readouterr().out
    before = {p: p.stat().st_mtime_ns for p in (job.out / "images").iterdir()}
    assert main(arguments) == 0
    assert "There are 45" in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in (job.out / "images").iterdir()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 8}, "seed is 7 there and 8 here"),
        ({"per_image": 4}, "per_image is 3 there and 4 here"),
        ({"size": 32}, "size is None there and 32 here"),
        ({"originals": True}, "originals is False there and True here"),
        ({"recipe": find_recipe("robust")}, "recipe is 'light' there and 'robust' here"),
        ({"recipe": Recipe("light", "")}, "another one of this name"),
        ({"reading": Reading(car_rule="(?P<car>car.)")}, None),
        ({"reading": Reading(car_rule="_(?P<car>..)")}, "the source's cars are others"),
    ],
)
def test_other_settings_are_refused_by_name(
    job: AugmentJob, change: dict[str, Any], words: str | None
) -> None:
    write_augmented(job, stop=lambda: True)
    other = replace(job, **change)
    if words is None:  # another rule that finds the same cars
        assert write_augmented(other).finished
        return
    with pytest.raises(ConfigError, match=words):
        write_augmented(other)


def test_a_set_that_older_code_began_is_not_continued(job: AugmentJob) -> None:
    write_augmented(job, stop=lambda: True)
    begun = json.loads((job.out / "augment.json").read_text())
    (job.out / "augment.json").write_text(json.dumps(begun | {"format": 1}))
    before = sorted(job.out.rglob("*"))
    with pytest.raises(ConfigError, match="format 1 there"):
        write_augmented(job)
    assert sorted(job.out.rglob("*")) == before


def test_a_changed_source_is_refused(job: AugmentJob) -> None:
    write_augmented(job, stop=lambda: True)
    write_pair(job.data, "car0_01", 99)
    with pytest.raises(ConfigError, match="the source's files are others"):
        write_augmented(job)


def test_folders_that_are_not_ours_are_refused_and_stay_as_they_are(job: AugmentJob) -> None:
    job.out.mkdir()
    (job.out / "holiday.txt").write_text("mine")
    with pytest.raises(DataError, match="holiday"):
        write_augmented(job)
    assert [path.name for path in job.out.iterdir()] == ["holiday.txt"]
    (job.out / "augment.json").write_text("{}")
    with pytest.raises(DataError, match="something else"):
        write_augmented(job)
    for out in (job.data, job.data / "images/more"):
        with pytest.raises(ConfigError, match="outside"):
            write_augmented(replace(job, out=out))


@pytest.mark.parametrize(
    "change", [{"per_image": 0}, {"per_image": 1000}, {"seed": -1}, {"size": 8}, {"workers": -1}]
)
def test_settings_outside_their_range_are_refused(job: AugmentJob, change: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(job, **change)


@pytest.mark.parametrize("where", ["picture", "manifest"])
def test_a_full_disk_leaves_a_whole_part(
    job: AugmentJob, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = uninterrupted(job)
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        if where == "picture":
            replace_file = Path.replace

            def replace_some(self: Path, target: Path) -> Path:
                if target.name == "car1_02_a02.jpg":
                    raise full
                return replace_file(self, target)

            patch.setattr(Path, "replace", replace_some)
        else:
            append = AugmentedFolder.append

            def append_some(self: Any, lines: list[str]) -> None:
                if "car1_02" in lines[0]:
                    raise full
                append(self, lines)

            patch.setattr(AugmentedFolder, "append", append_some)
        with pytest.raises(DataError, match=r"is full .*12 of 45 pictures are done.*same command"):
            write_augmented(job)
    status = read_status(job.out)
    assert (status.status, status.done, status.running) == ("failed", 12, False)
    assert "full" in status.message
    part = open_dataset(job.out)
    assert (part.layout, part.family, len(part.samples)) == ("augmented", "tiny", 12)
    assert part.samples[-1].read()[1].any()
    assert write_augmented(job).made == 33
    assert tree(job.out) == whole


def test_a_photo_that_cannot_be_read_is_told_and_left_out(job: AugmentJob) -> None:
    (job.data / "images/car1_01.jpg").write_bytes(b"no photo at all")
    whole = uninterrupted(job)
    stops = iter([False] * 5 + [True])
    part = write_augmented(job, stop=lambda: next(stops))
    assert (part.unreadable, part.images, part.finished) == (("car1_01",), 12, False)
    written = write_augmented(job)
    assert (written.unreadable, written.images, written.total) == (("car1_01",), 42, 45)
    assert (read_status(job.out).status, read_status(job.out).done) == ("finished", 45)
    assert tree(job.out) == whole
    [line] = [line for line in manifest(job.out) if "error" in line]
    assert line["source"] == "car1_01"
    opened = open_dataset(job.out)
    assert len(opened.samples) == 42
    assert (opened.samples[0].origin, opened.samples[0].car) == ("car0_01", "car0")
    assert "text, not a picture" in line["error"]


def test_a_photo_that_is_gone_stops_it(job: AugmentJob) -> None:
    def take_away(done: int, total: int) -> None:
        if done == 6:
            (job.data / "images/car0_03.jpg").unlink()

    with pytest.raises(DataError, match="is gone"):
        write_augmented(job, progress=take_away)
    assert len(manifest(job.out)) == 6


def test_the_death_of_a_worker_is_an_error_and_no_wait(job: AugmentJob) -> None:
    def kill_one(done: int, total: int) -> None:
        if done == 30:
            kill = ["pkill", "-KILL", "-P", str(os.getpid()), "-f", "training.jobs.workers"]
            subprocess.run(kill, check=True)

    job = replace(job, workers=2, per_image=30)
    with pytest.raises(DataError, match="worker process died"):
        write_augmented(job, progress=kill_one)
    assert read_status(job.out).status == "failed"
    assert read_status(job.out).done >= 30
    assert len(manifest(job.out)) == read_status(job.out).done


def test_what_is_wrong_with_a_recipe_is_told_through_the_workers(job: AugmentJob) -> None:
    broken = Recipe("mine", "", (Step("Composite", 1.0, (("backgrounds", "/no/such/folder"),)),))
    for workers in (1, 2):
        with pytest.raises((DataError, ConfigError), match="/no/such/folder"):
            write_augmented(replace(job, recipe=broken, workers=workers))


@pytest.mark.slow
def test_a_page_starts_one_watches_it_and_stops_it(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for view in range(30):
        write_pair(data, f"car{view}_01", view, (96, 128))
    own = Recipe("mine", "", find_recipe("light").steps)
    job = AugmentJob(data, out, 200, own, workers=1, reading=Reading(car_rule="(?P<car>car.)"))
    assert read_status(out).status == "missing"
    start_augment(job)
    assert read_status(out).running
    with pytest.raises(Exception, match="already"):
        start_augment(job)
    until(lambda: read_status(out).done > 200)
    status = read_status(out)
    assert (status.status, status.running, status.total) == ("running", True, 6000)
    assert status.facts["data"] == str(data.resolve())
    until(lambda: read_status(out).speed > 0)
    with pytest.raises(Exception, match="another process"):
        write_augmented(job)
    assert stop_augment(out)
    until(lambda: not read_status(out).running)
    status = read_status(out)
    assert status.status == "stopped"
    assert 200 < status.done < 6000
    assert not stop_augment(out)
    assert job_of(out) == replace(job, data=data.resolve())
    until(lambda: "Give the same command again" in (out / "log.txt").read_text())


@pytest.mark.slow
def test_a_process_that_never_began_says_why(job: AugmentJob, tmp_path: Path) -> None:
    wrong = Recipe("mine", "", (Step("Composite", 1.0, (("backgrounds", "/no/such/folder"),)),))
    start_augment(replace(job, recipe=wrong))
    until(lambda: read_status(job.out).status == "failed")
    assert "/no/such/folder" in read_status(job.out).message


def test_watching_loads_no_heavy_library() -> None:
    heavy = "{'albumentations', 'torch', 'cv2'}"
    script = f"import sys, training.augment.written.writer; print({heavy} & {{*sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
