"""What was done to a photo, in short words."""

from __future__ import annotations

import pytest

from dashboard.dataset.applied_text import TIMES, applied_line, applied_lines, number

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("transform", "parameters", "line"),
    [
        ("HorizontalFlip", {}, "Mirror left and right"),
        (
            "Affine",
            {"rotate": -4.123, "scale": {"x": 0.921, "y": 0.921}, "matrix": [[1, 0, 0]]},
            f"Affine: turn {MINUS}4.12°, scale 0.921",
        ),
        ("Affine", {"scale": {"x": 0.8, "y": 1.1}}, "Affine: scale 0.8 by 1.1"),
        (
            "RandomBrightnessContrast",
            {"alpha": 1.1, "beta": 12.25},
            f"Exposure: contrast {TIMES}1.1, brightness +12.2",
        ),
        (
            "HueSaturationValue",
            {"hue_shift": -3.0, "sat_shift": 0.0, "val_shift": 0.0},
            f"Hue and saturation: hue {MINUS}3",
        ),
        ("RandomGamma", {"gamma": 0.9}, "Gamma 0.9"),
        ("RandomRotate90", {"factor": 3}, "Quarter turns: 270°"),
        ("GaussianBlur", {"kernel": [0.2, 0.6, 0.2]}, "Blur: window 3 px"),
        (
            "GaussNoise",
            {"noise_map": {"shape": [8, 8, 3], "lowest": -9, "highest": 9, "deviation": 2.5}},
            "Noise: grain ±2.5",
        ),
        ("Unheard", {"of": True}, "Unheard: of yes"),
    ],
)
def test_a_transform_in_one_line(transform: str, parameters: dict[str, object], line: str) -> None:
    assert applied_line(transform, parameters) == line


def test_nothing_done_is_said() -> None:
    assert applied_lines([]) == ["unchanged"]


def test_numbers_are_short() -> None:
    values = [0.000_01, 0.123_456, 12.345, 1234.5, -7]
    assert [number(each) for each in values] == ["0", "0.123", "12.3", "1234", f"{MINUS}7"]
