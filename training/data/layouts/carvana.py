"""Carvana's layout: `train/x.jpg` beside `train_masks/x_mask.gif`."""

from __future__ import annotations

from pathlib import Path

from core.mask_classes import MaskClasses
from training.data.layouts.listing import Listing, list_pictures, match
from training.data.mask_source import source_of_files


def recognise(root: Path) -> bool:
    """Returns whether both of its folders are there."""
    return (root / "train_masks").is_dir() and suggests(root)


def suggests(root: Path) -> bool:
    """Returns whether one of its folders is there, so that the other seems to be missing."""
    return (root / "train").is_dir()


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns its photos and masks; its classes have no names."""
    photos = list_pictures(root / "train")
    masks = list_pictures(root / "train_masks", mark="_mask")
    listing = match(photos, masks, source_of_files(classes))
    listing.classes = MaskClasses.parsed(classes).words
    return listing
