"""Training batches of simulated clicks; the same with any number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.clicks import Click, changed_part, click_maps, connected_part, network_input, on_grid
from core.preprocess import HALF_LEVEL, Preprocessing, mask_levels, resize
from core.refine import Crop
from core.truth import IGNORED
from training.augment.compose import Augmenter
from training.augment.recipe import Recipe, Step
from training.clicks.scenes import Scene
from training.clicks.simulate import (
    Task,
    draw_crop,
    draw_task,
    error_click,
    single_car_task,
)

_ASPECTS = (1.0, 1.0, 1.5, 1.9, 0.75)
"""Width over height of a batch's grids; each has the same area."""
_COLOURS = Recipe(
    "clicks",
    "Other light, colours and cameras; a click means the same in all of them.",
    (
        Step(
            "RandomBrightnessContrast",
            0.6,
            (("brightness_limit", (-0.25, 0.25)), ("contrast_limit", (-0.25, 0.25))),
        ),
        Step(
            "HueSaturationValue",
            0.4,
            (
                ("hue_shift_limit", (-8, 8)),
                ("sat_shift_limit", (-30, 30)),
                ("val_shift_limit", (-10, 10)),
            ),
        ),
        Step("RandomGamma", 0.3, (("gamma_limit", (75, 135)),)),
        Step("GaussianBlur", 0.1, (("blur_limit", (3, 5)),)),
        Step("GaussNoise", 0.15, (("std_range", (0.01, 0.05)),)),
        Step("ImageCompression", 0.15, (("quality_range", (40, 90)),)),
    ),
)
_MULTIPLE = 16
"""Sides of grids are multiples of this."""
_TRIES = 20
"""For a scene and a draw with an error worth a click."""
Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs float32 (N, 6, h, w); labels uint8 (N, 1, h, w); the last clicks, int64 (N, 3): row,
column on the grid and 1 for a positive one."""


class ClickTasks(Dataset[Batch]):
    """Batches by number: what is in one is a function of (seed, number) alone."""

    def __init__(
        self,
        pools: Sequence[tuple[float, Sequence[Scene]]],
        preprocessing: Preprocessing,
        batch: int,
        seed: int,
        augmented: bool = True,
        single_cars: float = 0.0,
    ) -> None:
        """Takes scenes.

        Args:
            pools: Kinds of scenes with the share of the samples that each has.
            preprocessing: Its size is that of the grid.
            batch: Samples in a batch.
            seed: Of all draws.
            augmented: Whether scenes are mirrored, and their colours change.
            single_cars: Share of the samples that mask one car of several from a single click.
        """
        self._pools = [pool for pool in pools if pool[1]]
        self._preprocessing = preprocessing
        self._batch = batch
        self._seed = seed
        self._augmented = augmented
        scenes = [scene for _, pool in pools for scene in pool if scene.apart]
        self._several = [scene for scene in scenes if len(scene.numbers) > 1]
        self._single_cars = single_cars if self._several else 0.0
        self._augment = Augmenter(_COLOURS, None)

    def __len__(self) -> int:
        return 1 << 31

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self._seed, number])
        shape = grid_shape(self._preprocessing.size, float(rng.choice(_ASPECTS)))
        parts = [self._sample(shape, rng) for _ in range(self._batch)]
        inputs, labels, clicks = (
            torch.from_numpy(np.stack(each)) for each in zip(*parts, strict=True)
        )
        return inputs, labels, clicks

    def _sample(
        self, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int64]]:
        task = self.draw(rng)
        crop = draw_crop(task, rng, shape[1] / shape[0])
        inputs = network_input(task.photo, task.mask, task.clicks, crop, shape, self._preprocessing)
        labels = _labels(task, crop, shape)
        y, x = on_grid(task.clicks[-1], crop, shape)
        last = np.array([y, x, task.clicks[-1].positive], np.int64)
        if self._augmented:
            picture = self._preprocessing.denormalise(inputs[:3])
            picture, _ = self._augment(
                picture, labels == 1, seed=self._seed, epoch=1, index=int(rng.integers(1 << 62))
            )
            inputs[:3] = self._preprocessing.normalise(picture)
            if rng.random() < 0.5:
                inputs, labels = inputs[..., ::-1].copy(), labels[..., ::-1].copy()
                last[1] = shape[1] - 1 - x
        return inputs, labels[None], last

    def draw(self, rng: np.random.Generator) -> Task:
        """Returns a mask to correct; scenes that had nothing to correct are passed over."""
        if rng.random() < self._single_cars:
            return single_car_task(self._several[int(rng.integers(len(self._several)))], rng)
        shares = np.array([share for share, _ in self._pools])
        for _ in range(_TRIES):
            scenes = self._pools[int(rng.choice(len(shares), p=shares / shares.sum()))][1]
            if task := draw_task(scenes[int(rng.integers(len(scenes)))], rng):
                return task
        raise RuntimeError("no scene has anything to correct")


def click_batches(tasks: ClickTasks, first: int, workers: int) -> Iterator[Batch]:
    """Yields batches without end, from a number on."""
    numbers = range(first, len(tasks))
    loader = DataLoader(
        tasks,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


def next_click(
    inputs: NDArray[np.float32],
    labels: NDArray[np.uint8],
    last: NDArray[np.int64],
    probability: NDArray[np.float32],
    rng: np.random.Generator,
) -> bool:
    """Merges a network's answer into one sample and clicks on what is still wrong, in place.

    Args:
        inputs: Of the sample, (6, h, w).
        labels: Of the sample, (h, w).
        last: Its last click, (3,).
        probability: The network's, (h, w).
        rng: Source of the draws.

    Returns:
        Whether something is still wrong; if not, the sample stays as it is.

    Source: Sofiiuk et al. 2022 (RITM), section 3.2, iterative sampling.
    """
    click = Click(int(last[1]), int(last[0]), bool(last[2]))
    mask = inputs[3] >= 0.5
    part = changed_part(mask, probability >= 0.5, click)
    if part is None:
        return False
    new = mask ^ part
    judged = labels != IGNORED
    following = error_click((labels == 1) & judged, new & judged, rng)
    if following is None:
        return False
    inputs[3][part] = new[part]
    whole = Crop(0, 0, *mask.shape)
    np.maximum(inputs[4:], click_maps([following], whole, mask.shape), out=inputs[4:])
    last[:] = following.y, following.x, following.positive
    return True


def clicked_parts(inputs: Tensor, labels: Tensor, clicks: Tensor) -> Tensor:
    """Returns the part of each mask that is wrong and was clicked on, bool (N, 1, h, w).

    Args:
        inputs: Of a batch, (N, 6, h, w).
        labels: Of the batch, (N, 1, h, w).
        clicks: Its last clicks, (N, 3).
    """
    parts = torch.zeros(labels.shape, dtype=torch.bool)
    arrays = inputs[:, 3].numpy() >= 0.5, labels[:, 0].numpy(), clicks.tolist()
    for part, mask, label, (row, column, _) in zip(parts, *arrays, strict=True):
        wrong = (mask != (label == 1)) & (label != IGNORED)
        found = connected_part(wrong, column, row, 2)
        if found is not None:
            part[0] = torch.from_numpy(found)
    return parts


def grid_shape(size: int, aspect: float) -> tuple[int, int]:
    """Returns height and width of a grid with about size x size px."""
    sides = size / np.sqrt(aspect), size * np.sqrt(aspect)
    high, wide = (max(_MULTIPLE, round(side / _MULTIPLE) * _MULTIPLE) for side in sides)
    return high, wide


def _labels(task: Task, crop: Crop, shape: tuple[int, int]) -> NDArray[np.uint8]:
    part = slice(crop.top, crop.bottom), slice(crop.left, crop.right)
    truth = mask_levels(np.ascontiguousarray(task.truth[part]))
    how = cv2.INTER_AREA if shape[0] * shape[1] < truth.size else cv2.INTER_LINEAR
    labels = (cv2.resize(truth, shape[::-1], interpolation=how) >= HALF_LEVEL).view(np.uint8)
    if task.ignored[part].any():
        ignored = resize(mask_levels(np.ascontiguousarray(task.ignored[part])), *shape)
        labels[ignored >= HALF_LEVEL] = IGNORED
    return labels
