"""How a person calls what photos are cut by, and the parts of the data."""

from __future__ import annotations

from training.comparison.slices import By
from training.evaluation.images import Part

WAY_TITLES: dict[By, str] = {
    "view": "View",
    "share": "Size of the car",
    "brightness": "Brightness",
    "touches_border": "Border",
    "car": "Car",
    "source": "Data folder",
}
PART_TITLES: dict[Part, str] = {
    "all": "all photos",
    "val": "validation part",
    "train": "training part",
}
