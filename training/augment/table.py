"""The table of transforms: those that move the mask with the photo, and those that do not."""

from __future__ import annotations

from dataclasses import replace

from training.augment.transform import Parameter, Transform, choice, floats, ints, number

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


LOOKS = (
    Transform(
        "RandomBrightnessContrast",
        "Brightness and contrast",
        "colour",
        "Another exposure.",
        (
            floats("brightness_limit", (-0.2, 0.2), (-0.8, 0.8), "Added; 1 is white."),
            floats("contrast_limit", (-0.2, 0.2), (-0.9, 2.0), "Added to the factor 1."),
        ),
    ),
    Transform(
        "RandomGamma",
        "Gamma",
        "colour",
        "Lifts or lowers the middle tones; black and white stay.",
        (floats("gamma_limit", (80.0, 120.0), (20.0, 400.0), "Over 100 is darker.", "%"),),
    ),
    Transform(
        "HueSaturationValue",
        "Hue and saturation",
        "colour",
        "Other colours of paint and light.",
        (
            floats(
                "hue_shift_limit",
                (-20.0, 20.0),
                (-90.0, 90.0),
                "Turn; 180 is all round.",
            ),
            floats("sat_shift_limit", (-30.0, 30.0), (-255.0, 255.0), "Added to the saturation."),
            floats("val_shift_limit", (0.0, 0.0), (-200.0, 200.0), "Added to the brightness."),
        ),
    ),
    Transform(
        "RGBShift",
        "Tint",
        "colour",
        "The tint of the light: warm as a lamp, cold as a blue sky.",
        (
            floats("r_shift_limit", (-15.0, 15.0), (-150.0, 150.0), "Added to red, of 255."),
            floats("g_shift_limit", (-15.0, 15.0), (-150.0, 150.0), "Added to green, of 255."),
            floats("b_shift_limit", (-15.0, 15.0), (-150.0, 150.0), "Added to blue, of 255."),
        ),
    ),
    Transform(
        "CLAHE",
        "Local contrast",
        "colour",
        "Evens out light and dark parts, as phones do.",
        (floats("clip_limit", (1.0, 3.0), (1.0, 20.0), "Most that contrast grows by."),),
    ),
    Transform("ToGray", "Grey", "colour", "Takes the colours away."),
    Transform(
        "GaussianBlur",
        "Blur",
        "noise",
        "A photo out of focus.",
        (
            ints("blur_limit", (3, 5), (3, 31), "Side of the window, an odd number.", "px", 2),
            floats("sigma_limit", (0.5, 3.0), (0.1, 10.0), "Width of the blur.", "px"),
        ),
    ),
    Transform(
        "MotionBlur",
        "Motion blur",
        "noise",
        "Camera or car moved.",
        (ints("blur_limit", (3, 9), (3, 41), "Length of the smear, an odd number.", "px", 2),),
    ),
    Transform(
        "GaussNoise",
        "Noise",
        "noise",
        "Grain, drawn for each pixel and colour.",
        (floats("std_range", (0.02, 0.06), (0.0, 0.5), "Standard deviation; 1 is white."),),
    ),
    Transform(
        "ISONoise",
        "Noise of a dark photo",
        "noise",
        "Coloured grain as of a camera at night.",
        (
            floats("color_shift", (0.01, 0.05), (0.0, 0.5), "Grain of the colours."),
            floats("intensity", (0.1, 0.4), (0.0, 2.0), "Grain of the light."),
        ),
    ),
    Transform(
        "ImageCompression",
        "JPEG",
        "noise",
        "The blocks and rings of strong compression.",
        (ints("quality_range", (50, 90), (5, 100), "Quality of the JPEG; low is coarse."),),
    ),
    Transform(
        "Downscale",
        "Low resolution",
        "noise",
        "Shrinks the photo and enlarges it again.",
        (floats("scale_range", (0.4, 0.8), (0.05, 0.95), "Factor of the sides."),),
    ),
    Transform(
        "Sharpen",
        "Sharpen",
        "noise",
        "Hard edges, as phones make them.",
        (
            floats("alpha", (0.1, 0.4), (0.0, 1.0), "How much of the sharpened photo is mixed in."),
            floats("lightness", (0.9, 1.1), (0.0, 2.0), "Brightness of the sharpened photo."),
        ),
    ),
    Transform(
        "CoarseDropout",
        "Holes",
        "occlusion",
        "Covers rectangles; the mask keeps what is behind them.",
        (
            ints("num_holes_range", (1, 4), (1, 32), "Number of holes."),
            floats("hole_height_range", (0.05, 0.15), (0.01, 0.6), "Height of a hole.", "heights"),
            floats("hole_width_range", (0.05, 0.15), (0.01, 0.6), "Width of a hole.", "widths"),
            choice("fill", ("black", "random", "random_uniform"), "What is in a hole."),
        ),
    ),
    Transform(
        "RandomShadow",
        "Shadows",
        "occlusion",
        "Throws shadows with straight edges on the lower half.",
        (
            ints("num_shadows_limit", (1, 2), (1, 6), "Number of shadows."),
            floats("shadow_intensity_range", (0.3, 0.6), (0.0, 1.0), "Darkness."),
        ),
    ),
    Transform(
        "RandomFog",
        "Fog",
        "occlusion",
        "Whitens and blurs the photo.",
        (
            floats("fog_coef_range", (0.1, 0.4), (0.0, 1.0), "Thickness."),
            number("alpha_coef", 0.08, (0.0, 1.0), "How opaque a single puff is."),
        ),
    ),
    Transform(
        "RandomSunFlare",
        "Sun in the lens",
        "occlusion",
        "A bright spot with circles in the upper half.",
        (Parameter("src_radius", "int", 120, "Radius of the spot.", 10, 600, 10, "px"),),
    ),
)
"""Transforms without `moves_mask`."""
