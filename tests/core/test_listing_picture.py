from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageError
from core.image import encode_png
from core.listing.car import cover_plate, cut_car
from core.listing.compose import compose
from core.listing.encode import encode
from core.listing.ground import draw_shadow, ground_line
from core.listing.place import measure_series, place_car
from core.listing.steps import (
    Background,
    Output,
    Place,
    Plate,
    Reflection,
    Shadow,
    Straighten,
)
from core.own_results import HEAD_BYTES, is_own
from tests.core.listing_cars import boxy, boxy_car, recipe

FRAME = Output(width=400, height=300)
WHITE = Background(kind="colour")
RED = np.array((200, 20, 30))


def red(pixels: np.ndarray) -> np.ndarray:
    """Where a picture shows the car, bool (H, W)."""
    return np.abs(pixels[..., :3].astype(int) - RED).max(-1) < 40


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is true, the latter two exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_a_car_stands_where_the_recipe_says() -> None:
    made = recipe(Place(car_width=0.6, ground=0.8, centre=0.5), WHITE, FRAME)
    left, _, right, bottom = extent(red(compose(boxy(made), made).pixels))
    assert abs(right - left - 240) <= 2
    assert abs((left + right) / 2 - 200) <= 1
    assert abs(bottom - 240) <= 2


def test_a_preview_is_the_picture_in_small() -> None:
    made = recipe(Place(), WHITE, Shadow(), FRAME)
    image, mask = boxy_car()
    small = cut_car(image[::2, ::2], mask[::2, ::2], None, made)
    assert small is not None
    full = compose(boxy(made), made).pixels
    preview = compose(small, made, photo=(240, 160), longest=200)
    assert preview.pixels.shape == (150, 200, 3)
    reduced = np.array(Image.fromarray(full).resize((200, 150), Image.Resampling.BOX))
    assert np.abs(reduced.astype(int) - preview.pixels).mean() < 4
    assert preview.notes == compose(boxy(made), made).notes


def test_without_a_place_the_photo_keeps_its_frame() -> None:
    made = recipe()
    picture = compose(boxy(made), made)
    assert picture.pixels.shape == (160, 240, 4)
    image, mask = boxy_car()
    assert np.array_equal(picture.pixels[..., 3] > 127, mask)
    assert np.array_equal(picture.pixels[mask][:, :3], image[mask])
    assert not picture.pixels[~mask].any()
    assert picture.notes == ()


def test_a_car_too_tall_for_its_width_is_made_to_fit() -> None:
    made = recipe(Place(car_width=1.0, ground=1.0, margin=0.1), Output(width=400, height=60))
    picture = compose(boxy(made), made)
    _, top, _, _ = extent(picture.pixels[..., 3] > 127)
    assert top >= 4
    assert any("would not fit" in note for note in picture.notes)


@pytest.mark.parametrize(
    ("where", "side"),
    [({"left": -30}, "left"), ({"left": 150}, "right"), ({"top": 115}, "bottom")],
)
def test_a_car_that_the_photo_cuts_says_so_and_has_no_floating_edge(
    where: dict[str, int], side: str
) -> None:
    made = recipe(Place(car_width=0.5), WHITE, Shadow(), FRAME)
    car = boxy(made, **where)
    picture = compose(car, made)
    assert car.cut == {side}
    assert any(side in note for note in picture.notes)
    left, _, right, bottom = extent(red(picture.pixels))
    assert {"left": left == 0, "right": right == 400, "bottom": bottom == 300}[side]
    if side == "bottom":  # no ground in the photo, so no shadow
        clear = picture.pixels[~red(picture.pixels)]
        assert np.mean(clear == 255) > 0.97


def test_no_car_is_none() -> None:
    image, mask = boxy_car()
    assert cut_car(image, np.zeros_like(mask), None, recipe()) is None


def test_enlarging_is_never_silent() -> None:
    made = recipe(Place(car_width=0.9), WHITE, Output(width=640, height=480))
    assert any("enlarged" in note for note in compose(boxy(made), made).notes)
    made = recipe(Place(car_width=0.45), WHITE, Output(width=240, height=180))
    assert compose(boxy(made), made).notes == ()


def test_a_background_picture_fills_the_frame_and_its_enlargement_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    path.write_bytes(encode_png(np.full((30, 80, 3), (10, 90, 10), np.uint8)))
    made = recipe(Background(kind="picture", picture=str(path)), FRAME)
    picture = compose(boxy(made), made)
    assert np.array_equal(picture.pixels[0, 0], (10, 90, 10))
    assert any("background" in note for note in picture.notes)
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match="wall"):
        compose(boxy(made), made)


@pytest.mark.parametrize("kind", ["colour", "gradient", "room"])
def test_backgrounds_are_opaque_and_begin_with_their_colour(kind: str) -> None:
    background = Background(kind=kind, colour="#3050F0", floor="#202020")  # type: ignore[arg-type]
    made = recipe(background, FRAME)
    pixels = compose(boxy(made), made).pixels
    assert pixels.shape == (300, 400, 3)
    top, bottom = pixels[0, 200].astype(int), pixels[-1, 200].astype(int)
    assert np.abs(top - (0x30, 0x50, 0xF0)).max() < 30
    assert (np.abs(bottom - top).max() > 100) == (kind != "colour")


def test_the_ground_line_follows_the_wheels() -> None:
    _, mask = boxy_car()
    line, low = ground_line(mask[60:110, 60:180].view(np.uint8) * np.uint8(255))
    assert np.allclose(line[15:105], 50)
    assert np.nanmax(low) == 50


