"""python -m core: photos in, files out; a bad photo is reported and the others go on."""

import csv
import json
import pickle
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import core.segment
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.cli import main
from core.edit_facts import Origin, photo_digest
from core.edits import EditStore
from core.image import encode_jpeg, encode_png, read_image
from core.model import UNet
from core.photos import list_photos
from core.results import ResultRow
from core.uncertainty import UNCERTAINTY_LIMIT


def photo(height: int = 40, width: int = 60, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    return encode_jpeg(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / "one.jpg").write_bytes(photo())
    (folder / "more" / "one.jpg").write_bytes(photo(30, 50, 1))
    (folder / "Käfer 🚗 rot.jpg").write_bytes(photo(seed=2))
    return folder


def segment(tiny_run: Path, *words: str | Path) -> int:
    checkpoint = ["--checkpoint", str(tiny_run), "--device", "cpu"]
    return main(["segment", *map(str, words), *checkpoint])


def test_a_folder(tiny_run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert segment(tiny_run, photos, "--out", out, "--cutout") == 0
    names = {path.name for path in out.iterdir()}
    stems = {"one", "one_2", "Käfer 🚗 rot"}
    endings = {"_mask.png", "_overlay.jpg", "_cutout.png"}
    assert names == {s + e for s in stems for e in endings} | {"results.csv"}
    for stem in stems:
        with Image.open(out / f"{stem}_mask.png") as mask:
            assert mask.mode == "L"
            assert set(np.unique(np.asarray(mask))) <= {0, 255}
        with Image.open(out / f"{stem}_cutout.png") as cutout:
            assert cutout.mode == "RGBA"
    rows = table(out)
    assert len(rows) == 3 and not any(row["error"] for row in rows.values())
    shares = {
        round(float((read_image(out / f"{stem}_mask.png")[..., 0] > 0).mean()), 6) for stem in stems
    }
    assert {float(row["car_share"]) for row in rows.values()} == shares
    assert all(0 <= float(row["doubt"]) <= 1 for row in rows.values())


def test_uncertain_masks_are_named(
    tiny_run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for value, words in ((UNCERTAINTY_LIMIT, ""), (0.5, "Check 3 of them")):
        monkeypatch.setattr("core.predict.disagreement", lambda *_, value=value: value)
        assert segment(tiny_run, photos, "--out", tmp_path / f"{value}") == 0
        told = capsys.readouterr().out
        assert "3 of 3 photos segmented" in told and words in told
        assert ("Check" in told) == bool(words)


def test_a_fallback_predicts_where_the_first_checkpoint_is_uncertain(
    photos: Path,
    tmp_path: Path,
    tiny_model: UNet,
    tiny_info: CheckpointInfo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = tmp_path / "runs"
    for name, dice, kinds in (("best", 0.9, "a"), ("wide", 0.8, "abc"), ("wider", 0.7, "abcd")):
        info = replace(
            tiny_info, title=name, metrics={"dice": dice}, data=dict.fromkeys(kinds), threshold=0.4
        )
        (runs / name / "checkpoints").mkdir(parents=True)
        save_checkpoint(runs / name / "checkpoints" / "best.safetensors", tiny_model, info)

    def who(*words: str | Path) -> set[str]:
        out = tmp_path / "out"
        given = ["segment", str(photos), "--out", str(out), "--runs", str(runs), "--device", "cpu"]
        assert main([*given, *map(str, words)]) == 0
        return {row["checkpoint"] for row in table(out).values()}

    monkeypatch.setattr("core.predict.disagreement", lambda *_: 0.5)
    assert who() == {"wider"}
    assert "3 of them by the fallback" in capsys.readouterr().out
    assert who("--fallback", runs / "wide") == who("--second", runs / "wide") == {"wide"}
    assert who("--fallback", "none") == who("--checkpoint", runs / "best") == {"best"}
    assert who("--checkpoint", runs / "wide", "--fallback", runs / "best") == {"best"}
    monkeypatch.setattr("core.predict.disagreement", lambda *_: 0.0)
    capsys.readouterr()
    assert who() == {"best"}
    assert "by the fallback" not in capsys.readouterr().out
    gone = ["segment", str(photos), "--out", str(tmp_path / "no"), "--runs", str(runs)]
    assert main([*gone, "--fallback", str(runs / "gone")]) == 2
    assert "gone" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_masks_are_upright(tiny_run: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (60, 40)).save(tmp_path / "turned.jpg", exif=exif)
    assert segment(tiny_run, tmp_path / "turned.jpg", "--out", tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / "turned_mask.png") as mask:
        assert mask.size == (40, 60)


def test_bad_photos_are_reported_and_the_others_go_on(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "empty.jpg").write_bytes(b"")
    (bad / "text.jpg").write_text("not a photo")
    (bad / "truncated.jpg").write_bytes(photo(300, 300)[:5000])
    (bad / "dot.png").write_bytes(encode_png(np.ones((1, 1), bool)))
    (bad / "strip.png").write_bytes(encode_png(np.ones((3, 5000), bool)))
    Image.new("1", (16_000, 10_100)).save(bad / "large.png")
    (bad / "good.jpg").write_bytes(photo())
    out = tmp_path / "out"
    assert segment(tiny_run, bad, tmp_path / "missing.jpg", "--out", out, "--json") == 1
    printed = capsys.readouterr()
    rows = {row["file"]: row for row in json.loads(printed.out)["photos"]}
    assert len(rows) == 8
    for name, row in rows.items():
        assert bool(row["error"]) == (name != "good.jpg")
        if row["error"]:
            assert name in row["error"] and name.split(".")[0] in printed.err
    assert {path.name for path in out.iterdir()} == {
        "good_mask.png",
        "good_overlay.jpg",
        "results.csv",
    }
    assert {name: row["error"] for name, row in table(out).items()} == {
        name: row["error"] for name, row in rows.items()
    }


def test_a_third_run_makes_the_masks_of_the_first(tiny_run: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    for name in ("a.jpg", "b.jpg", "b_mask.jpg"):
        (shop / name).write_bytes(photo())
    for out in (shop, shop / "results"):
        for given in ([shop], [shop], sorted(shop.iterdir())):
            assert segment(tiny_run, *given, "--out", out, "--cutout") == 0
            masks = {path.name for path in out.glob("*_mask.png")}
            assert masks == {"a_mask.png", "b_mask.png", "b_mask_mask.png"}
            assert set(table(out)) == {"a.jpg", "b.jpg", "b_mask.jpg"}


def test_files_of_somebody_else_are_not_overwritten(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(photo())
    drawn = encode_png(np.ones((40, 60), bool))
    (tmp_path / "a_mask.png").write_bytes(drawn)
    given = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert segment(tiny_run, *given, "--out", tmp_path) == 1
    assert (tmp_path / "a_mask.png").read_bytes() == drawn
    assert not (tmp_path / "a_overlay.jpg").exists()
    assert (tmp_path / "b_mask.png").exists()
    rows = table(tmp_path)
    assert "a_mask.png" in rows["a.jpg"]["error"] and not rows["b.jpg"]["error"]
    (tmp_path / "results.csv").write_text("month,cars\n")
    capsys.readouterr()
    assert segment(tiny_run, *given, "--out", tmp_path) == 2
    assert "results.csv" in capsys.readouterr().err
    assert (tmp_path / "results.csv").read_text() == "month,cars\n"


def test_the_table_says_which_mask_is_of_which_photo(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {"blue/front.jpg": (40, 60), "front.jpg": (30, 50), "red/front.jpg": (20, 70)}
    for name, size in sizes.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(photo(*size))
    (tmp_path / "in" / "green.jpg").write_text("no photo")
    out = tmp_path / "out"
    assert segment(tiny_run, tmp_path / "in", "--out", out, "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    stems = {row["file"]: row["stem"] for row in printed["photos"]}
    assert stems == {name: row["stem"] for name, row in table(out).items()}
    assert stems.pop("green.jpg") == ""
    assert list(stems.values()) == ["front", "front_2", "front_3"]
    for name, stem in stems.items():
        assert read_image(out / f"{stem}_mask.png").shape[:2] == sizes[name]


def test_what_was_guessed_of_a_photo_is_in_table_and_output(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "odd.png", icc_profile=b"broken")
    assert segment(tiny_run, tmp_path / "odd.png", "--out", tmp_path / "out") == 0
    note = table(tmp_path / "out")["odd.png"]["note"]
    assert "profile" in note and "odd.png: Its colour profile" in capsys.readouterr().err


def test_an_edited_mask_is_written_and_named(
    tiny_run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CARMASK_EDITS", str(tmp_path / "edits"))
    pixels = read_image(photos / "one.jpg")
    edited = np.zeros(pixels.shape[:2], np.bool_)
    edited[3:30, 4:50] = True
    edited[7, 9] = False
    store = EditStore(tmp_path / "edits")
    store.begin(photo_digest(pixels), "one.jpg", edited, Origin()).accept()
    assert segment(tiny_run, photos, "--out", tmp_path / "out", "--cutout", "--hard-edge") == 0
    assert "--ignore-edits" in capsys.readouterr().out
    rows = table(tmp_path / "out")
    stem = rows["one.jpg"]["stem"]
    assert {file for file, row in rows.items() if row["edited"] == "True"} == {"one.jpg"}
    mask = read_image(tmp_path / "out" / f"{stem}_mask.png")[..., 0] == 255
    assert np.array_equal(mask, edited)
    with Image.open(tmp_path / "out" / f"{stem}_cutout.png") as cutout:
        assert np.array_equal(np.asarray(cutout)[..., 3] == 255, edited)
    ignored = "--ignore-edits", "--threshold", "0.999"
    assert segment(tiny_run, photos, "--out", tmp_path / "predicted", *ignored) == 0
    assert {row["edited"] for row in table(tmp_path / "predicted").values()} == {"False"}
    mask = read_image(tmp_path / "predicted" / f"{stem}_mask.png")[..., 0] == 255
    assert not np.array_equal(mask, edited)


def test_a_zip_writes_nothing_outside(tiny_run: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cars.zip", "w") as archive:
        archive.writestr("../../escaped.jpg", photo())
        archive.writestr("cars/good.jpg", photo())
    before = {path for path in tmp_path.parent.iterdir()}
    assert segment(tiny_run, tmp_path / "cars.zip", "--out", tmp_path / "out") == 1
    assert {path for path in tmp_path.parent.iterdir()} == before
    assert (tmp_path / "out" / "good_mask.png").is_file()
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.slow
def test_500_files_in_a_zip(tiny_run: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(500):
            archive.writestr(f"car{number}.jpg", photo(16, 16, number))
    assert segment(tiny_run, tmp_path / "many.zip", "--out", tmp_path / "out") == 0
    assert len(table(tmp_path / "out")) == 500
    assert len(list((tmp_path / "out").glob("*_mask.png"))) == 500


@pytest.mark.parametrize(
    "words",
    [
        ["--threshold", "1.5"],
        ["--colour", "blue"],
        ["--opacity", "-1"],
        ["--min-area", "2"],
        ["--device", "gpu"],
        ["--checkpoint", "nowhere"],
    ],
)
def test_wrong_usage_touches_nothing(
    tiny_run: Path, photos: Path, tmp_path: Path, words: list[str]
) -> None:
    given = ["segment", str(photos), "--out", str(tmp_path / "out")]
    given += ["--checkpoint", str(tiny_run), "--device", "cpu", *words]
    assert main(given) == 2
    assert not (tmp_path / "out").exists()


def test_a_place_that_can_not_be_written_is_named(
    tiny_run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert segment(tiny_run, photos, "--out", photos / "one.jpg") == 2
    said = capsys.readouterr().err
    assert "one.jpg can't be used (File exists)" in said and "Errno" not in said


def test_ctrl_c_leaves_what_was_done_and_its_table(
    tiny_run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    segment_one, done = core.segment.segment_one, []

    def interrupted(*given: Any) -> ResultRow:
        if done:
            raise KeyboardInterrupt
        done.append(segment_one(*given))
        return done[0]

    monkeypatch.setattr(core.segment, "segment_one", interrupted)
    assert segment(tiny_run, photos, "--out", tmp_path / "out") == 130
    assert "Stopped" in capsys.readouterr().err
    assert list(table(tmp_path / "out")) == [done[0].file]


def test_a_pickle_for_a_checkpoint(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"weights": 1}))
    words = ["segment", str(photos), "--out", str(tmp_path / "out")]
    assert main([*words, "--checkpoint", str(tmp_path / "evil.pt")]) == 2
    assert "pickle" in capsys.readouterr().err


def test_the_best_run_is_the_default(tiny_run: Path, photos: Path, tmp_path: Path) -> None:
    words = ["segment", str(photos), "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main([*words, "--runs", str(tiny_run.parent)]) == 0
    (tmp_path / "none").mkdir()
    assert main([*words, "--runs", str(tmp_path / "none")]) == 2


def test_settings_matter(tiny_run: Path, photos: Path, tmp_path: Path) -> None:
    shares = []
    for threshold in ("0.0", "0.5", "1.0"):
        out = tmp_path / threshold
        assert segment(tiny_run, photos / "one.jpg", "--out", out, "--threshold", threshold) == 0
        shares.append(float(table(out)["one.jpg"]["car_share"]))
    assert shares[0] == 1.0 > shares[1] > shares[2] == 0.0


def test_info_prints_the_facts(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tiny_run)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["title"] == "tiny" and facts["model"]["width"] == 2
    assert main(["info", str(tiny_run / "none")]) == 2
    assert "no checkpoint at" in capsys.readouterr().err


def test_work_that_was_stopped_goes_on_and_then_begins_anew(
    tiny_run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    segment_one, done = core.segment.segment_one, list[str]()

    def counted(session: Any, source: Any, *given: Any) -> ResultRow:
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(source.name)
        return segment_one(session, source, *given)

    stop = -1
    assert segment(tiny_run, photos, "--out", tmp_path / "whole") == 0
    monkeypatch.setattr(core.segment, "segment_one", counted)
    out, stop = tmp_path / "out", 2
    assert segment(tiny_run, photos, "--out", out) == 130
    (out / "one_overlay.jpg").unlink()
    stop = -1
    again = [name for name in done if name.endswith("one.jpg")]
    assert segment(tiny_run, photos, "--out", out) == 0
    third = [name for name in table(out) if name not in done[:2]]
    assert sorted(done[2:]) == sorted([*third, *again])
    assert list(table(out)) == list(table(tmp_path / "whole"))
    for path in (tmp_path / "whole").glob("*_*.*"):
        assert (out / path.name).read_bytes() == path.read_bytes()
    done.clear()
    assert segment(tiny_run, photos, "--out", out) == 0
    assert len(done) == 3  # it had ended, so all of it is made again


def test_workers_read_a_photo_of_a_zip_by_themselves(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cars.zip", "w") as archive:
        archive.writestr("cars/one.jpg", photo())
    (source,) = list_photos([tmp_path / "cars.zip"])
    other = pickle.loads(pickle.dumps(source))
    assert other == source and np.array_equal(other.read(), source.read())


def test_ray_is_asked_for_where_it_is_missing(
    tiny_run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for words in (["--engine", "ray"], ["--workers", "2"]):
        assert segment(tiny_run, photos, "--out", tmp_path / "out", *words) == 2
        assert ("carmask[ray]" in capsys.readouterr().err) == ("ray" in words)
    assert not (tmp_path / "out").exists()
