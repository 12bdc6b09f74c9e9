"""A comparison as one HTML file that holds everything: figures, pictures and the code of plotly."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go

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
from training.comparison.figures import Side, scatter_figure
from training.comparison.ranking import Ranking, rank
from training.comparison.slice_figures import slices_figure
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


_STYLE = Path(__file__).with_name("report.css")


def report_html(
    evaluations: Sequence[StoredEvaluation],
    colours: Sequence[str],
    metric: Metric,
    baseline: int,
    photos: Photos,
) -> bytes:
    """Returns the report as an HTML page of its own, UTF-8.

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
    others = [place for place in range(len(sides)) if place != baseline]
    figures = _Figures()
    parts = [
        _head(compared, sides, metric),
        *_verdicts(compared, ranking, baseline),
        "<h2>All figures</h2>",
        *_table(compared, ranking, compared.names[baseline]),
        "<h2>Where it fails</h2>",
        *_slices(compared, sides, metric, figures),
        "<h2>For every threshold</h2>",
        *_curves(evaluations, compared, sides, figures),
    ]
    for place in others:
        pair = sides[baseline], sides[place]
        pairs = pairs_of(compared.rows[baseline], compared.rows[place], metric)
        parts += [
            f"<h2>{escape(pair[1].title)} against {escape(pair[0].title)}, photo by photo</h2>",
            figures.html(scatter_figure(pairs, *pair)),
            photo_sections(pairs, (baseline, place), pair, photos),
        ]
    parts += ["<h2>How it was measured</h2>", *_facts(compared, sides)]
    title = escape(" and ".join(side.title for side in sides))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{title}</title><style>{_STYLE.read_text(encoding='utf-8')}</style>"
    body = "\n".join(parts)
    page = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
    return page.encode()


class _Figures:
    """Figures as HTML; the first one brings plotly's code with it."""

    def __init__(self) -> None:
        self._count = 0

    def html(self, figure: go.Figure) -> str:
        figure.update_layout(template="plotly_white", dragmode="zoom")
        self._count += 1
        text: str = figure.to_html(
            full_html=False,
            include_plotlyjs=self._count == 1,
            div_id=f"figure{self._count}",
            config={"displaylogo": False, "responsive": True},
        )
        return text


def _head(compared: Compared, sides: Sequence[Side], metric: Metric) -> str:
    facts = compared.facts[0]
    names = " and ".join(escape(side.title) for side in sides)
    return (
        f"<h1>{names}</h1>"
        f'<p class="facts">{counted(compared.images, "photo")} of '
        f"{counted(len(set(compared.cars)), 'car')}: "
        f"{escape(facts.data)}, {PART_TITLES[facts.part]}. Compared by {escape(metric.title)}.</p>"
    )


def _verdicts(compared: Compared, ranking: Ranking, baseline: int) -> Iterator[str]:
    """Yields the verdict on each of the others, and what all figures must be read with."""
    against = compared.names[baseline]
    for name in compared.names:
        if name == against or {name, against} & ranking.unranked:
            continue
        verdict = ranking.verdict(name, against=against)
        about = "" if verdict.kind in ("better", "worse") else f"{name}: "
        beside = f", against {against}" if len(compared.names) > 2 else ""
        yield f'<p class="verdict"><b>{escape(about + verdict.sentence + beside)}.</b></p>'
    for name, facts in zip(compared.names, compared.facts, strict=True):
        mark = "" if facts.verdict.is_clean else f"<b>{escape(facts.verdict.label)}</b> "
        for caution in facts.cautions:
            yield f'<p class="warning">{mark}{escape(f"{name}: {caution}")}.</p>'


def _table(compared: Compared, ranking: Ranking, baseline: str) -> Iterator[str]:
    """Yields all figures, a column for each of those that are compared, and notes on them."""
    table = comparison_table(compared, ranking, METRICS, baseline)
    turned = table.texts.set_index(table.texts.columns[0]).T.rename_axis(columns=None)
    yield f'<div class="wide">{turned.to_html(border=0)}</div>'
    yield f'<p class="facts">{escape(" ".join(table.notes))}</p>'


def _slices(
    compared: Compared, sides: Sequence[Side], metric: Metric, figures: _Figures
) -> Iterator[str]:
    """Yields each way of cutting the photos: the worst slices in words, then the figure."""
    for by in WAYS:
        found = [cut(rows, metric, by) for rows in compared.rows]
        if len(found[0].slices) < 2:
            continue
        yield f"<h3>By {WAY_TITLES[by].lower()}</h3>"
        for side, sliced in zip(sides, found, strict=True):
            swatch = f'<span class="swatch" style="background:{side.colour}"></span>'
            yield f"<div>{swatch}<b>{escape(side.title)}</b>: {escape(sliced.sentence)}.</div>"
        yield figures.html(slices_figure(found, sides))


def _curves(
    evaluations: Sequence[StoredEvaluation],
    compared: Compared,
    sides: Sequence[Side],
    figures: _Figures,
) -> Iterator[str]:
    """Yields Dice and precision over the threshold, and how far to believe a probability."""
    own = [evaluation.facts.threshold for evaluation in evaluations]
    chosen = [compared.kept(evaluation) for evaluation in evaluations]
    pairs = list(zip(evaluations, chosen, strict=True))
    curves = [curves_of(*pair) for pair in pairs]
    found = [calibration_of(each, "edge", places) for each, places in pairs]
    note = "Means over the photos. The dot is the best threshold, the ring the checkpoint's own."
    yield f'<p class="facts">{note}</p>'
    yield figures.html(_named(threshold_figure(sides, curves, own, "dice")))
    yield "<h3>Precision and recall</h3>"
    yield figures.html(_named(precision_figure(sides, curves, own)))
    yield "<h3>Calibration in the edge band</h3>"
    errors = ", ".join(
        f"{side.title} {each.error:.4f}" for side, each in zip(sides, found, strict=True)
    )
    yield (
        '<p class="facts">On the dotted line a network is as sure as it is right; below it, too '
        f"sure. Expected calibration error: {escape(errors)}.</p>"
    )
    yield figures.html(_named(calibration_figure(sides, found)))


def _named(figure: go.Figure) -> go.Figure:
    """Returns a figure of lines with their names above it, which the page writes itself."""
    return figure.update_layout(showlegend=True)


def _facts(compared: Compared, sides: Sequence[Side]) -> Iterator[str]:
    """Yields what a reader needs to measure the same again."""
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
    yield f'<div class="wide">{table.to_html(border=0)}</div>'
    first = compared.facts[0]
    split = f", split {first.split_fingerprint[:16]}" if first.split_fingerprint else ""
    yield f'<p class="facts">Data {escape(first.data)} {first.data_fingerprint[:16]}{split}.</p>'
    if compared.left_out:
        count, names = len(compared.left_out), ", ".join(compared.left_out)
        words = "photo can't be read and is" if count == 1 else "photos can't be read and are"
        yield f"<p>{count:,} {words} in no figure: {escape(names)}.</p>"
