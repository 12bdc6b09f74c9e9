"""The pictures that show a mask, against formulas and by hand."""

import itertools
import tracemalloc
from dataclasses import astuple

import numpy as np
import pytest
from scipy import ndimage

from core.cutout import cut_out
from core.drawing import (
    ERROR_COLOURS,
    OverlayStyle,
    error_picture,
    heatmap,
    overlay,
)
from core.errors import ConfigError, ImageError, MaskError


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def picture(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


class TestOverlay:
    @pytest.mark.parametrize("opacity", [0.0, 0.3, 0.45, 1.0])
    @pytest.mark.parametrize("shape", [(16, 16), (37, 23), (1100, 19)])  # the last: three strips
    def test_inside_is_blended_and_outside_is_the_photo(self, opacity, shape):
        image, mask = picture(shape), np.random.default_rng(4).random(shape) < 0.4
        drawn = overlay(image, mask, OverlayStyle("#3366FF", opacity, outline=0))
        blend = np.rint(image * (1 - opacity) + rgb("#3366FF") * opacity)
        assert drawn.dtype == np.uint8
        assert np.array_equal(drawn, np.where(mask[..., None], blend, image))

    def test_the_thinnest_line_is_the_masks_own_edge(self):
        image, mask = picture((40, 40)), np.zeros((40, 40), bool)
        mask[8:30, 10:35] = True
        drawn = overlay(image, mask, OverlayStyle(opacity=0, outline=0.1, outline_colour="#FF0000"))
        edge = mask & ~ndimage.binary_erosion(mask)
        assert np.array_equal((drawn != image).any(axis=2), edge)
        assert (drawn[edge] == (255, 0, 0)).all()

    @pytest.mark.parametrize(
        ("outline", "length", "columns"),
        [
            (1, 1000, range(99, 100)),
            (2, 1000, range(99, 101)),
            (2, 2000, range(98, 102)),
            (2, 100_000, range(0, 200)),
            (3, 1000, range(98, 101)),
            (5, 400, range(99, 101)),
        ],
    )
    def test_the_line_grows_with_the_photo_and_skips_its_border(self, outline, length, columns):
        image = np.zeros((16, length, 3), np.uint8)
        mask = np.zeros((16, length), bool)
        mask[:, :100] = True  # touches three sides; only the fourth is an edge
        drawn = overlay(image, mask, OverlayStyle("#FFFFFF", 0, outline))
        changed = drawn.any(axis=2)
        assert (changed == changed[0]).all()
        assert list(np.flatnonzero(changed[0])) == list(columns)

    def test_the_line_takes_the_masks_colour_unless_told(self):
        image, mask = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), bool)
        mask[5:15, 5:15] = True
        assert tuple(overlay(image, mask, OverlayStyle("#102030"))[5, 5]) == (16, 32, 48)
        style = OverlayStyle("#102030", outline_colour="#AABBCC")
        assert tuple(overlay(image, mask, style)[5, 5]) == (170, 187, 204)

    @pytest.mark.parametrize("value", [False, True])
    @pytest.mark.parametrize("shape", [(18, 25), (16, 400_000)])
    def test_empty_and_full_masks_have_no_line(self, value, shape):
        image = np.zeros((*shape, 3), np.uint8)
        drawn = overlay(image, np.full(shape, value), OverlayStyle("#FF00FF", 0.0, 50))
        assert not drawn.any()

    @pytest.mark.parametrize(
        "colour", ["00C2FF", "#00C2F", "#00C2FG", "#00C2FF00", "", "red", None]
    )
    def test_colours_that_are_none(self, colour):
        with pytest.raises(ConfigError, match="#RRGGBB"):
            OverlayStyle(colour=colour)
        if colour is not None:
            with pytest.raises(ConfigError, match="outline_colour is"):
                OverlayStyle(outline_colour=colour)

    @pytest.mark.parametrize(
        ("name", "value"), [("opacity", 1.1), ("outline", -1), ("outline", 51)]
    )
    def test_style_outside_its_range(self, name, value):
        with pytest.raises(ConfigError, match=f"{name} is {value}"):
            OverlayStyle(**{name: value})

    def test_a_large_photo_is_never_copied_as_floats(self):
        image, mask = np.zeros((2000, 3000, 3), np.uint8), np.zeros((2000, 3000), bool)
        mask[500:1500, 400:2600] = True
        tracemalloc.start()
        overlay(image, mask, OverlayStyle())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert image.nbytes <= peak < 2.5 * image.nbytes  # a float32 copy alone is 4 times


