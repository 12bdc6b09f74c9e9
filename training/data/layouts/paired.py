"""Paired folders: `images/x.jpg` beside `masks/x.png`, under their usual names."""

from __future__ import annotations

from pathlib import Path

from core.mask_classes import MaskClasses
from training.data.layouts.listing import Listing, list_pictures, match, walk_pictures
from training.data.mask_source import source_of_files

PHOTO_FOLDERS = ("images", "image", "imgs", "img", "photos", "photo", "jpegimages")
"""Names of a folder of photos, in lower case, the first that is there being taken."""
MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations")
"""Names of a folder of masks, likewise; the last three only if they hold pictures and no JSON."""
_OFTEN_TEXT = ("labels", "label", "annotations")  # of YOLO and COCO


def recognise(root: Path) -> bool:
    """Returns whether both of its folders are there."""
    return all(_folders(root))


def suggests(root: Path) -> bool:
    """Returns whether its folder of photos is there, so that that of masks seems to be missing."""
    return _folders(root)[0] is not None


def read(root: Path, classes: tuple[str, ...]) -> Listing:
    """Returns its photos and masks; its classes have no names."""
    photo_folder, mask_folder = _folders(root)
    photos = list_pictures(photo_folder or root / "images")
    masks = list_pictures(mask_folder or root / "masks")
    listing = match(photos, masks, source_of_files(classes), ending="_mask")
    listing.classes = MaskClasses.parsed(classes).words
    return listing


def _folders(root: Path) -> tuple[Path | None, Path | None]:
    """Returns the folders of photos and of masks, None where there is none."""
    here: dict[str, Path] = {}
    for path in sorted(root.iterdir(), reverse=True):  # of Masks and masks, masks is taken
        if path.name.lower() in PHOTO_FOLDERS + MASK_FOLDERS and path.is_dir():
            here[path.name.lower()] = path
    photos = next((here[name] for name in PHOTO_FOLDERS if name in here), None)
    masks = (here[name] for name in MASK_FOLDERS if name in here)
    fitting = (path for path in masks if path.name.lower() not in _OFTEN_TEXT or _pictures(path))
    return photos, next(fitting, None)


def _pictures(folder: Path) -> bool:
    """Returns whether there is a picture below a folder, and no JSON in it."""
    no_picture = next(walk_pictures(folder), None) is None
    return not (no_picture or any(folder.glob("*.json")))
