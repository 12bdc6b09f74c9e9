"""The start page: what Carmask is, the best checkpoint, the newest runs, and the samples."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.checkpoint import CheckpointEntry, CheckpointInfo, default_fallback
from core.errors import CarmaskError
from core.metric_table import HEADLINE
from core.session import PredictionSession, local_photo
from dashboard.runs.ablation import show_ablation
from dashboard.runs.newest import show_newest
from dashboard.segment.pictures import LONGEST_OF_MANY, photo_jpeg, usual_overlay_jpeg
from dashboard.ui.badges import show_verdict
from dashboard.ui.before_after import before_after
from dashboard.ui.checkpoints import (
    checkpoint_name,
    find_checkpoints,
    open_session,
    show_broken,
    show_no_checkpoint,
)
from dashboard.ui.folders import samples_folder
from dashboard.ui.frame import SEGMENT, START, Page, open_page, open_pages
from dashboard.ui.gallery import Tile, gallery
from dashboard.ui.samples import Sample, list_samples, mixed_samples
from dashboard.ui.text import plain
from dashboard.ui.tiles import LONGEST, sample_jpeg, sample_tiles

STRIP = 6


def main() -> None:
    """Draws the page; what needs the network comes last, so that nobody waits for it."""
    open_page(START)
    good, broken = find_checkpoints()
    samples = mixed_samples(list_samples(samples_folder()))[: STRIP + 1]
    text, picture = st.columns([5, 6], gap="large", vertical_alignment="center")
    with text:
        _show_what_it_is(ready=bool(good))
    hero = picture.empty()
    first = sample_jpeg(samples[0], LONGEST_OF_MANY) if samples else None
    if first is not None:
        hero.image(first, width="stretch", alt=samples[0].label)
    if good:
        _show_best(good[0])
    else:
        show_no_checkpoint()
    show_newest()
    show_ablation()
    show_broken(broken)
    if good and samples:
        _show_samples(good, samples, hero)


def _show_what_it_is(*, ready: bool) -> None:
    """Draws one line on what Carmask is, and the way to each page."""
    st.title("Cut the car out of the photo.", anchor=False)
    st.markdown(
        "Drop a photo of a car: a U-Net trained from scratch finds every pixel of it and gives "
        "you the **mask**, the **overlay** and the **cut-out**. All on this machine."
    )
    if not ready:
        return
    _show_way(SEGMENT)
    others = [page for page in open_pages() if page is not SEGMENT]
    for start in range(0, len(others), 2):  # row by row, so that a phone keeps their order
        for column, page in zip(st.columns(2), others[start : start + 2], strict=False):
            with column:
                _show_way(page)


def _show_way(page: Page) -> None:
    """Draws the button that leads to a page, and what one does there."""
    with st.container(gap="xsmall"):
        kind: Literal["primary", "secondary"] = "primary" if page is SEGMENT else "secondary"
        if st.button(page.action, key=f"to_{page.title}", icon=page.icon, type=kind):
            st.switch_page(page.path)
        st.caption(page.summary)


def _show_best(entry: CheckpointEntry) -> None:
    """Draws the best checkpoint with its scores."""
    info = entry.info
    assert info is not None
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            name = plain(info.title or checkpoint_name(entry.path))
            st.subheader(f"Best checkpoint: {name}", anchor=False, width="content")
            show_verdict(info.verdict)
        scores = [
            (metric, info.metrics[metric.name])
            for metric in HEADLINE
            if isinstance(info.metrics.get(metric.name), float | int)
        ]
        if scores:
            with st.container(horizontal=True, gap="small"):
                for metric, value in scores:
                    st.metric(metric.label, metric.text(value), help=metric.help, width=150)
        else:
            st.markdown("It carries no scores yet: `python -m training evaluate` measures them.")
        st.caption(_facts(info))


def _facts(info: CheckpointInfo) -> str:
    """Returns a line on how the scores came about."""
    images, cars = info.metrics.get("images"), info.metrics.get("cars")
    scored = f"Mean over {images} images of {cars} cars" if images and cars else ""
    seen = f"{info.images_seen:,} training images seen" if info.images_seen else ""
    epoch = f"epoch {info.epoch}" if info.epoch else ""  # an imported network has none
    parts = (scored, seen, f"{info.preprocessing.size} px grid", epoch)
    return plain(" · ".join(part for part in parts if part))


def _show_samples(good: list[CheckpointEntry], samples: list[Sample], hero: DeltaGenerator) -> None:
    """Draws the samples, first as photos, and with overlays as soon as the network has run."""
    st.subheader("Try a sample", anchor=False)
    strip = st.empty()
    tiles = sample_tiles(samples[1:])
    if "samples_seen" not in st.session_state:
        with strip:
            gallery(tiles, label="Samples", key="samples_first")
    try:
        session = open_session(good[0], default_fallback(good[0], good))
        tiles, shown = _with_overlays(session, samples)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    with hero:
        before_after(*shown, ("Photo", "Overlay"), key="hero")
    with strip:
        picked = gallery(tiles, label="Samples", key="samples")
    st.session_state["samples_seen"] = True
    if picked:
        st.switch_page(SEGMENT.path, query_params={"sample": picked})


def _with_overlays(
    session: PredictionSession, samples: list[Sample]
) -> tuple[list[Tile], tuple[bytes, bytes]]:
    """Returns the strip's pictures with overlays, and the first sample as photo and overlay."""
    photos = [local_photo(each.photo, each.mask) for each in samples]
    first = session.prepare(photos[0], LONGEST_OF_MANY)
    small = [session.prepare(photo, LONGEST) for photo in photos[1:]]
    tiles = [
        Tile(sample.name, sample.label, usual_overlay_jpeg(prepared))
        for sample, prepared in zip(samples[1:], small, strict=True)
    ]
    return tiles, (photo_jpeg(first), usual_overlay_jpeg(first))


main()