class TestHeatmap:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (np.zeros((4, 4, 1), np.float32), r"shape \(4, 4, 1\)"),
            (np.zeros((0, 4), np.float32), r"shape \(0, 4\)"),
            (np.zeros((4, 4), np.uint8), "uint8"),
            (np.full((4, 4), 1.5, np.float32), "sigmoid"),
            (np.full((4, 4), -0.1, np.float32), "sigmoid"),
            (np.full((4, 4), np.nan, np.float32), "nan"),
        ],
    )
    def test_what_is_no_probability(self, wrong, message):
        with pytest.raises(MaskError, match=message):
            heatmap(wrong)

    def test_viridis_in_rgb_order(self):
        probability = np.array([[0.0, 0.5, 1.0]], np.float32)
        dark, green, yellow = heatmap(probability)[0].astype(int)
        # The ends of matplotlib's viridis, #440154 and #FDE725.
        assert np.abs(dark - (68, 1, 84)).max() <= 2
        assert np.abs(green - (33, 145, 140)).max() <= 3
        assert np.abs(yellow - (253, 231, 37)).max() <= 2

    def test_lightness_rises_with_the_probability(self):
        ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
        light = heatmap(ramp)[0] @ np.array([0.2126, 0.7152, 0.0722])
        assert len(np.unique(heatmap(ramp)[0], axis=0)) > 250
        assert (np.diff(light) > -0.6).all()  # up to the rounding of one level
        assert (np.diff(light[::8]) > 0).all()

    def test_shape_dtype_and_input(self):
        probability = np.random.default_rng(6).random((21, 16), dtype=np.float32)
        before = probability.copy()
        heat = heatmap(probability)
        assert (heat.shape, heat.dtype) == ((21, 16, 3), np.uint8)
        assert np.array_equal(heat.transpose(1, 0, 2), heatmap(probability.T))
        assert np.array_equal(probability, before)


class TestErrorPicture:
    def test_each_kind_has_its_colour(self):
        # Grey 90 is dimmed to 60; the columns are background, wrong, missed and right.
        image = np.full((16, 4, 3), 90, np.uint8)
        mask, truth = (
            np.tile(np.array(row, bool), (16, 1)) for row in ([0, 1, 0, 1], [0, 0, 1, 1])
        )
        drawn = error_picture(image, mask, truth)
        right, missed, wrong = (rgb(colour) for colour in astuple(ERROR_COLOURS))
        for column, expected in enumerate(
            [
                np.full(3, 60),
                60 * 0.1 + wrong * 0.9,
                60 * 0.1 + missed * 0.9,
                60 * 0.5 + right * 0.5,
            ]
        ):
            assert np.array_equal(drawn[:, column], np.tile(np.rint(expected), (16, 1))), column

    def test_grey_is_as_light_as_the_colour(self):
        # Red, green and blue weigh 0.299, 0.587 and 0.114; two thirds of 255 times that is left.
        image = np.diag([255] * 3).astype(np.uint8)[None]
        drawn = error_picture(image, np.zeros((1, 3), bool), np.zeros((1, 3), bool))
        assert drawn[0, :, 0].tolist() == [51, 100, 19]

    def test_the_photo_is_grey_without_a_car(self):
        empty = np.zeros((30, 20), bool)
        drawn = error_picture(picture((30, 20)), empty, empty)
        assert (drawn == drawn[..., :1]).all()
        assert len(np.unique(drawn)) > 50

    def test_colours_differ_for_every_kind_of_colour_vision(self):
        # Machado, Oliveira and Fernandes, 2009: full colour blindness of each kind, linear RGB.
        kinds = {
            "normal": np.eye(3),
            "protanopia": [
                [0.1523, 1.0526, -0.2049],
                [0.1145, 0.7863, 0.0992],
                [-0.0039, -0.0481, 1.0520],
            ],
            "deuteranopia": [
                [0.3673, 0.8606, -0.2280],
                [0.2801, 0.6725, 0.0474],
                [-0.0118, 0.0429, 0.9689],
            ],
            "tritanopia": [
                [1.2555, -0.0767, -0.1788],
                [-0.0784, 0.9308, 0.1476],
                [0.0047, 0.6914, 0.3039],
            ],
        }
        mask, truth = np.array([[0, 1, 0, 1]], bool), np.array([[0, 0, 1, 1]], bool)
        for grey, (kind, matrix) in itertools.product((20, 90, 160, 230), kinds.items()):
            drawn = error_picture(np.full((1, 4, 3), grey, np.uint8), mask, truth)[0] / 255
            background, wrong, missed, right = lab((drawn**2.2) @ np.array(matrix).T)
            pairs = [(wrong, right), (missed, right), (wrong, missed)]
            pairs += [(wrong, background), (missed, background)]
            # A difference of 2.3 is just noticeable.
            assert min(np.linalg.norm(a - b) for a, b in pairs) > 20, (kind, grey)


