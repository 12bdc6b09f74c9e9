"""VOC's label maps: where the background stands, and what numbers and colours then mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from core.errors import DataError, MaskError
from core.image import encode_jpeg
from tests.training.layout_folders import draw_pairs, voc_colour
from training.data.folder import Dataset, Reading, open_dataset
from training.data.label_mask import Known, label_pixels

SIZE = (48, 64)
[(NAME, IMAGE, MASK)] = draw_pairs(1, 1, SIZE)
CAR = (250, 50, 83)
BACKGROUND_FIRST = "background:0,0,0::\ncar:250,50,83::\n"
CAR_FIRST = "# label:color_rgb:parts:actions\ncar:250,50,83::\nbackground:0,0,0::\n"
Colour = tuple[int, int, int]
Draw = Callable[[], Image.Image]


def write(root: Path, labels: str | None, picture: Image.Image, classes: str = "") -> Dataset:
    """Writes and opens a folder of one photo."""
    for folder in ("JPEGImages", "SegmentationClass"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "JPEGImages" / f"{NAME}.jpg").write_bytes(encode_jpeg(IMAGE))
    picture.save(root / "SegmentationClass" / f"{NAME}.png")
    if labels is not None:
        (root / "labelmap.txt").write_text(labels)
    return open_dataset(root, Reading(classes=tuple(classes.split())))


def coloured(car: Colour = CAR, background: Colour = (0, 0, 0)) -> Image.Image:
    return Image.fromarray(np.where(MASK[..., None], np.uint8(car), np.uint8(background)))


def numbered(car: int = 1, background: int = 0) -> Image.Image:
    return Image.fromarray(np.where(MASK, np.uint8(car), np.uint8(background)))


def with_palette(car: int, background: int, *colours: Colour) -> Image.Image:
    picture = numbered(car, background)
    picture.putpalette([part for colour in colours for part in colour])
    return picture


def read(dataset: Dataset) -> NDArray[np.bool_]:
    return dataset.samples[0].read()[1]


@pytest.mark.parametrize(
    "labels",
    [
        BACKGROUND_FIRST,
        CAR_FIRST,
        "road:9,9,9::\nbackground:0,0,0::\ncar:250,50,83::\n",
        "Car:250,50,83::\nBackground:0,0,0::\n",
        "car:250,50,83::\n_background_:0,0,0::\n",
        "car:250,50,83::\nelse:0,0,0::\n",
        "lorry:250,50,83::\nbackground:0,0,0::\n",
        "car:250,50,83::\n",
        "road:9,9,9::\ncar:250,50,83::\n",
    ],
)
@pytest.mark.parametrize(
    "picture",
    [coloured(), coloured().convert("RGBA"), with_palette(1, 0, (0, 0, 0), CAR)],
    ids=lambda picture: str(picture.mode),
)
def test_colours_tell_the_car_wherever_the_background_stands(
    tmp_path: Path, labels: str, picture: Image.Image
) -> None:
    dataset = write(tmp_path, labels, picture)
    assert np.array_equal(read(dataset), MASK)
    assert not {"background", "Background", "else"} & {*dataset.classes, *dataset.all_classes}


def test_a_background_of_another_colour(tmp_path: Path) -> None:
    labels = "car:250,50,83::\nbackground:255,255,255::\n"
    assert np.array_equal(read(write(tmp_path, labels, coloured(background=(255, 255, 255)))), MASK)


@pytest.mark.parametrize(
    "labels, picture",
    [
        (BACKGROUND_FIRST, numbered()),
        (BACKGROUND_FIRST, numbered().convert("RGB")),
        (BACKGROUND_FIRST, Image.fromarray(MASK)),
        (BACKGROUND_FIRST, with_palette(1, 0, (0, 0, 0), voc_colour(1))),
        (BACKGROUND_FIRST, Image.fromarray(MASK.astype(np.uint16))),
        ("car:250,50,83::\n", numbered()),
        ("background\nroad\ncar\n", numbered(2)),
        ("background:0,0,0::\ncar:255,255,255::\n", numbered(255)),
        ("background:0,0,0::\ncar:255,255,255::\n", Image.fromarray(MASK)),
    ],
)
def test_numbers_tell_the_car_where_the_background_stands_first(
    tmp_path: Path, labels: str, picture: Image.Image
) -> None:
    assert np.array_equal(read(write(tmp_path, labels, picture)), MASK)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_wide_numbers_are_read_as_they_are(dtype: type[np.number]) -> None:
    known = Known(frozenset({0, 1}), frozenset(), frozenset(), frozenset(), "a list")
    picture = Image.fromarray(MASK.astype(dtype))
    assert np.array_equal(label_pixels(picture, (1,), (), known, "x").car, MASK)
    for value in (1000, 257) if dtype == np.int32 else (0.5, 1000):
        wrong = Image.fromarray((MASK * value).astype(dtype))
        with pytest.raises(MaskError, match=str(value)):
            label_pixels(wrong, (1,), (), known, "x")


@pytest.mark.parametrize("labels", [BACKGROUND_FIRST, CAR_FIRST])
def test_a_palette_in_another_order_is_read_by_its_colours(tmp_path: Path, labels: str) -> None:
    assert np.array_equal(read(write(tmp_path, labels, with_palette(0, 1, CAR, (0, 0, 0)))), MASK)


def test_a_reordered_palette_of_voc_itself(tmp_path: Path) -> None:
    picture = with_palette(0, 1, voc_colour(7), (0, 0, 0))
    assert np.array_equal(read(write(tmp_path, None, picture)), MASK)


def test_a_missing_background_is_remarked(tmp_path: Path) -> None:
    dataset = write(tmp_path, "car:250,50,83::\n", coloured())
    assert [remark.kind for remark in dataset.remarks] == ["no_background"]
    assert "labelmap.txt" in dataset.problems()[0]
    assert write(tmp_path, CAR_FIRST, coloured()).problems() == []


@pytest.mark.parametrize(
    "labels", [CAR_FIRST, "road:9,9,9::\ncar:250,50,83::\n", "car\nbackground"]
)
@pytest.mark.parametrize("picture", [numbered(), with_palette(1, 0, (0, 0, 0), voc_colour(1))])
def test_numbers_of_uncertain_order_are_refused_but_can_be_chosen(
    tmp_path: Path, labels: str, picture: Image.Image
) -> None:
    with pytest.raises(MaskError, match=r"numbers 0, 1.*--class"):
        read(write(tmp_path, labels, picture))
    for number, mask in (("1", MASK), ("0", ~MASK)):
        chosen = write(tmp_path, labels, picture, number)
        assert np.array_equal(read(chosen), mask)
        assert set(chosen.classes) <= set(chosen.all_classes)


@pytest.mark.parametrize("picture", [coloured(), with_palette(1, 0, (0, 0, 0), CAR)])
def test_a_number_chosen_for_colours_is_refused(tmp_path: Path, picture: Image.Image) -> None:
    with pytest.raises(MaskError, match=r"colours.*by name"):
        read(write(tmp_path, CAR_FIRST, picture, "1"))


@pytest.mark.parametrize(
    "labels, picture, found",
    [
        (BACKGROUND_FIRST, coloured((9, 8, 7)), "#090807"),
        (None, coloured(), "#fa3253"),
        (BACKGROUND_FIRST, numbered(7), "0, 7"),
        (None, numbered(40), "0, 40"),
        (BACKGROUND_FIRST, Image.fromarray(MASK * np.uint16(300)), "0, 300"),
    ],
)
def test_what_is_no_class_is_refused_with_what_was_found(
    tmp_path: Path, labels: str | None, picture: Image.Image, found: str
) -> None:
    with pytest.raises(MaskError, match=found):
        read(write(tmp_path, labels, picture))


def test_the_name_of_the_label_map_in_another_case(tmp_path: Path) -> None:
    (tmp_path / "LabelMap.txt").write_text(CAR_FIRST)
    assert np.array_equal(read(write(tmp_path, None, coloured())), MASK)


@pytest.mark.parametrize(
    "labels, picture, void",
    [
        (BACKGROUND_FIRST, numbered(), 255),
        (CAR_FIRST, coloured(), (224, 224, 192)),
        (CAR_FIRST + "ignore:255,255,255::\n", coloured(), (255, 255, 255)),
        ("background\ncar\nvoid\n", numbered(), 2),
    ],
)
def test_void_is_no_car(
    tmp_path: Path, labels: str, picture: Image.Image, void: int | Colour
) -> None:
    pixels = np.array(picture)
    pixels[:3] = void
    dataset = write(tmp_path, labels, Image.fromarray(pixels))
    assert dataset.all_classes == ("car",)
    truth = dataset.samples[0].mask.read_truth(SIZE)
    assert np.array_equal(truth.car, MASK)
    assert truth.ignored is not None
    assert np.array_equal(np.flatnonzero(truth.ignored.any(axis=1)), [0, 1, 2])


def test_black_is_no_class_beside_a_background_of_another_colour(tmp_path: Path) -> None:
    labels = "background:255,255,255::\ncar:250,50,83::\n"
    with pytest.raises(MaskError, match="#000000"):
        read(write(tmp_path, labels, coloured()))


def test_a_black_car_must_be_chosen(tmp_path: Path) -> None:
    labels = "background:255,255,255::\ncar:0,0,0::\n"
    picture = coloured((0, 0, 0), (255, 255, 255))
    with pytest.raises(DataError, match=r"0,0,0.*--class"):
        write(tmp_path, labels, picture)
    assert np.array_equal(read(write(tmp_path, labels, picture, "car")), MASK)


@pytest.mark.parametrize(
    "labels", ["car:0,0,0::\nbackground:0,0,0::\n", CAR_FIRST + "van:250,50,83::\n"]
)
def test_a_colour_of_the_car_and_of_something_else(tmp_path: Path, labels: str) -> None:
    with pytest.raises(DataError, match=r"labelmap\.txt gives car a colour"):
        write(tmp_path, labels, coloured())


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.sampled_from("car:0,1255\n# _b") | st.characters(codec="utf-8"), max_size=40))
def test_whatever_stands_in_a_label_map_is_read_or_refused(tmp_path: Path, labels: str) -> None:
    try:
        read(write(tmp_path, labels, coloured()))
    except (DataError, MaskError) as error:
        assert "labelmap.txt" in str(error) or "no class" in str(error)


@pytest.mark.parametrize("labels", ["", "# label\n", "background:0,0,0::\n"])
def test_a_label_map_without_a_class(tmp_path: Path, labels: str) -> None:
    with pytest.raises(DataError, match="no class"):
        write(tmp_path, labels, coloured())


def test_facts_are_measured_anew_when_the_label_map_changes(tmp_path: Path) -> None:
    selectors = {
        write(tmp_path, labels, coloured()).samples[0].mask.selector
        for labels in (BACKGROUND_FIRST, CAR_FIRST, BACKGROUND_FIRST + "seam:255,255,255::\n")
    }
    assert len(selectors) == 3
