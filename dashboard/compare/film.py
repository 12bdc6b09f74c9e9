"""One photo through all checkpoints of a run, as a film that the browser plays by itself."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import streamlit as st

from core.drawing import OverlayStyle, error_picture, overlay
from core.errors import CarmaskError, reason
from core.image import encode_jpeg, thumbnail
from core.masks import MaskSettings
from dashboard.compare.images_predictions import Prediction, predictions, redraw_when_known
from dashboard.compare.rows import Chosen, ChosenImages, Row
from dashboard.dataset.previews import sample_key
from dashboard.runs.probes_view import ERRORS, OVERLAY, probe_tile
from dashboard.ui.before_after import jpeg_url
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.scores import score_text
from dashboard.ui.text import plain
from dashboard.ui.unreadable import show_unreadable
from training.data.folder import Sample
from training.runs.probes import Film, Frame, Probe, RunProbes, film_of, read_probes

FRAMES = 48
"""Frames of a film at most; of more epochs it shows some, evenly."""
_LONGEST = 960
_QUALITY = 88
Item = TypeVar("Item")


@dataclass(frozen=True)
class Reel:
    """What a film can be made of: a photo that the run kept, or one that its networks look at."""

    name: str
    """What the URL calls it."""
    title: str
    probe: Probe | None = None
    sample: Sample | None = None


def show_film(chosen: Chosen) -> None:
    """Draws the film of a run; is to be the last part of a page that is drawn."""
    folders = {row.run: row.paths[0].parent.parent for row in chosen.rows if row.run}
    if not folders:
        st.info("A film goes through the epochs of a run, and none of these checkpoints is of one.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        run = select_from_url("film", "Run", {name: name for name in folders}, width=240)
        film, probes = film_of(folders[run]), read_probes(folders[run])
        reels = _reels(film, probes, chosen.images)
        if not reels:
            _show_nothing(chosen.images)
            return
        titles = {name: reel.title for name, reel in reels.items()}
        reel = reels[select_from_url("of", "Photo", titles, width=380)]
        look = st.segmented_control(
            "Show",
            (OVERLAY, ERRORS),
            default=OVERLAY,
            required=True,
            key="film_look",
            bind="query-params",
        )
    show_unreadable("checkpoint", "can't be read and is no frame", film.unreadable)
    if look == ERRORS:
        st.caption("Green: right. Yellow: missed. Vermilion: called car by mistake.")
    if reel.probe is not None and probes is not None:
        _play_probe(probes, reel.probe, str(look), run)
    elif reel.sample is not None:
        _play_sample(film, reel, run, str(look))


def _reels(film: Film, probes: RunProbes | None, images: ChosenImages) -> dict[str, Reel]:
    """Returns what there can be a film of, by name: first what makes the longer one."""
    kept = [
        Reel(f"probe {probe.number}", f"{probe.name}, kept by the run", probe=probe)
        for probe in (probes.probes if probes and probes.epochs else ())
    ]
    seen = [
        Reel("/".join(name), name[1], sample=sample)
        for name, sample in (images.samples.items() if film.frames else ())
    ]
    longer = probes is not None and len(probes.epochs) >= len(film.frames)
    return {reel.name: reel for reel in ([*kept, *seen] if longer else [*seen, *kept])}


def _show_nothing(images: ChosenImages) -> None:
    st.info(
        plain(images.missing)
        or "This run has neither a checkpoint that can be read nor photos that it kept."
    )


def _play_probe(probes: RunProbes, probe: Probe, look: str, run: str) -> None:
    """Plays what a run kept of a photo after each epoch; no network is asked."""
    tiles = [(epoch, *probe_tile(probes, probe, epoch, look)) for epoch in _evenly(probes.epochs)]
    pictures = [Picture(f"epoch {epoch}", tile.jpeg) for epoch, tile, _ in tiles if tile.jpeg]
    if not pictures:
        st.error(plain(tiles[-1][1].caption), icon=":material/error:")
        return
    _play(pictures, f"{run} {probe.number}", tiles[0][2], len(probes.epochs))
    st.caption("The run kept this photo with its mask after each epoch, at a small size.")


def _play_sample(film: Film, reel: Reel, run: str, look: str) -> None:
    """Plays a photo through the checkpoints of a run; frames come as the networks make them."""
    assert reel.sample is not None
    frames = _evenly(film.frames)
    asked = [_ask(frame, reel.sample) for frame in reversed(frames)][::-1]
    pictures, ratio = [], 1.5
    for frame, future in zip(frames, asked, strict=True):
        if not future.done() or future.cancelled():
            continue
        made = _frame(
            (sample_key(reel.sample), future.result().key, look), reel.sample, future.result(), look
        )
        if made.error:
            st.error(plain(f"{frame.title}: {made.error}"), icon=":material/error:")
        else:
            pictures.append(Picture(_title(frame), made.jpeg))
            ratio = made.ratio
    if pictures:
        _play(pictures, f"{run} {reel.name}", ratio, len(film.frames))
    if len(film.frames) == 1:
        st.caption(
            "This run kept one checkpoint, so there is nothing to play. A training with "
            "`--checkpoint-every 1` keeps one after each epoch."
        )
    known = sum(future.done() for future in asked)
    redraw_when_known(asked, f"The photo went through {known} of {len(frames)} checkpoints …")


def _play(pictures: Sequence[Picture], of: str, ratio: float, epochs: int) -> None:
    play_film(pictures, of=of, ratio=ratio, key="film_player")
    if epochs > FRAMES:
        st.caption(f"{len(pictures)} of {epochs} epochs, evenly.")


def _title(frame: Frame) -> str:
    return frame.title + score_text(frame.path, frame.info)


def _ask(frame: Frame, sample: Sample) -> Future[Prediction]:
    row = Row(str(frame.path), frame.title, (frame.path,))
    return predictions().ask(row, sample, MaskSettings(frame.info.threshold))


@dataclass(frozen=True)
class _Made:
    jpeg: bytes = b""
    ratio: float = 1.5
    error: str = ""


@st.cache_data(max_entries=4 * FRAMES, show_spinner=False)
def _frame(key: object, _sample: Sample, _said: Prediction, _look: str) -> _Made:
    """Returns the picture of what a checkpoint says of a photo."""
    if _said.error:
        return _Made(error=_said.error)
    try:
        image, truth = _sample.read_truth()
    except (CarmaskError, OSError) as error:
        return _Made(error=reason(error))
    if _look == ERRORS:
        picture = error_picture(image, truth.judged(_said.mask), truth.car)
    else:
        picture = overlay(image, _said.mask, OverlayStyle())
    height, width = image.shape[:2]
    return _Made(encode_jpeg(thumbnail(picture, _LONGEST), _QUALITY), width / height)


def _evenly(items: Sequence[Item]) -> list[Item]:
    """Returns the items, or FRAMES of them with the first and the last."""
    if len(items) <= FRAMES:
        return list(items)
    return [items[round(place)] for place in np.linspace(0, len(items) - 1, FRAMES)]


_PARTS = Path(__file__).parent

_mount = st.components.v2.component(
    "carmask_film",
    html=(_PARTS / "film_player.html").read_text(encoding="utf-8"),
    css=(_PARTS / "film_player.css").read_text(encoding="utf-8"),
    js=(_PARTS / "film_player.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Picture:
    """One frame, ready for the browser."""

    title: str
    jpeg: bytes


def play_film(pictures: Sequence[Picture], *, of: str, ratio: float, key: str) -> None:
    """Draws a film; it shows its last frame until somebody moves or plays it.

    Args:
        pictures: The frames, at least one, of one size.
        of: What tells this film from others: another one starts at its end again.
        ratio: Width over height.
        key: Unique on the page.
    """
    frames = [{"title": each.title, "src": jpeg_url(each.jpeg)} for each in pictures]
    _mount(key=key, data={"frames": frames, "of": of, "ratio": ratio})
