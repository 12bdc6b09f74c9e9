"""Which mask belongs to which photo, by their names, and which files are copies of others."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath

from core.photos import PHOTO_SUFFIXES
from training.data.layouts.listing import Listing, Pictures, Remark, without_ending
from training.data.mask_source import MaskSource


def match(
    photos: Pictures, masks: Pictures, source: Callable[[Path], MaskSource], ending: str = ""
) -> Listing:
    """Returns photos and masks, each mask by the name of its photo where there is one.

    Names are equal in NFC. Where none is, a mask also belongs to the photo whose name is the same
    but for upper and lower case or an inner suffix (`x.jpg.png`), if there is one such photo and
    one such mask; that is remarked.

    `x (1).jpg`, `x(1).jpg` and `x - Copy.jpg` are left out if an `x.jpg` is there that is equal
    byte for byte; of masks only if they have no photo of their own.

    Args:
        photos: The photos.
        masks: The masks.
        source: Makes the source of a mask of its file.
        ending: What a mask's name may have after that of its photo, such as "_mask".
    """
    photo_copies = _copies(photos)
    files = {name: path for name, path in photos.files.items() if name not in photo_copies}
    mask_copies = _copies(masks, but=files)
    doubled = [*photos.doubled, *masks.doubled]
    doubled += map(photos.place, photo_copies)
    doubled += map(masks.place, mask_copies)
    own = {name: name for name in masks.files if name in files}
    for name in masks.files:
        if name in own or name in mask_copies:
            continue
        short = (without_ending(name, ending) if ending else None) or name
        if own.setdefault(short, name) != name:
            doubled.append(masks.place(name))
    remarks = _match_loosely(files, own, masks)
    found = {name: source(masks.files[mask]) for name, mask in own.items()}
    return Listing(photos=files, masks=found, doubled=doubled, remarks=remarks)


def bare_name(name: str) -> str:
    """Returns a path without its picture suffix, if it has one, in lower case."""
    name = name.casefold()
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix in PHOTO_SUFFIXES else name


def grouped(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    """Returns the names by what a key makes of them."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[key(name)].append(name)
    return found


def loosely_named(pairs: Iterable[tuple[str, str]]) -> list[Remark]:
    """Returns the remark that names agree but for case or suffix, if any do.

    Args:
        pairs: Each photo and what was matched with it.
    """
    pairs = sorted(pairs)
    if not pairs:
        return []
    return [
        Remark(
            "loose_names",
            f"{len(pairs):,} matched although names differ in upper and lower case or suffix",
            tuple(name for name, _ in pairs),
            "No other name would fit, so this guess is safe. If it is wrong, rename the files.",
            tuple(detail for _, detail in pairs),
        )
    ]


def _copies(pictures: Pictures, but: Collection[str] = ()) -> dict[str, str]:
    """Returns names that say copy, with equal bytes to the original, of all but some."""
    files = pictures.files
    return {
        name: original
        for name, original in pictures.originals.items()
        if name not in but and original in files and _equal(files[name], files[original])
    }


def _equal(first: Path, second: Path) -> bool:
    """Returns whether two files hold the same bytes; False if one can't be read."""
    try:
        return filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False


def _match_loosely(files: dict[str, Path], own: dict[str, str], masks: Pictures) -> list[Remark]:
    """Gives masks without a photo to photos without a mask, in `own`; returns what to remark."""
    pairs = []
    folds: tuple[Callable[[str], str], ...] = (str.casefold, bare_name)
    for fold in folds:
        if not (own.keys() - files.keys() and files.keys() - own.keys()):
            break
        mask_names = grouped(own, fold)
        for key, (photo, *others) in grouped(files, fold).items():
            mask, *more = mask_names.get(key, [photo])
            if mask != photo and not (others or more):
                own[photo] = own.pop(mask)
                pairs.append((photo, masks.place(own[photo])))
    return loosely_named(pairs)
