"""Masks in every writing: read where there is one right reading, refused where there is none."""

from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.errors import MaskError, UnclearMaskError
from core.image import read_mask, read_truth
from core.mask_classes import MaskClasses

WHITE, RED, ROAD, CAR, SKY = (
    *((255, 255, 255), (255, 0, 0)),
    *((128, 64, 128), (64, 0, 128), (128, 128, 128)),
)


def ellipse() -> np.ndarray:
    drawn = np.zeros((160, 240), np.uint8)
    cv2.ellipse(drawn, (120, 80), (70, 40), 5, 0, 360, 1, -1)
    return drawn.astype(bool)


def seam() -> np.ndarray:
    edge = cv2.morphologyEx(ellipse().astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5)))
    return edge.astype(bool)


def plane(other: int, car: int, void: int | None = None, dtype: Any = np.uint8) -> np.ndarray:
    values = np.where(ellipse(), car, other).astype(dtype)
    if void is not None:
        values[seam()] = void
    return values


def coloured(other: Any, car: Any, third: Any = None) -> np.ndarray:
    picture = np.zeros((160, 240, 3), np.uint8)
    picture[:] = other
    picture[ellipse()] = car
    if third is not None:
        picture[:40] = third
    return picture


def saved(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def with_palette(index: np.ndarray, colours: dict[int, Any]) -> bytes:
    picture = Image.fromarray(index)
    picture.putpalette([part for place in range(256) for part in colours.get(place, (0, 0, 0))])
    stream = BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def soft(radius: float = 3) -> np.ndarray:
    whole = Image.fromarray(plane(0, 255))
    return np.asarray(whole.filter(ImageFilter.GaussianBlur(radius)))


def through(kind: str, quality: int) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(saved(plane(0, 255), kind, quality=quality))))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(plane(0, 1), "JPEG", quality=95), id="JPEG of 0 and 1"),
        pytest.param(saved(plane(0, 100), "JPEG"), id="JPEG of 0 and 100"),
        pytest.param(saved(plane(20, 200), "JPEG", quality=30), id="JPEG of 20 and 200"),
        pytest.param(saved(through("JPEG", 75)), id="JPEG saved again as PNG"),
        pytest.param(saved(through("JPEG", 100)), id="good JPEG saved again as PNG"),
        pytest.param(saved(plane(0, 255), "WEBP", quality=75), id="lossy WebP"),
        pytest.param(saved(coloured(0, WHITE), "JPEG"), id="JPEG with three channels"),
        pytest.param(saved(coloured(0, RED), "JPEG"), id="JPEG of red"),
        pytest.param(saved(soft()), id="soft"),
        pytest.param(saved(soft(), "JPEG"), id="soft JPEG"),
        pytest.param(saved(soft().astype(np.uint16)), id="soft, 8 bits in 16"),
        pytest.param(saved(soft().astype(np.uint16) * 257), id="soft, 16 bits"),
        pytest.param(saved(plane(0, 255, dtype=np.uint16)), id="255 in 16 bits"),
        pytest.param(saved(plane(0, 4095, dtype=np.uint16)), id="white of 12 bits"),
        pytest.param(
            saved(np.asarray(Image.fromarray(coloured(0, RED)).filter(ImageFilter.BoxBlur(1)))),
            id="soft red",
        ),
    ],
)
def test_two_levels_are_read(data: bytes) -> None:
    assert (read_mask(data) ^ ellipse()).mean() < 0.004


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(plane(0, 1, 255)), id="grey"),
        pytest.param(saved(plane(0, 1, 255, np.uint16)), id="16 bits"),
        pytest.param(saved(plane(0, 1, 65535, np.uint16)), id="white of 16 bits"),
        pytest.param(saved(plane(0, 1, 255, np.int32), "TIFF"), id="32 bits"),
        pytest.param(saved(np.dstack([plane(0, 1, 255)] * 3)), id="three channels"),
        pytest.param(
            with_palette(plane(0, 1, 255), {1: (128, 0, 0), 255: (224, 224, 192)}), id="palette"
        ),
    ],
)
def test_255_beside_0_and_1_is_ignored(data: bytes) -> None:
    truth = read_truth(data)
    assert truth.ignored is not None
    assert np.array_equal(truth.ignored, seam())
    assert np.array_equal(truth.car, ellipse() & ~seam())


def train_ids() -> np.ndarray:
    """Classes 0 (road) to 18 and the void, as Cityscapes numbers them for training."""
    values = plane(0, 13, 255)
    values[:40] = 2
    values[40:60, :50] = 8
    return values


