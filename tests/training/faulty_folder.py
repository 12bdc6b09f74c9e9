"""Writes a data folder in Carvana's layout with every fault that the check knows, planted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.image import encode_jpeg, encode_png

HEIGHT, WIDTH = 96, 128
GOOD_CARS, VIEWS = 8, 3


def write_sound_folder(root: Path) -> None:
    """Writes eight cars with three views each, and nothing wrong with them."""
    for car in range(GOOD_CARS):
        for view in range(1, VIEWS + 1):
            write(root, f"good{car}_{view:02}", seed=VIEWS * car + view)


def write_faulty_folder(root: Path) -> dict[str, set[str]]:
    """Writes the sound folder, and beside it each fault; returns the names by kind of finding."""
    write_sound_folder(root)
    images, masks = root / "train", root / "train_masks"
    write(root, "alone_01", seed=101)
    (masks / "alone_01_mask.png").unlink()
    write(root, "ghost_01", seed=102)
    (images / "ghost_01.png").unlink()
    first = (masks / "good0_01_mask.png").read_bytes()
    (masks / "good0_01_mask(1).png").write_bytes(first)
    write(root, "small_01", seed=103, mask=car_mask(103)[::2, ::2])
    write_values(root)
    write(root, "empty_01", seed=106, mask=np.zeros((HEIGHT, WIDTH), bool))
    write(root, "full_01", seed=107, mask=np.ones((HEIGHT, WIDTH), bool))
    write(root, "parts_01", seed=108, mask=car_mask(108) & stripes())
    write(root, "tiny_01", seed=109, mask=ellipse(0.5, 0.5, 0.03))
    write(root, "huge_01", seed=110, mask=~ellipse(0.5, 0.5, 0.08))
    write(root, "framed_01", seed=115, mask=framed(~car_mask(115), 2))
    write_ignored(root)
    write_unreadable(root)
    write_turned(root)
    write_copies(root)
    return {
        "without_mask": {"alone_01"},
        "without_photo": {"ghost_01"},
        "doubled": {"train_masks/good0_01_mask(1).png"},
        "size_mismatch": {"small_01"},
        "mask_values": {"soft_01", "lossy_01"},
        "empty_mask": {"empty_01"},
        "full_mask": {"full_01"},
        "many_parts": {"parts_01"},
        "area_outlier": {"tiny_01", "huge_01", "framed_01"},
        "inverted": {"huge_01", "framed_01"},
        "taken_as_ignored": {"ignored_01"},
        "other_values": {"ignored_01"},
        "unreadable": {"cut_01", "text_01", "nobytes_01"},
        "turned": {"turned_01"},
        "exact_duplicates_within": {"good1_01", "good1_09"},
        "exact_duplicates_cars": {"good2_01", "twin_01"},
        "near_duplicates_within": {"good3_01", "good3_09"},
        "near_duplicates_cars": {"good4_01", "resized_01", "brighter_01"},
    }


def write(root: Path, name: str, seed: int, mask: NDArray[np.bool_] | None = None) -> None:
    """Writes one pair as PNG files; its mask is that of the seed where none is given."""
    (root / "train").mkdir(parents=True, exist_ok=True)
    (root / "train_masks").mkdir(exist_ok=True)
    (root / "train" / f"{name}.png").write_bytes(encode_png(photo(seed)))
    drawn = car_mask(seed) if mask is None else mask
    (root / "train_masks" / f"{name}_mask.png").write_bytes(encode_png(drawn))


def write_values(root: Path) -> None:
    """Writes a mask with soft edges and one that is a JPEG."""
    for name, seed in (("soft_01", 104), ("lossy_01", 105)):
        write(root, name, seed)
        (root / "train_masks" / f"{name}_mask.png").unlink()
    grey = Image.fromarray(car_mask(104).astype(np.uint8) * 255)
    small = grey.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BILINEAR)
    soft = small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    soft.save(root / "train_masks" / "soft_01_mask.png")
    lossy = Image.fromarray(car_mask(105).astype(np.uint8) * 255)
    lossy.save(root / "train_masks" / "lossy_01_mask.jpg", quality=70)


def write_ignored(root: Path) -> None:
    """Writes a mask of 0 and 1 whose seam is 255."""
    write(root, "ignored_01", seed=116)
    values = car_mask(116).astype(np.uint8)
    values[np.asarray(ellipse(0.5, 0.5, 0.05))] = 255
    Image.fromarray(values).save(root / "train_masks" / "ignored_01_mask.png")


def framed(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Returns a mask with an empty frame of some px."""
    inner = mask[width:-width, width:-width]
    return np.pad(inner, width)


