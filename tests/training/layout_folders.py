"""Writes a tiny data folder of each layout; every photo shows one dark car on bright noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.image import encode_jpeg, encode_png

Size = tuple[int, int]
Pair = tuple[str, NDArray[np.uint8], NDArray[np.bool_]]

CATEGORIES = [
    {"id": 1, "name": "person", "supercategory": "person"},
    {"id": 3, "name": "car", "supercategory": "vehicle"},
    {"id": 8, "name": "truck", "supercategory": "vehicle"},
]
VOC_CAR, VOC_PERSON, VOC_VOID = 7, 15, 255


def corners_of(view: int, size: Size) -> tuple[int, int, int, int]:
    """Returns the car's box in a view: left, top, right, bottom in px, right and bottom without."""
    height, width = size
    left = width // 8 + view % 3
    return left, height // 4, left + width // 2, height // 4 + height // 2


def draw_pairs(cars: int, views: int, size: Size) -> list[Pair]:
    """Returns (name, image, mask) of each car in each view: car0_01, car0_02, car1_01, ..."""
    pairs = []
    for car in range(cars):
        for view in range(1, views + 1):
            rng = np.random.default_rng([car, view])
            left, top, right, bottom = corners_of(view, size)
            mask = np.zeros(size, np.bool_)
            mask[top:bottom, left:right] = True
            image = rng.integers(150, 255, (*size, 3), dtype=np.uint8)
            image[mask] //= 3
            pairs.append((f"car{car}_{view:02d}", image, mask))
    return pairs


def write_carvana(root: Path, cars: int = 3, views: int = 2, size: Size = (48, 64)) -> None:
    for name, image, mask in draw_pairs(cars, views, size):
        _write(root / "train" / f"{name}.jpg", encode_jpeg(image))
        gif = Image.fromarray(mask.astype(np.uint8))
        gif.putpalette([0, 0, 0, 255, 255, 255])
        (root / "train_masks").mkdir(exist_ok=True)
        gif.save(root / "train_masks" / f"{name}_mask.gif")


def write_paired(
    root: Path,
    cars: int = 3,
    views: int = 2,
    size: Size = (48, 64),
    *,
    photos: str = "images",
    masks: str = "masks",
    mark: str = "",
) -> None:
    for name, image, mask in draw_pairs(cars, views, size):
        _write(root / photos / f"{name}.jpg", encode_jpeg(image))
        _write(root / masks / f"{name}{mark}.png", encode_png(mask))


def write_coco(
    root: Path,
    cars: int = 3,
    views: int = 2,
    size: Size = (48, 64),
    *,
    outline: str = "polygon",
    photos: str = "images",
    annotations: str = "annotations/instances.json",
) -> None:
    """Writes photos and their annotations.

    Args:
        outline: "polygon", "rle" (a list of counts) or "packed" (counts packed into text).
        photos: Folder of the photos; "" for the top.
        annotations: File of the annotations.
    """
    content = coco_content(cars, views, size, outline)
    for name, image, _ in draw_pairs(cars, views, size):
        _write(root / photos / f"{name}.jpg", encode_jpeg(image))
    _write(root / annotations, json.dumps(content).encode())


def coco_content(cars: int, views: int, size: Size, outline: str = "polygon") -> dict[str, Any]:
    """Returns the JSON of `write_coco`: a car on each photo, and a person on the first."""
    images, annotations = [], []
    for number, (name, _, mask) in enumerate(draw_pairs(cars, views, size), start=1):
        height, width = size
        images.append({"id": number, "file_name": f"{name}.jpg", "height": height, "width": width})
        left, top, right, bottom = corners_of(int(name[-2:]), size)
        polygon = [left, top, right, top, right, bottom, left, bottom]
        shapes = {"polygon": lambda p=polygon: [p], "rle": lambda m=mask: counts_of(m)}
        shapes["packed"] = lambda m=mask: packed_counts_of(m)
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 3,
                "segmentation": shapes[outline](),
                "bbox": [left, top, right - left, bottom - top],
                "area": int(mask.sum()),
                "iscrowd": int(outline != "polygon"),
            }
        )
    person = {"id": 900, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 5, 0, 5, 5]]}
    return {
        "info": {"description": "tiny"},
        "images": images,
        "annotations": [*annotations, {**person, "bbox": [0, 0, 5, 5], "area": 12, "iscrowd": 0}],
        "categories": CATEGORIES,
    }


def counts_of(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns a mask as COCO's plain run lengths, column by column, background first."""
    flat = mask.T.ravel()
    edges = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), flat.size]
    counts = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def packed_counts_of(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns a mask as COCO's run lengths packed into text, by pycocotools."""
    from pycocotools import mask as coco

    packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": packed["counts"].decode()}


def write_voc(root: Path, cars: int = 3, views: int = 2, size: Size = (48, 64)) -> None:
    """Writes masks with the car as 7 in a seam of void, and a person (15) in a corner."""
    for name, image, mask in draw_pairs(cars, views, size):
        numbers = voc_numbers(mask, corners_of(int(name[-2:]), size))
        _write(root / "JPEGImages" / f"{name}.jpg", encode_jpeg(image))
        picture = Image.fromarray(numbers)
        picture.putpalette([part for number in range(256) for part in voc_colour(number)])
        (root / "SegmentationClass").mkdir(exist_ok=True)
        picture.save(root / "SegmentationClass" / f"{name}.png")


def voc_numbers(mask: NDArray[np.bool_], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    left, top, right, bottom = box
    numbers = np.zeros(mask.shape, np.uint8)
    numbers[top - 1 : bottom + 1, left - 1 : right + 1] = VOC_VOID
    numbers[mask] = VOC_CAR
    numbers[:3, :3] = VOC_PERSON
    return numbers


def voc_colour(number: int) -> tuple[int, int, int]:
    """Returns VOC's colour of a class, by the development kit's own loop."""
    colour = [0, 0, 0]
    for bit in range(7, -1, -1):
        for part in range(3):
            colour[part] |= (number & 1) << bit
            number >>= 1
    return colour[0], colour[1], colour[2]


def write_augmented(
    root: Path,
    cars: int = 3,
    views: int = 2,
    size: Size = (48, 64),
    *,
    versions: int = 2,
    source: str = "tiny",
) -> None:
    """Writes what `python -m training augment` writes, with copies in the place of versions."""
    pairs = draw_pairs(cars, views, size)
    settings = {
        "kind": "carmask augmented set",
        "format": 1,
        "source": {"name": source, "family": source, "photos": len(pairs), "fingerprint": "0" * 64},
        "recipe": {"name": "light", "reason": "", "steps": []},
        "seed": 0,
        "per_image": versions,
        "originals": False,
        "size": None,
    }
    lines = []
    for index, (name, image, mask) in enumerate(pairs):
        for version in range(1, versions + 1):
            photo, drawn = f"images/{name}_a{version:02}.jpg", f"masks/{name}_a{version:02}.png"
            _write(root / photo, encode_jpeg(image))
            _write(root / drawn, encode_png(mask))
            line = {"image": photo, "mask": drawn, "source": name, "car": name.partition("_")[0]}
            line |= {"recipe": "light", "index": index, "version": version, "applied": []}
            lines.append(json.dumps(line) + "\n")
    _write(root / "augment.json", json.dumps(settings, indent=1).encode())
    _write(root / "manifest.jsonl", "".join(lines).encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
