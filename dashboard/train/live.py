"""What a run measured so far: figures, curves, the probes of the last epoch, the log's end."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.drawing import OverlayStyle, overlay
from core.errors import CarmaskError
from core.image import encode_jpeg
from core.metric_table import HEADLINE
from dashboard.runs.plot import Series, figure_of
from dashboard.ui.text import plain
from training.runs.curve_shapes import TRAIN, VAL, Line, colour_of, line_of
from training.runs.listing import Seen
from training.runs.probes import RunProbes, read_probes

_HEIGHT = 240


def show_figures(seen: Seen) -> None:
    """Draws the newest figures; the best epoch's stand below them."""
    best = seen.summary.best
    with st.container(horizontal=True, gap="small"):
        for metric in HEADLINE:
            value = seen.last(f"val_{metric.name}")
            if value is not None:
                record = best.get(metric.name) if best else None
                note = (
                    ""
                    if best is None or record is None
                    else (f" Best epoch {best.epoch}: {metric.text(record)}.")
                )
                st.metric(metric.label, metric.text(value), help=metric.help + note, width=150)
        for column, name, form in (
            ("loss", "Loss", "{:.4f}"),
            ("learning_rate", "Learning rate", "{:.2g}"),
            ("images_per_second", "Images a second", "{:.1f}"),
        ):
            value = seen.last(column)
            if value is not None:
                st.metric(name, form.format(value), width=130)
    if best and (dice := best.get("dice")) is not None:
        st.caption(f"Own validation, single pass. Best: Dice {dice:.4f} in epoch {best.epoch}.")


def show_curves(seen: Seen) -> None:
    """Draws the loss by step, and the validation figures by epoch."""
    loss = ("every 20th step", True), ("mean of the epoch", False)
    losses = [
        _series(seen, place, name, TRAIN, line_of(seen.curves, "loss", "step", steps=steps))
        for place, (name, steps) in enumerate(loss)
    ]
    scores = [
        _series(seen, place, metric.label, VAL, line_of(seen.curves, column, "epoch", steps=False))
        for place, metric in enumerate(HEADLINE)
        if (column := f"val_{metric.name}") in seen.curves.epochs
    ]
    columns = st.columns(2, gap="medium")
    with columns[0]:
        _draw(losses, "Training loss", "step", "live_loss")
    with columns[1]:
        _draw(scores, "Validation", "epoch", "live_scores")


def _series(seen: Seen, place: int, name: str, side: str, line: Line) -> Series:
    return Series(name, colour_of(place), seen.summary.verdict, {side: [line]})


def _draw(series: list[Series], title: str, axis: str, key: str) -> None:
    figure = figure_of(series, axis=axis, legend=True)
    figure.update_layout(
        height=_HEIGHT,
        margin_t=40,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.06, "yanchor": "bottom"},
        dragmode=False,
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    st.markdown(f"**{title}**")
    st.plotly_chart(
        figure, key=key, config={"displayModeBar": False, "responsive": True}, alt=title
    )


def show_probes(run: Path) -> None:
    """Draws what the network makes of the probes after the newest epoch."""
    probes = read_probes(run)
    if probes is None or not probes.epochs:
        return
    # The newest epoch may be being written; it is drawn once it has all its pictures.
    for epoch in reversed(probes.epochs[-2:]):
        pictures = [_probe(probes, epoch, probe.number) for probe in probes.probes]
        if all(pictures):
            break
    else:
        return
    st.markdown(f"**Masks after epoch {epoch}**", help="Validation photos, the same all run long.")
    with st.container(horizontal=True, gap="small", key="probes"):
        for probe, picture in zip(probes.probes, pictures, strict=True):
            assert picture is not None
            st.image(picture, width=140, alt=probe.name)


def _probe(probes: RunProbes, epoch: int, number: int) -> bytes | None:
    """Returns a probe's photo with its mask; None where it can't be read."""
    path = probes.folder / f"epoch_{epoch:04}" / f"{number}.png"
    try:
        return _picture(str(path), path.stat().st_mtime_ns, probes, epoch, number)
    except (CarmaskError, OSError):
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(path: str, changed: int, _probes: RunProbes, epoch: int, number: int) -> bytes:
    """Returns a JPEG of the probe whose probability is in a file as it was at a time (ns)."""
    photo, probability = _probes.photo(number), _probes.probability(epoch, number)
    return encode_jpeg(overlay(photo, probability >= 0.5, OverlayStyle()), 85)


def show_log(seen: Seen) -> None:
    """Draws the last lines of the log."""
    if seen.log:
        with st.expander("Latest log lines", icon=":material/notes:", expanded=seen.alive):
            st.code("\n".join(seen.log), language=None, wrap_lines=True)
            st.caption(plain(str(seen.summary.folder / "log.txt")))