@pytest.mark.parametrize(
    ("data", "values"),
    [
        pytest.param(saved(plane(0, 7, 255)), ["0", "7", "255"], id="VOC without palette"),
        pytest.param(saved(np.dstack([plane(0, 7, 255)] * 3)), ["0", "7", "255"], id="in RGB"),
        pytest.param(
            with_palette(plane(0, 7, 255), {7: SKY, 255: (224, 224, 192)}),
            ["0", "7", "255"],
            id="VOC with palette",
        ),
        pytest.param(
            with_palette(plane(0, 15), {15: (192, 128, 128)}), ["0", "15"], id="VOC, person alone"
        ),
        pytest.param(
            with_palette(np.where(seam(), 255, 0).astype(np.uint8), {255: (224, 224, 192)}),
            ["0", "255"],
            id="VOC, void alone",
        ),
        pytest.param(saved(plane(0, 7)), ["0", "7"], id="one class"),
        pytest.param(saved(plane(7, 23)), ["7", "23"], id="two classes"),
        pytest.param(saved(plane(1, 2)), ["1", "2"], id="classes from 1"),
        pytest.param(saved(np.where(seam(), 255, 13).astype(np.uint8)), ["13", "255"], id="void"),
        pytest.param(saved(np.full((40, 60), 7, np.uint8)), ["7"], id="one class everywhere"),
        pytest.param(saved(train_ids()), ["0", "2", "8", "13", "255"], id="Cityscapes trainIds"),
        pytest.param(saved(plane(0, 55, 255)), ["0", "55", "255"], id="Mapillary"),
        pytest.param(saved(plane(0, 255, 128)), ["0", "128", "255"], id="trimap"),
        pytest.param(saved(plane(1, 26001, 0, np.uint16)), ["0", "1", "26001"], id="instances"),
        pytest.param(saved(plane(0, 26001, dtype=np.uint16)), ["0", "26001"], id="one instance"),
        pytest.param(saved(plane(0, 7, dtype=np.uint16)), ["0", "7"], id="a class of 16 bits"),
        pytest.param(saved(plane(0, 7, dtype=np.float32), "TIFF"), ["0", "7"], id="float class"),
        pytest.param(
            saved(coloured(ROAD, CAR, SKY)), ["64,0,128", "128,64,128", "128,128,128"], id="CamVid"
        ),
        pytest.param(saved(coloured(ROAD, CAR)), ["64,0,128", "128,64,128"], id="two colours"),
        pytest.param(saved(coloured(WHITE, RED)), ["255,0,0", "255,255,255"], id="red on white"),
        pytest.param(
            saved(coloured(0, CAR, ROAD)), ["0,0,0", "64,0,128", "128,64,128"], id="on black"
        ),
    ],
)
def test_classes_are_refused_with_what_was_found(data: bytes, values: list[str]) -> None:
    with pytest.raises(UnclearMaskError) as caught:
        read_truth(data, name="m.png")
    assert [value for value, _ in caught.value.values] == values
    assert sum(share for _, share in caught.value.values) == pytest.approx(1)
    message = str(caught.value)
    assert message.startswith("m.png: ")
    assert "--class" in message
    assert all(f"{value} (" in message for value in values)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(saved(plane(0, 7, 255), "JPEG"), id="class numbers"),
        pytest.param(saved(plane(7, 26, 23), "JPEG"), id="dark class numbers"),
        pytest.param(saved(coloured(ROAD, CAR, SKY), "JPEG"), id="class colours"),
        pytest.param(saved(np.tile(np.arange(240, dtype=np.uint8), (160, 1))), id="a ramp"),
        pytest.param(
            saved(np.random.default_rng(0).integers(0, 256, (160, 240), np.uint8)), id="noise"
        ),
    ],
)
def test_what_is_no_mask_is_refused(data: bytes) -> None:
    with pytest.raises(UnclearMaskError):
        read_mask(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(saved(plane(0, 7, 255)), ["7"], id="number"),
        pytest.param(saved(np.dstack([plane(0, 7, 255)] * 3)), ["7"], id="number in RGB"),
        pytest.param(saved(plane(0, 7, 65535, np.uint16)), ["car", "7"], id="16 bits"),
        pytest.param(saved(plane(0, 7, 255)), ["7,7,7"], id="grey as a colour"),
        pytest.param(saved(plane(0, 7, 255)), ["all"], id="all"),
        pytest.param(with_palette(plane(0, 7, 255), {7: SKY}), ["7"], id="palette by number"),
        pytest.param(with_palette(plane(0, 7, 255), {7: SKY}), ["128,128,128"], id="by colour"),
    ],
)
def test_a_class_is_read_and_the_void_ignored(data: bytes, words: list[str]) -> None:
    truth = read_truth(data, rule=MaskClasses.parsed(words).pixels)
    assert truth.ignored is not None
    assert np.array_equal(truth.ignored, seam())
    assert np.array_equal(truth.car, ellipse() & ~seam())


def test_colours_and_instances_are_read_when_they_are_named() -> None:
    colours = saved(coloured(ROAD, CAR, SKY))
    for word in ("64,0,128", "#400080", " 64, 0, 128 "):
        truth = read_truth(colours, rule=MaskClasses.parsed([word]).pixels)
        assert np.array_equal(truth.car, ellipse() & (np.arange(160) >= 40)[:, None])
        assert truth.ignored is None
    instances = plane(0, 1)
    instances[:, :120] *= 2
    for words in (["all"], ["1", "2"]):
        read = read_truth(saved(instances), rule=MaskClasses.parsed(words).pixels).car
        assert np.array_equal(read, ellipse())
    half = read_truth(saved(instances), rule=MaskClasses.parsed(["1"]).pixels).car
    assert half.sum() == (instances == 1).sum()
    plain = read_truth(saved(plane(0, 255)), rule=MaskClasses(all=True).pixels)
    assert np.array_equal(plain.car, ellipse())


def test_a_class_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(UnclearMaskError) as caught:
        read_truth(saved(coloured(ROAD, CAR)), rule=MaskClasses.parsed(["7"]).pixels)
    assert [value for value, _ in caught.value.values] == ["64,0,128", "128,64,128"]
    with pytest.raises(UnclearMaskError):
        read_truth(saved(plane(0, 7)), rule=MaskClasses.parsed(["64,0,128"]).pixels)
    with pytest.raises(MaskError, match="JPEG"):
        read_truth(saved(plane(0, 7), "JPEG"), rule=MaskClasses.parsed(["7"]).pixels)


def test_words_that_are_no_class_of_a_mask() -> None:
    assert not MaskClasses.parsed(["car", "1,2", "1,2,300", "#12345", "-1"])
    assert str(MaskClasses.parsed(["7", "#400080", "all"])) == "7 64,0,128 all"
