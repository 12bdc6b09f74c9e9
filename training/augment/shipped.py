"""The recipes that ship: why one would use each, and its steps."""

from __future__ import annotations

from training.augment.step import ONE_OF, Step

_LIGHT_COLOUR = (
    Step("RandomBrightnessContrast", 0.5),
    Step("RandomGamma", 0.3),
)
_LIGHT_NOISE = (
    Step("GaussNoise", 0.2),
    Step("GaussianBlur", 0.2),
)


def _shift_scale_rotate(shift: float, scale: float, degrees: float) -> Step:
    return Step(
        "Affine",
        0.5,
        (
            ("scale_x", (1 - scale, 1 + scale)),
            ("scale_y", (1 - scale, 1 + scale)),
            ("translate_x", (-shift, shift)),
            ("translate_y", (-shift, shift)),
            ("rotate", (-degrees, degrees)),
        ),
    )


_LIGHT = (
    Step("HorizontalFlip", 0.5),
    _shift_scale_rotate(0.0625, 0.1, 15),
    *_LIGHT_COLOUR,
    *_LIGHT_NOISE,
)

_HEAVY = (
    Step("HorizontalFlip", 0.5),
    _shift_scale_rotate(0.1, 0.2, 30),
    Step("ElasticTransform", 0.3),
    *_LIGHT_COLOUR,
    Step("HueSaturationValue", 0.5),
    *_LIGHT_NOISE,
    Step("CoarseDropout", 0.3),
)

_PAPER = (
    Step("CoarseElastic", 1.0, (("displacement", (10, 10)), ("grid", 3))),
    Step(
        "Affine",
        1.0,
        (
            ("scale_x", (1, 1)),
            ("scale_y", (1, 1)),
            ("translate_x", (-0.1, 0.1)),
            ("translate_y", (-0.1, 0.1)),
            ("rotate", (-15, 15)),
            ("border", "reflect"),
        ),
    ),
    Step("RandomBrightnessContrast", 1.0),
)

_ROBUST = (
    Step("HorizontalFlip", 0.5),
    Step(
        "Affine",
        0.5,
        (
            ("scale_x", (0.7, 1.3)),
            ("scale_y", (0.55, 1.15)),
            ("keep_ratio", False),
            ("translate_x", (-0.06, 0.06)),
            ("translate_y", (-0.06, 0.06)),
            ("rotate", (-7, 7)),
            ("shear", (-4, 4)),
        ),
    ),
    Step(
        "RandomBrightnessContrast",
        0.5,
        (("brightness_limit", (-0.25, 0.25)), ("contrast_limit", (-0.25, 0.25))),
    ),
    Step("RandomGamma", 0.25, (("gamma_limit", (70, 140)),)),
    Step(
        "HueSaturationValue",
        0.25,
        (
            ("hue_shift_limit", (-15, 15)),
            ("sat_shift_limit", (-30, 30)),
            ("val_shift_limit", (0, 0)),
        ),
    ),
    Step("ToGray", 0.05),
    Step(
        ONE_OF,
        0.15,
        steps=(
            Step("GaussianBlur", 0.5, (("blur_limit", (3, 5)),)),
            Step("GaussNoise", 0.5, (("std_range", (0.02, 0.06)),)),
            Step("ImageCompression", 0.5, (("quality_range", (50, 90)),)),
        ),
    ),
)

_STUDIO = (
    Step("HorizontalFlip", 0.5),
    _shift_scale_rotate(0.05, 0.1, 5),
    Step("RandomBrightnessContrast", 0.5),
)

SHIPPED: dict[str, tuple[str, tuple[Step, ...]]] = {
    "none": ("The photo as it is; the others are compared with it.", ()),
    "light": (
        "Small changes after which a car still looks like one in a photo. A first choice where "
        "there are many photos.",
        _LIGHT,
    ),
    "heavy": (
        "The light recipe with larger moves, other colours, bends and holes. "
        "For few photos and long trainings; the network must not lean on any one cue.",
        _HEAVY,
    ),
    "studio": (
        "Mild changes: for photos like those of the training, and for the last epochs; measured to "
        "sharpen edges where the robust recipe does not.",
        _STUDIO,
    ),
    "paper": (
        "What the U-Net's paper did (Ronneberger 2015, section 3.1): smooth random bends from "
        "displacements of 10 px on a coarse 3 x 3 grid, shifts, turns and grey values. Its cells "
        "under a microscope have no up and down; cars do, so they turn by 15 degrees at most.",
        _PAPER,
    ),
    "robust": (
        "For photos of any shape and light. The square squeezes a 3:2 photo; half of the samples "
        "are stretched again by unequal scales in x and y, so that a photo that keeps its shape "
        "later is nothing new.",
        _ROBUST,
    ),
}
"""Reason and steps of each recipe, by its name."""
