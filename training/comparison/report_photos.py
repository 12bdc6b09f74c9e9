"""The photos of a report: those worth looking at, each with the place where most differs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from core.drawing import Image, OverlayStyle, overlay
from core.errors import CarmaskError, reason
from core.image import encode_jpeg, thumbnail
from core.masks import Mask
from training.comparison.disagreement import (
    DisagreementColours,
    disagreement_of,
    disagreement_picture,
)
from training.comparison.figures import Side
from training.comparison.pairs import ORDERS, Order, Pairs
from training.data.folder import Sample

EACH = 3
"""Photos of each list."""
_LONGEST = 640
_QUALITY = 82
_TRUTH = OverlayStyle("#7BE04B", opacity=0.25, outline=4)
_TITLES: dict[Order, str] = {
    "improved": "Where {b} gains most",
    "worsened": "Where {b} loses most",
    "worst": "The worst of all",
}


@dataclass(frozen=True, eq=False)
class Photos:
    """Where a report gets its pictures from."""

    samples: Mapping[tuple[str, str], Sample]
    """Photos with their masks by source and image; empty where they aren't on this machine."""
    mask_of: Callable[[int, Sample], Mask]
    """Returns what one of those that are compared, by its place, says of a photo; raises a
    CarmaskError where it can't."""
    missing: str = "The photos are not on this machine, so no picture is shown."
    """What is said in the place of pictures where there are no samples."""


def photo_sections(
    pairs: Pairs, places: tuple[int, int], sides: Sequence[Side], photos: Photos
) -> str:
    """Returns the HTML of the lists of photos, each with its pictures where they are here.

    Args:
        pairs: The figures of A and B.
        places: Places of A and B among those that are compared.
        sides: Titles and colours of A and B.
        photos: Where the pictures come from.
    """
    a, b = sides
    parts = [
        f'<p class="note">{_legend(a, b)}</p>'
        if photos.samples
        else f"<p>{escape(photos.missing)}</p>"
    ]
    for order in ORDERS:
        chosen = pairs.ordered(order)[:EACH]
        if len(chosen):
            parts.append(f"<h3>{escape(_TITLES[order].format(b=b.title))}</h3>")
        parts += [_photo(pairs, int(place), places, (a, b), photos) for place in chosen]
    return "\n".join(parts)


def _photo(
    pairs: Pairs, place: int, places: tuple[int, int], sides: tuple[Side, Side], photos: Photos
) -> str:
    name = pairs.names[place]
    words = (
        f"<b>{escape(name[1])}</b>, {escape(name[0])}: {escape(pairs.metric.title)} "
        f"{pairs.text(place)}"
    )
    sample = photos.samples.get(name)
    if sample is None:
        return f"<p>{words}</p>"
    try:
        pictures = _pictures(sample, places, sides, photos)
    except (CarmaskError, OSError) as error:
        return f'<p>{words}</p><p class="warning">{escape(reason(error))}</p>'
    shown = "".join(
        f'<figure class="{kind}"><img alt="{caption}" src="{_url(picture)}">'
        f"<figcaption>{caption}</figcaption></figure>"
        for kind, caption, picture in pictures
    )
    return f'<p>{words}</p><div class="pictures">{shown}</div>'


def _pictures(
    sample: Sample, places: tuple[int, int], sides: tuple[Side, Side], photos: Photos
) -> list[tuple[str, str, Image]]:
    """Returns kind, caption and picture of each."""
    image, truth = sample.read_truth()
    masks = [truth.judged(photos.mask_of(place, sample)) for place in places]
    found = disagreement_of(masks[0], masks[1], truth.car)
    colours = DisagreementColours(sides[0].colour, sides[1].colour)
    drawn = disagreement_picture(image, found, colours)
    return [
        ("", "The photo and its true mask", thumbnail(overlay(image, truth.car, _TRUTH), _LONGEST)),
        ("", "Where they disagree", thumbnail(drawn, _LONGEST)),
        ("near", "Where they disagree most", np.ascontiguousarray(drawn[found.spot.slices])),
    ]


def _legend(a: Side, b: Side) -> str:
    kinds = (
        (a.colour, f"{a.title} alone is right"),
        (b.colour, f"{b.title} alone is right"),
        (DisagreementColours().both, "both are wrong"),
    )
    return " &ensp; ".join(
        f'<span class="swatch" style="background:{colour}"></span>{escape(text)}'
        for colour, text in kinds
    )


def _url(picture: Image) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, _QUALITY)).decode()
