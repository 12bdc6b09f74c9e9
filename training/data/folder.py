"""Data folders: which photos there are, which mask and which car belong to each."""

from __future__ import annotations

import gc
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError, reason
from core.image import read_image
from core.mask_classes import MaskClasses
from core.names import composed, first_few, is_hidden
from core.truth import Truth
from training.data.cars import car_of, cars_by_rule, cars_by_table, drawing_of
from training.data.history import history_of
from training.data.layouts import LAYOUTS, Layout
from training.data.layouts.listing import Listing, Remark
from training.data.layouts.voc import says_car
from training.data.mask_source import InvertedMask, MaskSource

_VIEW = re.compile(r"_(\d\d)(?=_|$)")

UNNAMED = ("carvana", "paired")
"""Layouts whose masks may hold classes, but no file names them."""


@dataclass(frozen=True)
class Reading:
    """How a data folder is to be read, where its files leave a choice."""

    classes: tuple[str, ...] = ()
    """What is the car: COCO categories or VOC classes by name or number; of masks with a file each
    class numbers, colours (64,0,128) or "all". None for the classes whose names say car, or for
    masks that show nothing but the car. FOLDER=CLASS is for the data folder of that name alone."""
    car_rule: str = ""
    """Regular expression with a group named "car", searched in a photo's name (without suffix);
    "" for the part of the name before the first "_"."""
    cars: Path | None = None
    """CSV file with the columns image (a photo's name, with or without suffix) and car; goes
    before `car_rule`."""
    inverted: tuple[str, ...] = ()
    """Names of data folders whose masks are inverted: the car is what they call background."""
    left_out: tuple[str, ...] = ()
    """Photos that are passed over, such as files that can't be read: NAME, or FOLDER/NAME."""

    def classes_of(self, folder: str) -> tuple[str, ...]:
        """Returns the classes for a data folder, by its name."""
        own = [word for word in self.classes if composed(word).startswith(f"{folder}=")]
        shared = [word for word in self.classes if "=" not in word]
        return tuple(word.partition("=")[2] for word in own) or tuple(shared)

    def arguments(self) -> list[str]:
        """Returns the options of a command line that say the same, with whole paths."""
        return [
            *([f"--car-rule={self.car_rule}"] if self.car_rule else []),
            *(["--cars", str(self.cars.resolve())] if self.cars else []),
            *(f"--class={name}" for name in self.classes),
            *(f"--inverted-masks={name}" for name in self.inverted),
            *(f"--leave-out={name}" for name in self.left_out),
        ]


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo with its mask."""

    source: str
    """Name of its data folder."""
    name: str
    """The photo's path below the data folder's photos, without suffix, in NFC."""
    car: str
    """Group that a split never divides."""
    image_path: Path
    mask: MaskSource
    """How its mask is read."""
    origin: str = ""
    """Of an augmented photo: the name of the photo that it was made from."""
    recipe: str = ""
    """By which recipe a training augments it; "": by the run's own."""
    drawing: str = ""
    """What its car was drawn from; see `Dataset.drawing`."""
    anchor: str = ""
    """Fingerprint of the network whose mask its mask began as, and was edited from: such a mask
    flatters that network. "" for a mask that began otherwise."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all other photos: the names of its data folder and its own."""
        return self.source, self.name

    @property
    def mask_path(self) -> Path:
        """The file that its mask lies in; with COCO many photos share one."""
        return self.mask.path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Returns the image (H, W, 3) uint8 and where its car is, bool (H, W).

        Raises:
            ImageError: The photo can't be read.
            MaskError: The mask can't be read or has another size than the photo.
        """
        image, truth = self.read_truth()
        return image, truth.car

    def read_truth(self) -> tuple[NDArray[np.uint8], Truth]:
        """Returns the image (H, W, 3) uint8 and its mask with what is ignored; see `read`."""
        image = read_image(self.image_path)
        return image, self.mask.read_truth((image.shape[0], image.shape[1]))


@dataclass(frozen=True)
class Dataset:
    """A data folder that was looked through; no picture is read for that."""

    name: str
    """The folder's own name, in NFC."""
    root: Path
    layout: str
    """"carvana", "paired", "coco", "voc" or "augmented"."""
    samples: tuple[Sample, ...]
    """Photos with a mask, sorted by name."""
    without_mask: tuple[str, ...]
    """Photos that have no mask; they are left out."""
    without_photo: tuple[str, ...]
    """Masks that have no photo; they are left out."""
    doubled: tuple[str, ...] = ()
    """Files, by their paths below the root, whose name another photo or mask has, such as `x.png`
    beside `x.jpg`, or that are a copy of one byte for byte; they are left out."""
    remarks: tuple[Remark, ...] = ()
    """What was taken for granted in reading it."""
    family: str = ""
    """Whose cars these are: the name of the data folder that an augmented set was made from, else
    its own."""
    classes: tuple[str, ...] = ()
    """Classes that are the car (coco, voc), or their numbers and colours (carvana, paired)."""
    all_classes: tuple[str, ...] = ()
    """Classes that there were to choose from (coco, voc)."""
    drawing: str = ""
    """What the cars were drawn from, where they are drawn; see `training.data.cars`."""
    left_out: tuple[str, ...] = ()
    """Photos with a mask that a person left out (`Reading.left_out`), sorted."""

    def __post_init__(self) -> None:
        if not self.family:
            object.__setattr__(self, "family", self.name)

    @property
    def cars(self) -> tuple[str, ...]:
        """The cars in it, sorted."""
        return tuple(sorted({sample.car for sample in self.samples}))

    def fingerprint(self) -> str:
        """Returns a SHA-256 of all names and file sizes: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        shared: dict[Path, int] = {}  # a COCO file holds the masks of many photos
        for sample in self.samples:
            path, selector = sample.mask.path, sample.mask.selector
            if not selector or path not in shared:
                shared[path] = path.stat().st_size
            sizes = [sample.image_path.stat().st_size, shared[path]]
            digest.update(f"{sample.name}\0{sizes}{selector}\n".encode())
        return digest.hexdigest()

    def cars_fingerprint(self) -> str:
        """Returns a SHA-256 of which photo shows which car: the rule for that is the caller's."""
        cars = "".join(f"{sample.name}\0{sample.car}\n" for sample in self.samples)
        return hashlib.sha256(cars.encode()).hexdigest()

    def problems(self) -> list[str]:
        """Returns what a person should know before training on it, one sentence each."""
        found = []
        for names, what in (
            (self.without_mask, "without a mask, left out"),
            (self.without_photo, "masks without a photo, left out"),
            (self.doubled, "files with the name or the content of another, left out"),
            (self.left_out, "left out as you wished"),
        ):
            if names:
                found.append(f"{self.name}: {len(names)} {what}: {first_few(names, 5)}")
        return found + [
            f"{self.name}: {remark.title}: {first_few(remark.names, 5)}" for remark in self.remarks
        ]


