"""A comparison as one HTML file that holds everything: figures, pictures and the code of plotly."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.drawing import Image, OverlayStyle, overlay
from core.errors import CarmaskError, reason
from core.image import encode_jpeg, thumbnail
from core.masks import Mask
from core.metric_table import METRICS, Metric
from core.names import counted
from training.comparison.aligned import ORDERS, Compared, Order, Pairs, align, pairs_of
from training.comparison.curve_figures import (
    calibration_figure,
    precision_figure,
    threshold_figure,
)
from training.comparison.disagreement import (
    DisagreementColours,
    disagreement_of,
    disagreement_picture,
)
from training.comparison.figures import Side, scatter_figure, slices_figure
from training.comparison.ranking import Ranking, rank
from training.comparison.slices import PART_TITLES, WAY_TITLES, WAYS, cut
from training.comparison.table import comparison_table
from training.data.folder import Sample
from training.evaluation.curves import calibration_of, curves_of
from training.evaluation.stored import StoredEvaluation

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


def report_html(
    evaluations: Sequence[StoredEvaluation],
    colours: Sequence[str],
    metric: Metric,
    baseline: int,
    photos: Photos,
) -> bytes:
    """Returns the report as an HTML page of its own, UTF-8; its form is in report.html.

    Args:
        evaluations: What was measured of those that are compared, on the same photos.
        colours: Their colours, as #RRGGBB.
        metric: What they are compared by.
        baseline: Place of the one that the others are compared against.
        photos: Where the pictures come from.

    Raises:
        DataError: They can't be compared.
    """
    compared = align(evaluations)
    sides = [Side(*each) for each in zip(compared.names, colours, strict=True)]
    ranking = rank(compared, metric)
    figures = _Figures()
    facts = compared.facts[0]
    cars = counted(len(set(compared.cars)), "car")
    folder = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=folder, autoescape=True, trim_blocks=True, undefined=StrictUndefined)
    text = page.get_template("report.html").render(
        title=" and ".join(side.title for side in sides),
        about=f"{counted(compared.images, 'photo')} of {cars}: {facts.data}, "
        f"{PART_TITLES[facts.part]}. Compared by {metric.title}.",
        verdicts=_verdicts(compared, ranking, baseline),
        cautions=[
            ("" if facts.verdict.is_clean else facts.verdict.label, f"{name}: {caution}")
            for name, facts in zip(compared.names, compared.facts, strict=True)
            for caution in facts.cautions
        ],
        ways=list(_ways(compared, sides, metric, figures)),
        missing=photos.missing,
        **_table(compared, ranking, compared.names[baseline]),
        **_curves(evaluations, compared, sides, figures),
        pairs=[
            _pair(compared, (baseline, place), sides, metric, figures, photos)
            for place in range(len(sides))
            if place != baseline
        ],
        **_facts(compared, sides),
    )
    return text.strip().encode()


class _Figures:
    """Figures as HTML; the first one brings plotly's code with it."""

    def __init__(self) -> None:
        self._count = 0

    def html(self, figure: go.Figure) -> Markup:
        figure.update_layout(template="plotly_white", dragmode="zoom")
        self._count += 1
        return Markup(
            figure.to_html(
                full_html=False,
                include_plotlyjs=self._count == 1,
                div_id=f"figure{self._count}",
                config={"displaylogo": False, "responsive": True},
            )
        )


def _verdicts(compared: Compared, ranking: Ranking, baseline: int) -> Iterator[str]:
    """Yields the verdict on each of the others."""
    against = compared.names[baseline]
    for name in compared.names:
        if name == against or {name, against} & ranking.unranked:
            continue
        verdict = ranking.verdict(name, against=against)
        about = "" if verdict.kind in ("better", "worse") else f"{name}: "
        beside = f", against {against}" if len(compared.names) > 2 else ""
        yield about + verdict.sentence + beside


def _table(compared: Compared, ranking: Ranking, baseline: str) -> dict[str, str]:
    """Returns all figures, a column for each of those that are compared, and notes on them."""
    table = comparison_table(compared, ranking, METRICS, baseline)
    turned = table.texts.set_index(table.texts.columns[0]).T.rename_axis(columns=None)
    return {"table": Markup(turned.to_html(border=0)), "notes": " ".join(table.notes)}


def _ways(
    compared: Compared, sides: Sequence[Side], metric: Metric, figures: _Figures
) -> Iterator[dict[str, Any]]:
    """Yields each way of cutting the photos: the worst slices in words, and the figure."""
    for by in WAYS:
        found = [cut(rows, metric, by) for rows in compared.rows]
        if len(found[0].slices) > 1:
            yield {
                "title": WAY_TITLES[by].lower(),
                "sentences": [
                    (side, each.sentence) for side, each in zip(sides, found, strict=True)
                ],
                "figure": figures.html(slices_figure(found, sides)),
            }


