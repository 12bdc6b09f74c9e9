"""The generator of made-up cars: exact masks, repeatable bytes, whole sets."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import ConfigError, DataError
from core.image import read_image, read_mask
from training.synthetic import generate_set, render_view, sample_car
from training.synthetic.carshape import build_shape
from training.synthetic.mesh import TUB, make_camera, turn
from training.synthetic.turntable import STYLES

SMALL = {"height": 128, "width": 192}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_parameters_depend_on_seed_and_car_alone():
    assert sample_car(3, 7) == sample_car(3, 7)
    assert sample_car(3, 7) != sample_car(3, 8)
    assert sample_car(3, 7) != sample_car(4, 7)


def test_one_block_of_cars_shows_every_style():
    assert {sample_car(5, car).style for car in range(len(STYLES))} == set(STYLES)


def test_many_cars_differ_in_paint_from_near_white_to_near_black():
    brightness = [float(np.mean(sample_car(0, car).paint)) for car in range(60)]
    assert min(brightness) < 30 and max(brightness) > 225
    assert len({sample_car(0, car).paint_name for car in range(60)}) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("background", ["plain", "busy"])
def test_a_picture_repeats_bit_for_bit(background):
    car = sample_car(1, 2)
    first = render_view(car, 3, background=background, seed=1, **SMALL)
    render_view(sample_car(1, 3), 9, background="plain", seed=1, **SMALL)
    again = render_view(car, 3, background=background, seed=1, **SMALL)
    assert first.image.dtype == np.uint8 and first.image.shape == (128, 192, 3)
    assert first.mask.dtype == np.bool_ and first.mask.shape == (128, 192)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)


@pytest.mark.slow
@pytest.mark.parametrize("style", sorted(STYLES))
def test_each_style_is_one_whole_car_inside_the_picture(style):
    car = next(c for c in (sample_car(2, n) for n in range(9)) if c.style == style)
    for view in (1, 4, 5, 9):
        mask = render_view(car, view, seed=2, **SMALL).mask
        assert 0.04 < mask.mean() < 0.6
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert not border.any()
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.99 * (labels > 0).sum()


@pytest.mark.slow
@pytest.mark.parametrize("view", [2, 5, 9, 14])
def test_the_mask_is_the_geometry(view):
    """The same mask found slowly: the share of each pixel that any quad covers, at eight times."""
    car = sample_car(6, 4)
    shape = build_shape(car)
    camera = make_camera(car, 128, 192)
    world = shape.vertices @ turn(car, view).T + np.array([*car.stand.position, 0.0])
    places, _ = camera.project(world.astype(np.float32))
    large = np.zeros((128 * 8, 192 * 8), dtype=np.uint8)
    for quad in places[shape.quads[shape.parts != TUB]]:
        hull = cv2.convexHull(np.round((quad * 8 - 0.5) * 16).astype(np.int32)[:, None])
        cv2.fillPoly(large, [hull], 1, cv2.LINE_8, 4)
    share = large.reshape(128, 8, 192, 8).mean(axis=(1, 3))
    mask = render_view(car, view, seed=6, **SMALL).mask
    # Where less than a quarter or more than three quarters of a pixel is car, there is no doubt.
    assert not mask[share < 0.25].any()
    assert mask[share > 0.75].all()
    assert ((share > 0.25) & (share < 0.75)).sum() < 0.08 * mask.sum()


@pytest.mark.slow
def test_the_mask_holds_neither_background_nor_shadow():
    car = sample_car(1, 4)
    plain = render_view(car, 6, background="plain", seed=1, **SMALL)
    busy = render_view(car, 6, background="busy", seed=1, **SMALL)
    other = render_view(car, 6, background="busy", seed=99, **SMALL)
    assert np.array_equal(plain.mask, busy.mask) and np.array_equal(busy.mask, other.mask)
    difference = np.abs(busy.image.astype(int) - other.image.astype(int)).mean(axis=2)
    far = cv2.dilate(busy.mask.astype(np.uint8), np.ones((9, 9))) == 0
    assert difference[far].mean() > 15
    # Straight below the car the floor is in its shadow: darker than the floor in front, not car.
    rows, columns = np.nonzero(plain.mask)
    middle = int(np.median(columns))
    below = rows[columns == middle].max() + 2
    assert not plain.mask[below, middle]
    grey = plain.image.mean(axis=2)
    assert grey[below : below + 3, middle].mean() < grey[-6:, middle].mean() - 10


@pytest.mark.slow
def test_views_turn_the_car_once_round():
    car = dataclasses.replace(
        sample_car(0, 5), stand=dataclasses.replace(sample_car(0, 5).stand, yaw=0.0)
    )
    widths = []
    for view in range(1, 17):
        columns = np.flatnonzero(render_view(car, view, **SMALL).mask.any(axis=0))
        widths.append(columns[-1] - columns[0])
    assert min(widths) in (widths[0], widths[8])
    assert widths[4] > 1.8 * widths[0] and widths[12] > 1.8 * widths[0]
    # View 1 looks the car in the face: forward points at the camera, and at view 5 to the left.
    assert np.allclose(turn(car, 1) @ [1, 0, 0], [1, 0, 0], atol=1e-6)
    assert np.allclose(turn(car, 5) @ [1, 0, 0], [0, -1, 0], atol=1e-6)


@pytest.mark.slow
def test_paint_shows_in_the_picture():
    base = sample_car(0, 5)
    red, blue = (
        render_view(
            dataclasses.replace(base, paint=paint, roof_paint=paint, metallic=0.0), 5, **SMALL
        )
        for paint in ((190, 15, 20), (20, 40, 190))
    )
    body = red.mask
    assert red.image[body][:, 0].mean() > blue.image[body][:, 0].mean() + 30
    assert blue.image[body][:, 2].mean() > red.image[body][:, 2].mean() + 30


@pytest.mark.slow
def test_a_set_has_pairs_a_manifest_and_repeats_byte_for_byte(tmp_path):
    calls: list[tuple[int, int]] = []
    one = generate_set(
        tmp_path / "one", cars=3, views=2, seed=4, progress=lambda *c: calls.append(c), **SMALL
    )
    generate_set(tmp_path / "two", cars=3, views=2, seed=4, **SMALL)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert calls == [(n, 6) for n in range(1, 7)]
    assert (one.pictures, one.written, one.cars, one.views) == (6, 6, 3, 2)
    images = sorted((tmp_path / "one" / "images").iterdir())
    names = [f"synth{c:04d}_{v:02d}" for c in range(3) for v in (1, 9)]
    assert [path.name for path in images] == [f"{name}.jpg" for name in names]
    for name in names:
        image = read_image(tmp_path / "one" / "images" / f"{name}.jpg")
        mask_path = tmp_path / "one" / "masks" / f"{name}.png"
        mask = read_mask(mask_path, shape=image.shape[:2])
        assert set(np.unique(cv2.imread(str(mask_path), cv2.IMREAD_UNCHANGED))) == {0, 255}
        car, view = int(name[5:9]), int(name[10:])
        assert np.array_equal(mask, render_view(sample_car(4, car), view, seed=4, **SMALL).mask)
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert manifest["seed"] == 4 and manifest["views"] == [1, 9]
    assert manifest["set"]["synth0002"]["parameters"]["style"] == sample_car(4, 2).style


@pytest.mark.slow
def test_a_cut_off_set_is_continued_and_whole_files_stay(tmp_path):
    class CutOffError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise CutOffError

    out = tmp_path / "set"
    with pytest.raises(CutOffError):
        generate_set(out, cars=2, views=3, seed=8, progress=stop, **SMALL)
    assert len(list((out / "masks").iterdir())) == 3
    (out / "masks" / "synth0000_01.png").unlink()
    kept = (out / "images" / "synth0000_06.jpg").stat().st_mtime_ns
    summary = generate_set(out, cars=2, views=3, seed=8, **SMALL)
    assert summary.written == 4
    assert (out / "images" / "synth0000_06.jpg").stat().st_mtime_ns == kept
    generate_set(tmp_path / "fresh", cars=2, views=3, seed=8, **SMALL)
    assert files_of(out) == files_of(tmp_path / "fresh")


def test_a_folder_of_another_set_is_refused_and_left_alone(tmp_path):
    generate_set(tmp_path, cars=1, views=1, seed=0, **SMALL)
    before = files_of(tmp_path)
    with pytest.raises(DataError, match="another set"):
        generate_set(tmp_path, cars=1, views=1, seed=1, **SMALL)
    assert files_of(tmp_path) == before


def test_a_folder_with_foreign_pictures_is_refused(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(DataError, match="empty folder"):
        generate_set(tmp_path, cars=1, views=1, **SMALL)
    assert (tmp_path / "images" / "holiday.jpg").read_bytes() == b"mine"


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_of_busy_backgrounds_is_kept(tmp_path, share):
    summary = generate_set(tmp_path, cars=6, views=1, seed=2, busy_share=share, height=32, width=48)
    assert abs(summary.busy - 6 * share) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"cars": 0},
        {"cars": 1, "views": 17},
        {"cars": 1, "seed": -1},
        {"cars": 1, "busy_share": 1.5},
        {"cars": 1, "height": 8},
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(tmp_path, wrong):
    with pytest.raises(ConfigError):
        generate_set(tmp_path / "set", **wrong)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    "wrong", [{"view": 0}, {"view": 17}, {"background": "forest"}, {"width": 9}, {"seed": -2}]
)
def test_a_wrong_view_is_named(wrong):
    arguments = {"view": 1, **wrong}
    with pytest.raises(ConfigError):
        render_view(sample_car(0, 0), arguments.pop("view"), **arguments)
