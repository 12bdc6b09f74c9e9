"""Data folders: which photos there are, which mask and which car belong to each."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.image import read_image, read_mask
from core.photos import PHOTO_SUFFIXES


@dataclass(frozen=True)
class Sample:
    """One photo with its mask."""

    source: str
    """Name of its data folder."""
    name: str
    """The photo's path below the data folder's photos, without suffix."""
    car: str
    """Group that a split never divides: the part of the name before the first "_"."""
    image_path: Path
    mask_path: Path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the image (H, W, 3) uint8 and its mask (H, W) bool.

        Raises:
            ImageError: The photo can't be read.
            MaskError: The mask can't be read or has another size than the photo.
        """
        image = read_image(self.image_path)
        return image, read_mask(self.mask_path, shape=(image.shape[0], image.shape[1]))


@dataclass(frozen=True)
class Dataset:
    """A data folder that was looked through; no picture is read for that."""

    name: str
    """The folder's own name."""
    root: Path
    layout: str
    """"carvana" or "paired"."""
    samples: tuple[Sample, ...]
    """Photos with a mask, sorted by name."""
    without_mask: tuple[str, ...]
    """Photos that have no mask; they are left out."""
    without_photo: tuple[str, ...]
    """Masks that have no photo; they are left out."""

    @property
    def cars(self) -> tuple[str, ...]:
        """The cars in it, sorted."""
        return tuple(sorted({sample.car for sample in self.samples}))

    def fingerprint(self) -> str:
        """Returns a SHA-256 of all names and file sizes: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        for sample in self.samples:
            sizes = [path.stat().st_size for path in (sample.image_path, sample.mask_path)]
            digest.update(f"{sample.name}\0{sizes}\n".encode())
        return digest.hexdigest()

    def problems(self) -> list[str]:
        """Returns what a person should know before training on it, one sentence each."""
        found = []
        for names, what in (
            (self.without_mask, "without a mask, left out"),
            (self.without_photo, "masks without a photo, left out"),
        ):
            if names:
                shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                found.append(f"{self.name}: {len(names)} {what}: {shown}")
        return found


def open_dataset(root: Path) -> Dataset:
    """Returns what a data folder holds; its layout is recognised by its folders.

    Args:
        root: Folder with `train/` and `train_masks/*_mask.gif` (Carvana), or with `images/` and
            `masks/` whose files have the same stem.

    Raises:
        DataError: The folder is missing, has another layout, or has no photo with a mask.
    """
    if not root.is_dir():
        raise DataError(f"There is no data folder {root}; give a folder with photos and masks.")
    if (root / "train").is_dir():
        layout, photos, masks = "carvana", root / "train", root / "train_masks"
    elif (root / "images").is_dir():
        layout, photos, masks = "paired", root / "images", root / "masks"
    else:
        raise DataError(
            f"{root} has neither train/ and train_masks/ (Carvana's layout) nor images/ and "
            "masks/ (same stem); arrange it in one of the two."
        )
    images = _by_stem(photos)
    found = _by_stem(masks, mark="_mask" if layout == "carvana" else "")
    paired = sorted(images.keys() & found.keys())
    if not paired:
        raise DataError(
            f"{root} has {len(images)} photos in {photos.name}/ and {len(found)} masks in "
            f"{masks.name}/, but no photo has a mask; a mask has its photo's name"
            + (" and ends in _mask.gif." if layout == "carvana" else ".")
        )
    name = root.resolve().name
    return Dataset(
        name=name,
        root=root,
        layout=layout,
        samples=tuple(Sample(name, n, car_of(n), images[n], found[n]) for n in paired),
        without_mask=tuple(sorted(images.keys() - found.keys())),
        without_photo=tuple(sorted(found.keys() - images.keys())),
    )


def open_datasets(roots: Iterable[Path]) -> list[Dataset]:
    """Returns several data folders, each opened by `open_dataset`.

    Raises:
        DataError: None is given, two have one name, or one can't be opened.
    """
    datasets = [open_dataset(root) for root in roots]
    if not datasets:
        raise DataError("No data folder was given; give at least one with --data DIR.")
    by_name: dict[str, list[Path]] = defaultdict(list)
    for dataset in datasets:
        by_name[dataset.name].append(dataset.root)
    for name, same in by_name.items():
        if len(same) > 1:
            raise DataError(f"Two data folders are called {name!r}: {same}; rename one.")
    return datasets


def car_of(name: str) -> str:
    """Returns the car that a photo's name says: its part before the first "_"."""
    return re.split(r"_", Path(name).name, maxsplit=1)[0]


def _by_stem(folder: Path, mark: str = "") -> dict[str, Path]:
    """Returns the pictures below a folder by their path without suffix and closing mark."""
    found: dict[str, Path] = {}
    if not folder.is_dir():
        return found
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PHOTO_SUFFIXES or path.name.startswith("."):
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if not stem.endswith(mark):
            continue
        found.setdefault(stem.removesuffix(mark), path)
    return found