def lab(linear):
    """CIE L*a*b* of linear RGB (N, 3), white point D65."""
    to_xyz = np.array(
        [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    )
    root = np.cbrt(np.clip(linear, 1e-4, 1) @ to_xyz.T / (0.9505, 1.0, 1.0888))
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


DRAWN = {
    "overlay": lambda image, mask: overlay(image, mask, OverlayStyle()),
    "cutout": lambda image, mask: cut_out(image, mask, edge="hard").rgba(),
    "soft cutout": lambda image, mask: cut_out(image, mask).rgba(),
    "errors": lambda image, mask: error_picture(image, mask, ~mask),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
class TestEveryPicture:
    def test_inputs_stay_as_they_were(self, draw):
        image, mask = picture((33, 47)), np.random.default_rng(7).random((33, 47)) < 0.5
        before = image.copy(), mask.copy()
        image.setflags(write=False)
        mask.setflags(write=False)
        drawn = draw(image, mask)
        assert not np.shares_memory(drawn, image)
        assert np.array_equal(image, before[0])
        assert np.array_equal(mask, before[1])

    def test_turned_and_flipped_views_are_drawn_alike(self, draw):
        image, mask = picture((33, 47)), np.zeros((33, 47), bool)
        mask[5:20, 8:] = True
        drawn = draw(image, mask)
        turned = draw(image.transpose(1, 0, 2), mask.T).transpose(1, 0, 2)
        flipped = draw(image[:, ::-1], mask[:, ::-1])[:, ::-1]
        if drawn.shape[2] == 4:  # colours along a soft edge depend on where its tiles begin
            for each in (turned, flipped):
                assert np.array_equal(each[..., 3], drawn[..., 3])
            opaque = drawn[..., 3] == 255
            turned, flipped, drawn = turned[opaque], flipped[opaque], drawn[opaque]
        assert np.array_equal(turned, drawn)
        assert np.array_equal(flipped, drawn)

    def test_what_is_no_photo_or_no_mask(self, draw):
        mask = np.zeros((16, 20), bool)
        for wrong in (
            picture((16, 20))[..., :2],
            picture((16, 20)) / 255,
            picture((16, 20))[..., 0],
        ):
            with pytest.raises(ImageError, match="uint8 RGB"):
                draw(wrong, mask)
        with pytest.raises(MaskError, match=r"16 x 20 px .* 20 x 16 px"):
            draw(picture((16, 20)), np.zeros((20, 16), bool))
        with pytest.raises(MaskError, match="uint8"):
            draw(picture((16, 20)), mask.astype(np.uint8))


def test_the_true_mask_must_fit_the_photo_too():
    with pytest.raises(MaskError, match="The true mask is 16 x 20 px"):
        error_picture(picture((16, 20)), np.zeros((16, 20), bool), np.zeros((20, 16), bool))
