"""What is known of one photo once the network has answered: its row and its histograms.

The histograms are enough to know Dice, IoU, precision and recall of every threshold and how far a
probability can be believed, for any choice of photos, without the network.
"""

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
from core.masks import Mask, MaskSettings, Probability, car_share, mask_from_probability
from core.metric_table import METRICS, MaskScores
from core.metrics import Counts, boundary_width, counts, pooled_scores, score
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


THRESHOLDS: NDArray[np.float32] = (np.arange(101) / 100).astype(np.float32)
"""0.00, 0.01, ... 1.00: bin k holds the probabilities from THRESHOLDS[k] up to below the next."""
GROUPS = 20
"""Groups of five bins (the last one of six) over which probabilities are added up."""
ELSEWHERE, EDGE = 0, 1
"""Regions: `EDGE` is the band along the true edge, 2% of the diagonal wide on either side."""

_GROUP_OF_BIN = np.minimum(np.arange(101) // 5, GROUPS - 1)


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class Histograms:
    """The histograms of N photos; of one that can't be read they are all 0."""

    counts: NDArray[np.int64]
    """Pixels, (N, 2, 2, 101): by region (elsewhere, edge), truth (not car, car) and bin."""
    sums: NDArray[np.float64]
    """Sum of the probabilities, (N, 2, 20), to the hundredth: by region and group of bins."""

    def __len__(self) -> int:
        """The number of photos."""
        return len(self.counts)

    @property
    def everywhere(self) -> NDArray[np.int64]:
        """Pixels of the whole photos, (N, 2, 101): by truth (not car, car) and bin."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def edge(self) -> NDArray[np.int64]:
        """Pixels of the edge bands, (N, 2, 101): by truth (not car, car) and bin."""
        return self.counts[:, EDGE]

    def take(self, places: NDArray[np.intp] | NDArray[np.bool_]) -> Histograms:
        """Returns the histograms of some photos, by their places or by a bool (N,)."""
        return Histograms(self.counts[places], self.sums[places])


def no_histograms(photos: int) -> Histograms:
    """Returns histograms that are all 0, as those of photos that can't be read."""
    return Histograms(np.zeros((photos, 2, 2, 101), np.int64), np.zeros((photos, 2, GROUPS)))


def joined(histograms: Sequence[Histograms]) -> Histograms:
    """Returns the histograms of all photos, in order."""
    if not histograms:
        return no_histograms(0)
    return Histograms(
        np.concatenate([each.counts for each in histograms]),
        np.concatenate([each.sums for each in histograms]),
    )


def histogram_of(probability: Probability, truth: Mask, ignored: Mask | None = None) -> Histograms:
    """Returns the histograms of one photo (N = 1).

    Args:
        probability: Probability of car, float32 (H, W) in [0, 1].
        truth: The true mask, bool (H, W).
        ignored: Pixels that are not counted, bool (H, W); None counts all.
    """
    # Code of region, truth and bin, 0..403, so that one count serves all of them.
    code = bins_of(probability)
    group = _GROUP_OF_BIN.astype(np.uint16)[code]
    code += np.uint16(101) * truth
    band = edge_band_of(truth)
    code += np.uint16(202) * band
    group += np.uint16(GROUPS) * band
    if ignored is not None:
        judged = ~ignored
        code, group, probability = code[judged], group[judged], probability[judged]
    counts = np.bincount(code.ravel(), minlength=404).reshape(1, 2, 2, 101)
    sums = np.bincount(group.ravel(), probability.ravel(), 2 * GROUPS).reshape(1, 2, GROUPS)
    return Histograms(counts.astype(np.int64), np.rint(sums * 100) / 100)


def bins_of(probability: Probability) -> NDArray[np.uint16]:
    """Returns the bin of each pixel, (H, W) from 0 to 100, by the comparisons that masks use.

    Most pixels lie below 0.01 or, within the car, at or above 0.99; only the others are looked up.
    """
    bins = np.zeros(probability.shape, np.uint16)
    bins[probability >= THRESHOLDS[99]] = 99
    bins[probability >= THRESHOLDS[100]] = 100
    between = (probability >= THRESHOLDS[1]) & (probability < THRESHOLDS[99])
    bins[between] = np.searchsorted(THRESHOLDS, probability[between], side="right") - 1
    return bins


def edge_band_of(truth: Mask) -> Mask:
    """Returns the band along a true edge, bool (H, W): 2% of the diagonal wide on either side.

    Unlike the bands of Boundary IoU it lies on both sides, and the picture's border is no edge: no
    network has to find it.

    Args:
        truth: The true mask, bool (H, W).
    """
    side = 2 * int(boundary_width(truth.shape)) + 1
    square = np.ones((side, side), np.uint8)
    bits = np.ascontiguousarray(truth).view(np.uint8)
    grown = np.asarray(cv2.dilate(bits, square), np.uint8)
    return np.asarray(grown > cv2.erode(bits, square), np.bool_)