_ANY = Reading()


def open_dataset(root: Path, reading: Reading = _ANY, *, allow_empty: bool = False) -> Dataset:
    """Returns what a data folder holds; its layout is recognised by its folders.

    Args:
        root: A folder in one of the layouts of `training.data.layouts`.
        reading: What to choose in it.
        allow_empty: Return it also if no photo has a mask, to look at what is wrong.

    Raises:
        DataError: The folder is missing, has another layout or no photo with a mask; its
            annotations are damaged; no class, or no car of a photo can be told.
        ConfigError: The rule for cars is no regular expression with a group named "car".
    """
    try:
        if not root.is_dir():
            raise DataError(f"There is no data folder {root}; give a folder with photos and masks.")
        with _uncollected():
            return _read(root, _layout_of(root), reading, allow_empty)
    except OSError as error:
        raise DataError(
            f"The data folder {root} can't be read ({reason(error)}); check its permissions."
        ) from error


def open_datasets(roots: Iterable[Path], reading: Reading = _ANY) -> list[Dataset]:
    """Returns several data folders, each opened by `open_dataset`.

    Raises:
        DataError: None is given, two have one name, or one can't be opened.
    """
    datasets = [open_dataset(root, reading) for root in roots]
    if not datasets:
        raise DataError("No data folder was given; give at least one with --data DIR.")
    by_name: dict[str, list[Path]] = defaultdict(list)
    for dataset in datasets:
        by_name[dataset.name].append(dataset.root)
    for name, same in by_name.items():
        if len(same) > 1:
            raise DataError(f"Two data folders are called {name!r}: {same}; rename one.")
    check_reading(reading, datasets)
    return datasets


