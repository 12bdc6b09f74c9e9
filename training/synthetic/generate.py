"""Studio pictures of made-up cars with exact masks, one by one or as a whole set of files."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.files import write_bytes_atomically
from core.image import encode_jpeg, encode_png
from training.data.cars import KIND, MANIFEST
from training.synthetic.render import draw_view
from training.synthetic.turntable import VIEWS, CarParameters, sample_car

VERSION = 1
"""Rises when the same arguments begin to draw other pictures."""

_QUALITY = 92


@dataclass(frozen=True)
class SyntheticPicture:
    """A drawn car and its exact mask."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    mask: npt.NDArray[np.bool_]
    """(H, W), where at least half of a pixel is car; shadow and reflection are not."""


@dataclass(frozen=True)
class SyntheticSet:
    """What is in a folder of drawn pictures."""

    folder: Path
    """Holds images/, masks/ and manifest.json."""
    cars: int
    """Cars in the set."""
    views: int
    """Pictures of each car."""
    seed: int
    """Seed of the set."""
    pictures: int
    """Pictures in the set."""
    written: int
    """Pictures that this call wrote; the others were there already."""
    busy: int
    """Cars before a busy background."""
    size: int
    """Size of all pictures and masks, bytes."""


def _check_size(height: int, width: int) -> None:
    if min(height, width) < 32 or max(height, width) > 4096:
        raise ConfigError(
            f"Picture size {width} x {height}: both sides need to be 32 to 4096 pixels."
        )


def render_view(
    car: CarParameters,
    view: int,
    *,
    height: int = 384,
    width: int = 576,
    background: str = "plain",
    seed: int = 0,
) -> SyntheticPicture:
    """Returns one picture of a car on the turntable with its exact mask.

    Args:
        car: What is drawn, mostly from `sample_car`.
        view: 1..16. View 1 shows the front; each step turns the table by 22.5 degrees, so view 5
            is the left flank and view 9 the rear.
        height: Pixels, 32..4096.
        width: Pixels, 32..4096.
        background: "plain" for a bare studio, "busy" for a street, a yard or a showroom.
        seed: Decides the background, together with the car; the same for all views of a car.

    Raises:
        ConfigError: An unknown background, or a view or a size outside its range.
    """
    if not 1 <= view <= VIEWS:
        raise ConfigError(f"View {view}: it needs to be 1 to {VIEWS}.")
    if background not in ("plain", "busy"):
        raise ConfigError(f'Background "{background}": choose "plain" or "busy".')
    if seed < 0:
        raise ConfigError(f"Seed {seed}: it needs to be 0 or more.")
    _check_size(height, width)
    shown, coverage = draw_view(car, view, height, width, background, seed)
    image = np.round(np.clip(shown, 0.0, 1.0) * 255.0).astype(np.uint8)
    return SyntheticPicture(image=image, mask=coverage >= 0.5)


def _background(seed: int, car: int, busy_share: float) -> str:
    """Returns the background of a car; any run of cars holds about the share asked for."""
    # A step of the golden ratio spreads the busy ones evenly, even over a few cars.
    place = (np.random.default_rng([seed, 41]).random() + car * 0.6180339887498949) % 1.0
    return "busy" if place < busy_share else "plain"


def _spread(views: int) -> list[int]:
    """Returns which of the 16 views a set with fewer of them shows, evenly spread."""
    return [1 + (number * VIEWS) // views for number in range(views)]


def _manifest(
    cars: int, views: int, seed: int, height: int, width: int, busy_share: float
) -> dict[str, object]:
    entries = {
        _car_name(car): {
            "background": _background(seed, car, busy_share),
            "parameters": asdict(sample_car(seed, car)),
        }
        for car in range(cars)
    }
    return {
        "kind": KIND,
        "version": VERSION,
        "seed": seed,
        "cars": cars,
        "views": _spread(views),
        "height": height,
        "width": width,
        "busy_share": busy_share,
        "set": entries,
    }


def _car_name(car: int) -> str:
    return f"synth{car:04d}"


def _claim(out: Path, manifest: dict[str, object]) -> None:
    """Writes the set's manifest, or makes sure that the one found is of this very set."""
    path = out / MANIFEST
    text = json.dumps(manifest, indent=1) + "\n"
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise DataError(
                f"{out} holds another set of pictures already (its {MANIFEST} has other "
                "arguments or comes from another version). Choose an empty folder, or delete "
                "that one."
            )
        return
    for folder in (out / "images", out / "masks"):
        if folder.is_dir() and any(folder.iterdir()):
            raise DataError(
                f"{folder} holds files that are not from a set of this kind (there is no "
                f"{MANIFEST}). Choose an empty folder."
            )
    write_bytes_atomically(path, text.encode())


def generate_set(
    out: Path,
    *,
    cars: int,
    views: int = VIEWS,
    seed: int = 0,
    height: int = 384,
    width: int = 576,
    busy_share: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
) -> SyntheticSet:
    """Writes a set of pictures and masks and returns what it holds.

    Files: `images/synth0007_01.jpg` and `masks/synth0007_01.png` (mode L, 0 or 255), where the
    part before `_` is the car and the number after it the view, and `manifest.json`. The same
    arguments write the same bytes. A call that was cut off goes on where it stopped.

    Args:
        out: Folder of the set; made if it is missing.
        cars: 1 or more.
        views: Pictures of each car, 1..16, spread over one turn.
        seed: 0 or more.
        height: Pixels, 32..4096.
        width: Pixels, 32..4096.
        busy_share: Share of the cars that stand before a busy background, in [0, 1].
        progress: Called with (pictures done, pictures in all) after each picture.

    Raises:
        ConfigError: An argument outside its range.
        DataError: The folder holds another set.
    """
    if cars < 1 or not 1 <= views <= VIEWS or seed < 0 or not 0.0 <= busy_share <= 1.0:
        raise ConfigError(
            f"{cars} cars, {views} views, seed {seed}, busy share {busy_share}: it takes 1 or more "
            f"cars, 1 to {VIEWS} views, a seed of 0 or more and a share from 0 to 1."
        )
    _check_size(height, width)
    for folder in (out, out / "images", out / "masks"):
        folder.mkdir(parents=True, exist_ok=True)
    _claim(out, _manifest(cars, views, seed, height, width, busy_share))
    written = size = done = 0
    chosen = _spread(views)
    for number in range(cars):
        car = sample_car(seed, number)
        background = _background(seed, number, busy_share)
        for view in chosen:
            stem = f"{_car_name(number)}_{view:02d}"
            image, mask = out / "images" / f"{stem}.jpg", out / "masks" / f"{stem}.png"
            # The mask is written last and both by renaming: where it stands, the pair is whole.
            if not (mask.exists() and image.exists()):
                picture = render_view(
                    car, view, height=height, width=width, background=background, seed=seed
                )
                write_bytes_atomically(image, encode_jpeg(picture.image, _QUALITY))
                write_bytes_atomically(mask, encode_png(picture.mask))
                written += 1
            size += image.stat().st_size + mask.stat().st_size
            done += 1
            if progress is not None:
                progress(done, cars * views)
    busy = sum(_background(seed, number, busy_share) == "busy" for number in range(cars))
    return SyntheticSet(out, cars, views, seed, cars * views, written, busy, size)
