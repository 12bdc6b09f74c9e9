"""The table's transforms that move the mask with the photo: geometry and backgrounds."""

from __future__ import annotations

from dataclasses import replace

from training.augment.transform import Parameter, Transform, choice, floats

_BORDER = choice(
    "border", ("replicate", "reflect", "black"), "What fills the gap where the photo moved away."
)
_SCALE_Y = floats("scale_y", (0.9, 1.1), (0.3, 3.0), "Factor of the height.")

MOVES = (
    Transform(
        "HorizontalFlip", "Mirror left and right", "geometry", "Swaps left and right.", (), True
    ),
    Transform(
        "VerticalFlip", "Mirror top and bottom", "geometry", "Puts the photo on its head.", (), True
    ),
    Transform(
        "RandomRotate90",
        "Quarter turns",
        "geometry",
        "Turns by 0, 90, 180 or 270 degrees. A photo that is no square changes its shape by it.",
        (),
        True,
    ),
    Transform(
        "Affine",
        "Shift, scale, rotate, shear",
        "geometry",
        "Moves, resizes, turns and slants the photo in one step.",
        (
            floats("scale_x", (0.9, 1.1), (0.3, 3.0), "Factor of the width."),
            replace(_SCALE_Y, needs=("keep_ratio", False)),
            Parameter(
                "keep_ratio", "bool", True, "Take scale_x for the height as well: no squeezing."
            ),
            floats("translate_x", (-0.05, 0.05), (-0.5, 0.5), "Shift to the right.", "widths"),
            floats("translate_y", (-0.05, 0.05), (-0.5, 0.5), "Shift down.", "heights"),
            floats("rotate", (-5.0, 5.0), (-180.0, 180.0), "Turn.", "degrees"),
            floats("shear", (0.0, 0.0), (-30.0, 30.0), "Slant in x and in y.", "degrees"),
            _BORDER,
        ),
        True,
    ),
    Transform(
        "Perspective",
        "Perspective",
        "geometry",
        "Moves the four corners inward by different amounts, as if the camera stood elsewhere.",
        (floats("scale", (0.03, 0.08), (0.0, 0.2), "How far the corners move.", "sides"), _BORDER),
        True,
    ),
    Transform(
        "OpticalDistortion",
        "Lens distortion",
        "geometry",
        "The barrel or cushion shape of a wide-angle or long lens.",
        (floats("distort_limit", (-0.1, 0.1), (-0.5, 0.5), "Strength; below 0 barrel."), _BORDER),
        True,
    ),
    Transform(
        "GridDistortion",
        "Grid distortion",
        "geometry",
        "Stretches and squeezes the columns and rows of a grid.",
        (
            Parameter("num_steps", "int", 5, "Columns and rows of the grid.", 2, 12, 1),
            floats("distort_limit", (-0.2, 0.2), (-0.6, 0.6), "Change of a cell's size.", "cells"),
            _BORDER,
        ),
        True,
    ),
    Transform(
        "ElasticTransform",
        "Elastic (fine)",
        "geometry",
        "Small smooth bends everywhere: a random shift of each pixel, blurred.",
        (
            Parameter("alpha", "float", 60.0, "Strength of the bends.", 0, 400, 1),
            Parameter("sigma", "float", 8.0, "Blur of the shifts.", 4, 50, 1, "px"),
            _BORDER,
        ),
        True,
    ),
    Transform(
        "CoarseElastic",
        "Elastic (the paper's)",
        "geometry",
        "Wide smooth bends: random shifts on a coarse grid, bicubic in between.",
        (
            floats(
                "displacement",
                (5.0, 10.0),
                (0.0, 40.0),
                "Standard deviation of the shifts, at a side of 512 px.",
                "px",
            ),
            Parameter("grid", "int", 3, "Points of the grid along each side.", 2, 8, 1),
            _BORDER,
        ),
        True,
    ),
    Transform(
        "Composite",
        "Another background",
        "background",
        "Cuts the car out by its mask and puts it on a photo of a folder.",
        (
            Parameter("backgrounds", "folder", "", "Folder of photos without cars."),
            floats("scale", (0.4, 0.9), (0.1, 1.2), "Longer side of the car; 1 fills the picture."),
            floats(
                "position_x",
                (0.0, 1.0),
                (-0.2, 1.2),
                "0 at the left border, 1 at the right one; 0.1 beyond cuts a tenth off.",
            ),
            floats(
                "position_y",
                (0.6, 1.0),
                (-0.2, 1.2),
                "0 at the upper border, 1 at the lower one; 0.1 beyond cuts a tenth off.",
            ),
            floats(
                "colour_match",
                (0.3, 0.7),
                (0.0, 1.0),
                "How much the car takes the light and tint of its new surroundings.",
            ),
            floats("soft_edge", (0.5, 1.2), (0.0, 6.0), "Width of the blend at the edge.", "px"),
            floats("shadow", (0.5, 0.8), (0.0, 1.0), "Darkness of the shadow below the car."),
        ),
        True,
    ),
)
"""Transforms with `moves_mask`."""