def test_shadow_and_reflection_begin_at_the_wheels() -> None:
    made = recipe(Place(car_width=0.6, ground=0.7), WHITE, Reflection(opacity=0.5), Shadow(), FRAME)
    pixels = compose(boxy(made), made).pixels
    _, _, _, bottom = extent(red(pixels))
    wheel = pixels[bottom + 1, 130]
    assert wheel.max() < 200
    assert pixels[5, 5].min() == 255
    assert pixels[bottom + 40, 200].mean() > pixels[bottom + 2, 130].mean()


def test_a_shadow_falls_where_the_light_sends_it() -> None:
    _, mask = boxy_car()
    alpha = mask[60:110, 60:180].view(np.uint8) * np.uint8(255)
    sides = []
    for direction in (0.0, 180.0):
        dark = draw_shadow(alpha, 140, 150, (400, 300), Shadow(direction=direction, length=1.0))
        sides.append((dark[:, :140].sum(), dark[:, 260:].sum()))
    assert sides[0][1] > 2 * sides[0][0] and sides[1][0] > 2 * sides[1][1]
    assert draw_shadow(alpha, 140, 150, (400, 300), Shadow(opacity=0, contact=0)).max() == 0


def test_straightening_turns_clockwise_and_keeps_the_size() -> None:
    made = recipe(Straighten(angle=10))
    straight, turned = boxy(recipe()), boxy(made)
    assert abs(int(turned.alpha.sum()) / int(straight.alpha.sum()) - 1) < 0.01
    columns = [np.flatnonzero((turned.alpha > 127)[:, x]).mean() for x in (20, -20)]
    assert columns[1] > columns[0] + 5


@pytest.mark.parametrize("cover", ["blur", "colour"])
def test_a_covered_plate_can_not_be_read(cover: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    plate = Plate(box=(0.25, 0.4, 0.75, 0.6), cover=cover)  # type: ignore[arg-type]
    covered = cover_plate(noise, plate)
    inside = covered[40:60, 50:150].astype(float)
    assert inside.std() < 25
    assert np.array_equal(covered[:40], noise[:40])
    assert np.array_equal(
        covered, cover_plate(covered, Plate(**{**dict(plate), "cover": "colour"}))
    ) == (cover == "colour")


def test_a_plate_without_a_box_is_never_silent() -> None:
    made = recipe(Plate())
    assert any("NOT covered" in note for note in compose(boxy(made), made).notes)
    made = recipe(Plate(box=(0.4, 0.4, 0.5, 0.5)))
    assert compose(boxy(made), made).notes == ()


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_files_are_srgb_and_marked_and_hold_no_metadata(kind: str) -> None:
    pixels = np.full((40, 60, 3), (10, 200, 30), np.uint8)
    data, note = encode(pixels, Output(format=kind, dpi=300))  # type: ignore[arg-type]
    read = Image.open(io.BytesIO(data))
    assert note == ""
    assert is_own(data[:HEAD_BYTES])
    assert not dict(read.getexif())
    assert read.info.get("icc_profile") or b"sRGB" in data[:80]
    if kind != "webp":
        assert [round(each) for each in read.info["dpi"]] == [300, 300]
    assert np.abs(np.array(read.convert("RGB")).astype(int) - pixels).max() < 12
    assert data == encode(pixels, Output(format=kind, dpi=300))[0]  # type: ignore[arg-type]


def test_a_limit_in_megabytes_lowers_the_quality_and_says_so() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    whole, _ = encode(noise, Output(format="jpeg", quality=95))
    data, note = encode(noise, Output(format="jpeg", quality=95, most_mb=0.2))
    assert len(data) <= 200_000 < len(whole)
    assert "quality" in note
    assert "0.001" in encode(noise, Output(format="jpeg", most_mb=0.001))[1]
    assert "jpeg" in encode(noise, Output(format="png", most_mb=0.01))[1]


@pytest.mark.parametrize("series", ["camera", "height"])
def test_a_series_shares_its_scale_and_its_ground(series: str) -> None:
    step = Place(car_width=0.7, ground=0.8, series=series)  # type: ignore[arg-type]
    made = recipe(step, FRAME)
    places = [(60, 120), (70, 100), (65, 110)] if series == "camera" else [(60, 120), (20, 120)]
    boxes = [boxy(made, left=left, wide=wide).box for left, wide in places]
    shared = measure_series(step, boxes, 0.75)
    placed = [place_car(step, box, 0.75, shared) for box in boxes]
    assert len({round(each.scale, 9) for each in placed}) == 1
    for box, each in zip(boxes, placed, strict=True):
        assert abs(each.y + each.scale * box.bottom - 0.8 * 0.75) < 1e-9
        if series == "height":
            assert abs(each.x + each.scale * (box.left + box.right) / 2 - 0.5) < 1e-9
    if series == "camera":
        assert len({round(each.x, 9) for each in placed}) == 1
        assert abs(placed[0].scale * boxes[0].width - 0.7) < 1e-9


def test_a_cut_car_does_not_set_the_size_of_a_series() -> None:
    step = Place(series="height")
    whole, cut = boxy(recipe()).box, boxy(recipe(), top=115).box
    assert measure_series(step, [whole, cut], 0.75) == measure_series(step, [whole], 0.75)
    assert measure_series(step, [], 0.75).height is None
    assert measure_series(None, [whole], 0.75).box is None