def write_unreadable(root: Path) -> None:
    """Writes a photo that is cut short, an empty one, and a mask that is a text."""
    for name, seed in (("cut_01", 111), ("text_01", 112), ("nobytes_01", 113)):
        write(root, name, seed)
    whole = (root / "train" / "cut_01.png").read_bytes()
    (root / "train" / "cut_01.png").write_bytes(whole[: len(whole) // 2])
    (root / "train_masks" / "text_01_mask.png").write_text("no picture")
    (root / "train" / "nobytes_01.png").write_bytes(b"")


def write_turned(root: Path) -> None:
    """Writes a photo that is stored on its side and says so, with an upright mask."""
    write(root, "turned_01", seed=114)
    (root / "train" / "turned_01.png").unlink()
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = Image.fromarray(np.rot90(photo(114)).copy())
    sideways.save(root / "train" / "turned_01.jpg", quality=90, exif=exif)


def write_copies(root: Path) -> None:
    """Writes copies of good photos: equal, saved again, resized, brighter."""
    masks = root / "train_masks"

    def copy(first: str, name: str, data: bytes, suffix: str, size: tuple[int, int]) -> None:
        (root / "train" / f"{name}{suffix}").write_bytes(data)
        mask = Image.open(masks / f"{first}_mask.png").resize(size, Image.Resampling.NEAREST)
        mask.save(masks / f"{name}_mask.png")

    size = (WIDTH, HEIGHT)
    for first, name in (("good1_01", "good1_09"), ("good2_01", "twin_01")):
        copy(first, name, (root / "train" / f"{first}.png").read_bytes(), ".png", size)
    again = np.asarray(Image.open(root / "train" / "good3_01.png"))
    copy("good3_01", "good3_09", encode_jpeg(again, 60), ".jpg", size)
    fourth = Image.open(root / "train" / "good4_01.png")
    smaller = (round(WIDTH * 0.9), round(HEIGHT * 0.9))
    stream = BytesIO()
    fourth.resize(smaller, Image.Resampling.LANCZOS).save(stream, "PNG")
    copy("good4_01", "resized_01", stream.getvalue(), ".png", smaller)
    brighter = np.clip(np.asarray(fourth) * 1.1 + 5, 0, 255).astype(np.uint8)
    copy("good4_01", "brighter_01", encode_png(brighter), ".png", size)


def photo(seed: int) -> NDArray[np.uint8]:
    """Returns a photo (96, 128, 3) of coloured waves, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 220, (12, 16, 3), dtype=np.uint8))
    return np.array(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def car_mask(seed: int) -> NDArray[np.bool_]:
    """Returns the mask (96, 128) of a car of about a fifth of the picture."""
    rng = np.random.default_rng(1000 + seed)
    return ellipse(*rng.uniform(0.45, 0.55, 2), rng.uniform(0.23, 0.28))


def ellipse(down: float, right: float, radius: float) -> NDArray[np.bool_]:
    """Returns a mask (96, 128) with one ellipse; all lengths are parts of its sides."""
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    inside = ((yy / HEIGHT - down) ** 2 + (xx / WIDTH - right) ** 2) < radius**2
    return np.asarray(inside, bool)


def stripes() -> NDArray[np.bool_]:
    """Returns upright bars, (96, 128), that cut a car into several parts."""
    return np.broadcast_to(np.arange(WIDTH) % 12 > 1, (HEIGHT, WIDTH))
