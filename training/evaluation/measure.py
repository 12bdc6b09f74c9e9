"""What is known of one photo once the network has answered: one row a photo."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import nan
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import CarmaskError
from core.masks import MaskSettings, Probability, car_share, mask_from_probability
from core.metric_table import METRICS, MaskScores
from core.metrics import Counts, counts, pooled_scores, score
from core.truth import Truth
from training.data.folder import Sample, view_of

if TYPE_CHECKING:
    import pandas as pd

    from core.image_model import ImageModel


@dataclass(frozen=True)
class _Photo:
    """Which photo it is."""

    source: str
    """Name of its data folder."""
    image: str
    """The photo's path below the data folder's photos, without suffix."""
    car: str
    """The car that it shows; cars of two sources are never the same one."""
    view: str
    """The view that its name says, such as "01"; "" if it says none."""
    width: int = 0
    """Of the upright photo, in px."""
    height: int = 0
    """Of the upright photo, in px."""


@dataclass(frozen=True)
class ImageRow(MaskScores, _Photo):
    """What is known of one photo; its fields are the columns of a table of rows, in this order.

    Of a photo that can't be read only the names, `seconds` (0) and `error` are known: then numbers
    with a fraction are NaN, whole ones 0, and `touches_border` is False.
    """

    share: float = nan
    """Share of the picture that the true car takes, in [0, 1]."""
    predicted_share: float = nan
    """Share of the picture that the mask takes, in [0, 1]."""
    parts: int = 0
    """Connected parts of the mask (over edges and corners)."""
    touches_border: bool = False
    """Whether the true car touches the picture's border."""
    brightness: float = nan
    """Mean luma (BT.601) of the photo, in [0, 1]."""
    true_positive: int = 0
    """Pixels that both masks call car."""
    false_positive: int = 0
    """Pixels that the mask alone calls car."""
    false_negative: int = 0
    """Pixels that the truth alone calls car."""
    seconds: float = 0.0
    """Time of the network and the enlarging, without reading and scoring."""
    error: str = ""
    """Why the photo or its mask can't be read; "" if both can."""


COLUMNS = tuple(field.name for field in fields(ImageRow))
"""The columns of a table of rows, in order."""


def table_of(rows: Sequence[ImageRow]) -> pd.DataFrame:
    """Returns rows as a table with the columns of `COLUMNS`, one row a photo, in their order."""
    import pandas as pd

    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in COLUMNS})


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of the photos that could be read; a missed car is one of them."""
    return rows[rows["error"] == ""]


Image = NDArray[np.uint8]


def row_of(
    sample: Sample,
    image: Image,
    truth: Truth,
    probability: Probability,
    settings: MaskSettings,
    seconds: float = 0.0,
) -> ImageRow:
    """Returns the row of a photo.

    Args:
        sample: Which photo.
        image: The photo, uint8 (H, W, 3).
        truth: Its mask, (H, W). Overlap and edges are compared where it is judged.
        probability: What the network says, float32 (H, W) in [0, 1].
        settings: Threshold and clean-up.
        seconds: How long the network took.
    """
    whole = mask_from_probability(probability, settings)
    mask, car = truth.judged(whole), truth.car
    height, width = mask.shape
    border = (car[0], car[-1], car[:, 0], car[:, -1])
    return replace(
        _named(sample),
        width=width,
        height=height,
        **asdict(score(mask, car)),
        share=car_share(car),
        predicted_share=car_share(mask),
        parts=cv2.connectedComponents(whole.view(np.uint8), connectivity=8)[0] - 1,
        touches_border=any(bool(side.any()) for side in border),
        brightness=float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()) / 255,
        **asdict(counts(mask, car)),
        seconds=seconds,
    )


def failed_row(sample: Sample, error: CarmaskError) -> ImageRow:
    """Returns the row of a photo that can't be read, or whose mask can't."""
    return replace(_named(sample), error=str(error))


def measure_samples(
    model: ImageModel,
    samples: Sequence[Sample],
    settings: MaskSettings,
    *,
    progress: Callable[[int, int], None] | None = None,
    look: Callable[[Sample, Probability], None] | None = None,
) -> list[ImageRow]:
    """Returns the rows of samples, which all must be readable: what a training asks for.

    Args:
        model: What predicts.
        samples: Photos with masks.
        settings: Threshold and clean-up.
        progress: Called with (photos done, photos in all).
        look: Called with each sample and its probability (H, W) float32.

    Raises:
        ImageError: A photo can't be read.
        MaskError: A mask can't be read or has another size than its photo.
    """
    rows = []
    for done, sample in enumerate(samples, start=1):
        image, truth = sample.read_truth()
        probability = model(image)
        rows.append(row_of(sample, image, truth, probability, settings))
        if look:
            look(sample, probability)
        if progress:
            progress(done, len(samples))
    return rows


def summary_of(rows: Iterable[ImageRow]) -> dict[str, Any]:
    """Returns the metrics by name, with counts, pooled figures and the same a data folder.

    Means are over photos; a missed car is in them, a photo that can't be read is not.

    Raises:
        DataError: There is no photo that can be read.
    """
    readable = [row for row in rows if not row.error]
    facts = _summary(readable)
    sources = sorted({row.source for row in readable})
    facts["sources"] = {
        source: _summary([row for row in readable if row.source == source]) for source in sources
    }
    return facts


def _summary(rows: Sequence[ImageRow]) -> dict[str, Any]:
    pooled = pooled_scores(
        Counts(row.true_positive, row.false_positive, row.false_negative) for row in rows
    )
    return {
        "images": len(rows),
        "cars": len({(row.source, row.car) for row in rows}),
        **{
            metric.name: math.fsum(getattr(row, metric.name) for row in rows) / len(rows)
            for metric in METRICS
        },
        "pooled_dice": pooled.dice,
        "pooled_iou": pooled.iou,
    }


def _named(sample: Sample) -> ImageRow:
    return ImageRow(sample.source, sample.name, sample.car, view_of(sample.name))