def check_reading(reading: Reading, datasets: Sequence[Dataset]) -> None:
    """Makes sure that what is said of the masks is said of the right data folders.

    Raises:
        DataError: A folder whose masks are inverted is none of the data folders, a photo to leave
            out is in none, or a class's number or colour could be meant for several of them.
    """
    names = [dataset.name for dataset in datasets]
    unknown = [name for name in reading.inverted if composed(name) not in names]
    if unknown:
        raise DataError(
            f"The masks of {unknown[0]!r} are to be inverted, but the data folders are "
            f"{', '.join(names)}; give one of these names."
        )
    known = {each.name: set(each.left_out) for each in datasets}
    strange = [
        wanted
        for wanted in map(composed, reading.left_out)
        if not any(
            wanted in {name, f"{folder}/{name}"} for folder in known for name in known[folder]
        )
    ]
    if strange:
        raise DataError(
            f"No data folder has a photo {first_few(strange, 5)} to leave out; take the name away, "
            "or correct it."
        )
    numbered = [each.name for each in datasets if each.layout in UNNAMED and each.classes]
    shared = [word for word in reading.classes if "=" not in word and MaskClasses.parsed([word])]
    if len(numbered) > 1 and shared:
        raise DataError(
            f"The class {shared[0]} could be meant for the masks of {' and '.join(numbered)}; say "
            f"for which: --class {numbered[0]}={shared[0]}, for each folder that has it."
        )


def view_of(name: str) -> str:
    """Returns the view that a photo's name says, such as "01": its last part of two digits.

    "" if it has none. Of an augmented photo's name, `x_01_a03`, it is the photo's: "01".
    """
    found = _VIEW.findall(name)
    return found[-1] if found else ""


def _read(root: Path, layout: Layout, reading: Reading, allow_empty: bool) -> Dataset:
    source = composed(root.resolve().name)
    wanted = reading.classes_of(source)
    listing = layout.read(root, wanted)
    photos, masks = listing.photos, listing.masks
    if source in map(composed, reading.inverted):
        masks = {name: InvertedMask(mask) for name, mask in masks.items()}
    names = sorted(name for name in photos if name in masks)  # a set of them would lose their order
    unwanted = set(map(composed, reading.left_out))
    left_out = [name for name in names if {name, f"{source}/{name}"} & unwanted] if unwanted else []
    names = [name for name in names if name not in set(left_out)] if left_out else names
    if not names and not allow_empty:
        raise DataError(
            f"{root} has {len(photos)} photos and {len(masks)} masks, but no photo has a mask. "
            f"It looks like the layout {layout.name}: {layout.needs}; a mask has its photo's name."
        )
    cars, origins = _cars_of(names, listing, reading), listing.origins
    drawing, edits = drawing_of(root), history_of(root)
    remarks = list(listing.remarks)
    if listing.classes and not (wanted or any(map(says_car, listing.classes))):
        title = "the only class is taken for the car, though its name doesn't say so"
        advice = "If it is something else, correct the classes; else choose it (--class)."
        remarks.append(Remark("only_class", title, listing.classes, advice))
    return Dataset(
        name=source,
        root=root,
        layout=layout.name,
        samples=tuple(
            Sample(
                *(source, name, cars[name], photos[name], masks[name], origins.get(name, "")),
                drawing=drawing,
                anchor=edits[name].origin.fingerprint if name in edits else "",
            )
            for name in names
        ),
        without_mask=tuple(sorted(photos.keys() - masks.keys())),
        without_photo=tuple(sorted(masks.keys() - photos.keys())),
        doubled=tuple(sorted(listing.doubled)),
        remarks=tuple(remarks),
        family=listing.family,
        classes=listing.classes,
        all_classes=listing.all_classes,
        drawing=drawing,
        left_out=tuple(left_out),
    )


def _cars_of(names: Sequence[str], listing: Listing, reading: Reading) -> Mapping[str, str]:
    """Returns the car of each name; an augmented photo has that of the photo it was made from."""
    if reading.cars is None and not reading.car_rule:
        return listing.cars or {name: car_of(name) for name in names}
    asked = {name: listing.origins.get(name, name) for name in names}
    known = dict.fromkeys(asked.values())
    if reading.cars is not None:
        cars = cars_by_table(known, reading.cars)
    else:
        cars = cars_by_rule(known, reading.car_rule)
    return {name: cars[photo] for name, photo in asked.items()}


def _layout_of(root: Path) -> Layout:
    for layout in LAYOUTS:
        if layout.recognise(root):
            return layout
    for layout in LAYOUTS:
        if layout.suggests(root):
            return layout
    known = "; ".join(f"{layout.name}: {layout.needs}" for layout in LAYOUTS)
    here = [path for path in sorted(root.iterdir()) if not is_hidden(path.name)]
    inner = [path for path in here[:100] if path.is_dir()]
    fitting = [path.name for path in inner if any(each.recognise(path) for each in LAYOUTS)]
    remedy = f"give {root / fitting[0]}" if fitting else "arrange it in one of them"
    raise DataError(f"{root} has none of the known layouts ({known}); {remedy}.")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the garbage collector still: it takes three times as long as listing 100,000 photos.

    What was made meanwhile is then counted as old at once, so that it is not looked through next.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        if enabled:
            gc.enable()