def _curves(
    evaluations: Sequence[StoredEvaluation],
    compared: Compared,
    sides: Sequence[Side],
    figures: _Figures,
) -> dict[str, str]:
    """Returns Dice and precision over the threshold, and how far to believe a probability."""
    own = [evaluation.facts.threshold for evaluation in evaluations]
    chosen = [compared.kept(evaluation) for evaluation in evaluations]
    pairs = list(zip(evaluations, chosen, strict=True))
    curves = [curves_of(*pair) for pair in pairs]
    found = [calibration_of(each, "edge", places) for each, places in pairs]
    errors = (f"{side.title} {each.error:.4f}" for side, each in zip(sides, found, strict=True))
    return {
        "thresholds": figures.html(_named(threshold_figure(sides, curves, own, "dice"))),
        "precision": figures.html(_named(precision_figure(sides, curves, own))),
        "errors": ", ".join(errors),
        "calibration": figures.html(_named(calibration_figure(sides, found))),
    }


def _named(figure: go.Figure) -> go.Figure:
    """Returns a figure of lines with their names above it, which the page writes itself."""
    return figure.update_layout(showlegend=True)


def _pair(
    compared: Compared,
    places: tuple[int, int],
    sides: Sequence[Side],
    metric: Metric,
    figures: _Figures,
    photos: Photos,
) -> dict[str, Any]:
    """Returns what is shown of two of those that are compared, photo by photo."""
    a, b = (sides[place] for place in places)
    pairs = pairs_of(compared.rows[places[0]], compared.rows[places[1]], metric)
    legend = [
        (a.colour, f"{a.title} alone is right"),
        (b.colour, f"{b.title} alone is right"),
        (DisagreementColours().both, "both are wrong"),
    ]
    return {
        "title": f"{b.title} against {a.title}",
        "figure": figures.html(scatter_figure(pairs, a, b)),
        "legend": legend if photos.samples else [],
        "lists": [
            {
                "title": _TITLES[order].format(b=b.title),
                "photos": [_photo(pairs, int(each), places, (a, b), photos) for each in chosen],
            }
            for order in ORDERS
            if len(chosen := pairs.ordered(order)[:EACH])
        ],
    }


def _photo(
    pairs: Pairs, place: int, places: tuple[int, int], sides: tuple[Side, Side], photos: Photos
) -> dict[str, Any]:
    source, name = pairs.names[place]
    pictures, error = [], ""
    sample = photos.samples.get((source, name))
    if sample is not None:
        try:
            pictures = _pictures(sample, places, sides, photos)
        except (CarmaskError, OSError) as problem:
            error = reason(problem)
    figures = f"{pairs.metric.title} {pairs.text(place)}"
    return {
        "name": name,
        "source": source,
        "figures": figures,
        "pictures": pictures,
        "error": error,
    }


def _pictures(
    sample: Sample, places: tuple[int, int], sides: tuple[Side, Side], photos: Photos
) -> list[tuple[str, str, str]]:
    """Returns kind, caption and URL of each."""
    image, truth = sample.read_truth()
    masks = [truth.judged(photos.mask_of(place, sample)) for place in places]
    found = disagreement_of(masks[0], masks[1], truth.car)
    colours = DisagreementColours(sides[0].colour, sides[1].colour)
    drawn = disagreement_picture(image, found, colours)
    own = thumbnail(overlay(image, truth.car, _TRUTH), _LONGEST)
    near = np.ascontiguousarray(drawn[found.spot.slices])
    return [
        ("", "The photo and its true mask", _url(own)),
        ("", "Where they disagree", _url(thumbnail(drawn, _LONGEST))),
        ("near", "Where they disagree most", _url(near)),
    ]


def _url(picture: Image) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, _QUALITY)).decode()


def _facts(compared: Compared, sides: Sequence[Side]) -> dict[str, str]:
    """Returns what a reader needs to measure the same again."""
    rows = [
        {
            "Threshold": f"{facts.threshold:g}",
            "Mirrored photos too": "yes" if facts.flips else "no",
            "Fallback": "yes" if facts.cascade else "no",
            "Checkpoint (SHA-256)": ", ".join(each[:16] for each in facts.fingerprints),
            "Measured": facts.created,
            "On": facts.device,
            "With": facts.code,
        }
        for facts in compared.facts
    ]
    table = pd.DataFrame(rows, index=[side.title for side in sides]).T
    first = compared.facts[0]
    split = f", split {first.split_fingerprint[:16]}" if first.split_fingerprint else ""
    left_out = ""
    if compared.left_out:
        count, names = len(compared.left_out), ", ".join(compared.left_out)
        words = "photo can't be read and is" if count == 1 else "photos can't be read and are"
        left_out = f"{count:,} {words} in no figure: {names}."
    return {
        "settings": Markup(table.to_html(border=0)),
        "data": f"{first.data} {first.data_fingerprint[:16]}{split}",
        "left_out": left_out,
    }
