"""The table's transforms that leave the mask as it is: colour, noise, things in front."""

from __future__ import annotations

from training.augment.transform import Parameter, Transform, choice, floats, ints, number

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
