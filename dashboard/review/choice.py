"""What is reviewed and by which networks; all of it in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.checkpoint import CheckpointEntry, checkpoint_name
from core.errors import CarmaskError
from core.photos import PhotoSource, list_photos
from dashboard.dataset.settings import show_settings
from dashboard.dataset.sources import (
    Opened,
    chosen_reading,
    list_sources,
    open_source,
    pick_source,
)
from dashboard.ui.access import visitor_path
from dashboard.ui.checkpoints import find_checkpoints, pick_checkpoint, show_no_checkpoint
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.data.folder import Sample
from training.jobs.review import ReviewRequest

LABELS, PHOTOS = "Labels", "New photos"
_NONE = "none"


@dataclass(frozen=True)
class Reviewed:
    """What is reviewed: labelled photos, or photos without labels."""

    request: ReviewRequest
    samples: dict[str, Sample]
    """Labelled photos by name."""
    photos: dict[str, PhotoSource]
    """Photos without labels by name."""

    @property
    def labelled(self) -> bool:
        """Whether the photos have labels."""
        return bool(self.request.data)

    @property
    def count(self) -> int:
        """How many photos there are."""
        return len(self.samples) + len(self.photos)


def choose_reviewed() -> Reviewed | None:
    """Draws the choices and returns what was chosen; None, with the reason drawn, without it."""
    title, switch = st.columns([3, 2], vertical_alignment="bottom")
    title.title("Review", anchor=False)
    title.markdown(
        "Labels that are likely wrong, or new photos worth labelling: the most doubtful first, one "
        "at a time."
    )
    with switch, st.container(horizontal=True, horizontal_alignment="right"):
        what = st.segmented_control(
            "Review",
            (LABELS, PHOTOS),
            default=LABELS,
            required=True,
            key="what",
            bind="query-params",
            label_visibility="collapsed",
        )
    place, networks = st.columns(2, vertical_alignment="bottom")
    with place:
        opened = _pick_labels() if what == LABELS else None
        folder = _pick_photos() if what == PHOTOS else None
    with networks:
        checkpoints = _pick_networks()
    if not checkpoints:
        return None
    if opened is not None:
        request = ReviewRequest((opened.dataset.root,), None, checkpoints, opened.reading)
        return Reviewed(request, {each.name: each for each in opened.dataset.samples}, {})
    if folder is None:
        return None
    photos = {each.name: each for each in _listed(folder)}
    return Reviewed(ReviewRequest(photos=folder, checkpoints=checkpoints), {}, photos)


def _pick_labels() -> Opened | None:
    """Draws the data folders and returns the chosen one; None where it holds no labels."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        source = pick_source(list_sources())
        settings = st.container(width="content")
    reading = chosen_reading()
    opened, problem = None, ""
    try:
        opened = open_source(source, reading)
        if not opened.dataset.samples:
            problem = f"{source.name} has no photo with a mask; review it as new photos."
    except CarmaskError as error:
        problem = str(error)
    with settings:
        show_settings(opened, reading)
    if problem:
        st.error(plain(problem), icon=":material/error:")
        return None
    return opened


def _pick_photos() -> Path | None:
    """Draws the field for a folder of photos; returns None where that is none."""
    text = st.text_input(
        "Folder of photos",
        key="photos",
        bind="query-params",
        placeholder="/path/to/photos",
        help="Photos without masks on this machine; all folders in it are looked through.",
    ).strip()
    if not text:
        st.caption("Which of your photos are worth labelling? Name their folder.")
        return None
    try:
        folder = visitor_path(text.strip("\"'"))
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if not folder.is_dir() or not _listed(folder):
        st.error(f"There is no photo in {plain(text)}.", icon=":material/error:")
        return None
    return folder


def _listed(folder: Path) -> Sequence[PhotoSource]:
    with waiting("Listing the photos", f"photos of {folder}"):
        return _photos(str(folder))


@st.cache_resource(ttl=60, max_entries=4, show_spinner=False)
def _photos(folder: str) -> Sequence[PhotoSource]:
    return list_photos([Path(folder)])


def _pick_networks() -> tuple[Path, ...]:
    """Draws the choice of one checkpoint or two; () where there is none."""
    good, _ = find_checkpoints()
    if not good:
        show_no_checkpoint()
        return ()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        first = pick_checkpoint(good)
        others: dict[str, CheckpointEntry] = {
            checkpoint_name(entry.path): entry for entry in good if entry.path != first.path
        }
        second = select_from_url(
            "against",
            "Compare with",
            {_NONE: _NONE, **{name: name for name in others}},
            _NONE,
            help="A second network: photos on which the two disagree make a list of their own. "
            "It also judges the cars that the first one was trained on.",
        )
    return (first.path, others[second].path) if second in others else (first.path,)
