from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.cli import main
from core.errors import ConfigError, ImageError
from core.image import encode_png
from core.listing.batch import Finished, make_pictures, unknown_exceptions
from core.listing.journal import NAME
from core.listing.recipe import ListingRecipe, PhotoException
from core.listing.steps import Background, CutOut, Output, Place, Shadow
from core.photos import list_photos
from core.places import PACKAGES
from core.session import PredictionSession
from tests.core.listing_cars import RedModel, boxy_car, recipe
from tests.pages.untrained import write_checkpoint

SMALL = recipe(Place(), Background(kind="colour"), Shadow(), Output(width=120, height=90))


def write_photo(path: Path, **where: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_png(boxy_car(**where)[0]))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(3):
        write_photo(tmp_path / "photos" / f"car{number}.png", left=50 + 10 * number)
    return tmp_path / "photos"


def run(
    photos: Path, out: Path, made_by: ListingRecipe, model: RedModel | None = None, **more: bool
) -> list[Finished]:
    session = PredictionSession(model or RedModel())
    return make_pictures(session, list_photos([photos]), out, made_by, lambda *_: None, **more)


def table(out: Path) -> list[dict[str, str]]:
    text = (out / "results.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_each_photo_gets_its_picture_and_its_row(photos: Path, tmp_path: Path) -> None:
    done = run(photos, tmp_path / "web", SMALL)
    assert [each.file for each in done] == [f"car{n}_listing.png" for n in range(3)]
    for each, row in zip(done, table(tmp_path / "web"), strict=True):
        with Image.open(tmp_path / "web" / each.file) as picture:
            assert picture.size == (120, 90)
        assert row["stem"] + ".png" == each.file
        assert row["error"] == ""


def test_what_is_finished_is_not_made_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "web"
    run(photos, out, SMALL)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    rows = table(out)
    model = RedModel()
    done = run(photos, out, SMALL, model)
    assert model.calls == 0
    assert all(each.was_there for each in done)
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert table(out) == rows
    (out / "car1_listing.png").write_bytes(b"cut short")
    write_photo(photos / "car2.png", left=80)
    model = RedModel()
    with_fault = run(photos, out, SMALL, model)
    assert with_fault[1].row.error  # a file that Carmask did not write is left alone
    assert model.calls == 1 and not with_fault[2].was_there


@pytest.mark.parametrize("change", ["recipe", "anew"])
def test_another_recipe_makes_all_pictures_again(photos: Path, tmp_path: Path, change: str) -> None:
    run(photos, tmp_path / "web", SMALL)
    model = RedModel()
    other = SMALL.with_step(Shadow(opacity=0.1)) if change == "recipe" else SMALL
    run(photos, tmp_path / "web", other, model, anew=change == "anew")
    assert model.calls == 3


def test_a_journal_that_was_cut_short_or_damaged_costs_no_more_than_its_line(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "web"
    run(photos, out, SMALL)
    lines = (out / NAME).read_bytes().split(b"\n")
    whole = [line for line in lines if line]
    (out / NAME).write_bytes(b'[1]\n{"kind": []}\n\xff\n' + b"\n".join(whole)[:-20])
    model = RedModel()
    run(photos, out, SMALL, model)
    assert model.calls == 1
    model = RedModel()
    run(photos, out, SMALL, model)
    assert model.calls == 0


def test_one_bad_photo_does_not_stop_the_others(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_bytes(b"no photo")
    (photos / "empty.png").write_bytes(encode_png(np.full((80, 120, 3), 90, np.uint8)))
    write_photo(photos / "low.png", top=115)
    done = {each.row.file: each for each in run(photos, tmp_path / "web", SMALL)}
    assert "broken.png" in done["broken.png"].row.error
    assert "No car" in done["empty.png"].row.error and not done["empty.png"].file
    assert "bottom" in done["low.png"].row.note
    assert sum(bool(each.file) for each in done.values()) == 4


def test_an_uncertain_mask_is_in_the_note(photos: Path, tmp_path: Path) -> None:
    done = run(photos, tmp_path / "web", SMALL, RedModel(uncertainty=0.3))
    assert all(each.row.advice and each.row.advice in each.row.note for each in done)


def test_exceptions_skip_a_photo_or_change_its_steps(photos: Path, tmp_path: Path) -> None:
    blue = PhotoException(steps=(Background(kind="colour", colour="#0000FF"),))
    broken = PhotoException(steps=(Background(kind="picture", picture=str(tmp_path / "gone")),))
    exceptions = {"car0.png": PhotoException(skip=True), "car1.png": blue, "car2.png": broken}
    made_by = ListingRecipe("mine", "", SMALL.steps, {**exceptions, "typo.png": blue})
    done = run(photos, tmp_path / "web", made_by)
    assert [each.row.file for each in done] == ["car1.png", "car2.png"]
    with Image.open(tmp_path / "web" / done[0].file) as picture:
        assert picture.getpixel((0, 0)) == (0, 0, 255)
    assert "gone" in done[1].row.error
    assert unknown_exceptions(made_by, list_photos([photos])) == ["typo.png"]


def test_names_follow_the_pattern_and_are_never_the_same(photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "CAR1.jpg")
    named = SMALL.with_step(Output(width=60, height=45, name="{recipe}-{number}", format="webp"))
    files = [each.file for each in run(photos, tmp_path / "a", named)]
    assert files == [f"test-{n:02}.webp" for n in range(1, 5)]
    files = [each.file.casefold() for each in run(photos, tmp_path / "b", SMALL)]
    assert len(set(files)) == 4


@pytest.mark.parametrize("series", ["camera", "height"])
def test_a_series_is_placed_alike_and_goes_on_without_predicting_again(
    photos: Path, tmp_path: Path, series: str
) -> None:
    step = Place(series=series, car_width=0.5)  # type: ignore[arg-type]
    together = SMALL.with_step(step)
    model = RedModel()
    run(photos, tmp_path / "web", together, model)
    assert model.calls == 3  # measured and made with one prediction
    bottoms, widths = set(), set()
    for path in sorted((tmp_path / "web").glob("*.png")):
        pixels = np.array(Image.open(path).convert("RGB")).astype(int)
        car = (pixels[..., 0] > 150) & (pixels[..., 1] < 100)
        bottoms.add(int(np.flatnonzero(car.any(1))[-1]))
        widths.add(int(np.ptp(np.flatnonzero(car.any(0)))))
    assert len(bottoms) == 1 and max(widths) - min(widths) <= 1
    (tmp_path / "web" / "car1_listing.png").unlink()
    model = RedModel()
    done = run(photos, tmp_path / "web", together, model)
    assert model.calls == 1
    assert [each.was_there for each in done] == [True, False, True]


def test_a_table_of_somebody_else_is_left_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "results.csv").write_text("mine\n")
    with pytest.raises(ImageError, match="results"):
        run(photos, tmp_path / "web", SMALL)


def test_pictures_in_the_photos_folder_are_no_photos(photos: Path) -> None:
    for kind in ("png", "jpeg", "webp"):
        run(photos, photos, SMALL.with_step(Output(width=60, format=kind)))  # type: ignore[arg-type]
    listing = list_photos([photos])
    assert len(listing) == 3 and listing.left_out


@pytest.mark.slow
def test_the_command_says_what_is_wrong_before_the_first_photo(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoint(tmp_path / "runs", "one")
    arguments = ["cutout", str(photos), "--out", str(tmp_path / "web")]
    arguments += ["--runs", str(tmp_path / "runs")]
    assert main([*arguments, "--recipe", "no-such"]) == 2
    assert "ebay" in capsys.readouterr().err
    own = tmp_path / "own.json"
    ListingRecipe("own", "", (CutOut(threshold=0.01), Output())).save(own)
    assert main([*arguments, "--recipe", str(own), "--together", "camera"]) == 2
    gone = json.loads(own.read_text())
    gone["steps"].insert(1, {"step": "background", "kind": "picture", "picture": "gone.jpg"})
    own.write_text(json.dumps(gone))
    assert main([*arguments, "--recipe", str(own)]) == 2
    assert "gone.jpg" in capsys.readouterr().err
    assert not (tmp_path / "web").exists()
    with pytest.raises(SystemExit) as end:
        main(["cutout", "--presets"])
    assert end.value.code == 0 and "ebay" in capsys.readouterr().out


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(photos: Path, tmp_path: Path) -> None:
    for number in range(3, 9):
        write_photo(photos / f"car{number}.png", left=50 + 3 * number, width=1600, height=1200)
    write_checkpoint(tmp_path / "runs", "one")
    ListingRecipe("own", "", (CutOut(threshold=0.01), Output())).save(tmp_path / "own.json")
    out = tmp_path / "web"
    command = [sys.executable, "-m", "core", "cutout", str(photos), "--out", str(out), "--json"]
    command += ["--runs", str(tmp_path / "runs"), "--recipe", str(tmp_path / "own.json")]
    started = subprocess.Popen(
        command, cwd=PACKAGES, env={**os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 120
    while time.monotonic() < until and len(list(out.glob("*.png"))) < 2:
        assert started.poll() is None, started.stderr.read() if started.stderr else ""
        time.sleep(0.005)
    started.send_signal(signal.SIGKILL)
    started.communicate()  # and closes its pipe
    before = {path: path.stat().st_mtime_ns for path in out.glob("*_listing.png")}
    assert 2 <= len(before) < 9
    for path in before:
        Image.open(path).load()
    again = subprocess.run(command, cwd=PACKAGES, capture_output=True, check=True)
    assert len(json.loads(again.stdout)["photos"]) == len(table(out)) == 9
    kept = [path for path, made in before.items() if path.stat().st_mtime_ns == made]
    assert len(kept) >= len(before) - 1  # the kill may fall between a picture and its line


def test_exceptions_that_do_not_fit_are_refused() -> None:
    jpeg = SMALL.with_step(Output(format="jpeg"))
    clear = PhotoException(steps=(Background(kind="transparent"),))
    with pytest.raises(ConfigError, match=r"car0.*jpeg"):
        ListingRecipe("mine", "", jpeg.steps, {"car0.png": clear})
