"""On which images checkpoints are compared: a set that was measured before, or any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from dashboard.compare.measured import ImageSet, images_here, open_set, split_files
from dashboard.dataset.sources import (
    Source,
    chosen_reading,
    list_sources,
    show_wrong_folders,
)
from dashboard.ui.folders import samples_folder
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.text import plain
from training.evaluation.images import EvaluationImages, Part

OTHER = "other"
"""Name of the choice of images that nobody measured before."""
PARTS: dict[str, Part] = {"Validation": "val", "Training": "train", "All": "all"}
"""Parts of the data, as a person reads them."""
_FOLDERS, _PART = "on", "part"


@dataclass(frozen=True)
class Wanted:
    """The images that a person asks for."""

    images: ImageSet
    here: EvaluationImages | None
    """The photos with their masks, where they are on this machine."""
    missing: str
    """Why they are not here; "" where they are."""

    @property
    def split(self) -> Path | None:
        """The file of the split that chose them; None for all images of the data."""
        wanted = self.images.split_fingerprint
        return next((path for path, split in split_files().items() if split == wanted), None)


def pick_images(sets: Sequence[ImageSet], run: str) -> Wanted | None:
    """Draws the choice of the images and returns it; None where there is none that can be used.

    Args:
        sets: What was measured before, the usual one first.
        run: Name of the run whose split is usual.
    """
    named = {each.name: each for each in sets}
    chosen = select_from_url(
        "images",
        "Images",
        {name: each.title for name, each in named.items()} | {OTHER: "Other images …"},
        gone="No checkpoint was evaluated on the images that this link names; these are others.",
        help="All checkpoints are compared on the same images. Those that were measured before "
        "stand first, most checkpoints first.",
    )
    if chosen == OTHER:
        return _pick_other(run)
    here, missing = images_here(named[chosen], list_sources(), chosen_reading())
    return Wanted(named[chosen], here, missing)


def _pick_other(run: str) -> Wanted | None:
    """Draws the choice of data folders and of a part of them."""
    sources = _pick_folders()
    part = _pick_part()
    split = _pick_split(run) if part != "all" else None
    if not sources:
        st.info("Choose at least one data folder.", icon=":material/photo_library:")
        return None
    if part != "all" and split is None:
        st.info("No run has a split; choose all images.", icon=":material/call_split:")
        return None
    try:
        images = open_set(sources, chosen_reading(), part, split)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    return Wanted(ImageSet.of_images(images), images, "")


def _pick_folders() -> list[Source]:
    show_wrong_folders()
    named = {source.name: source for source in list_sources()}
    samples = samples_folder().resolve()
    usual = [name for name, each in named.items() if each.root.resolve() == samples][:1]
    asked = [name for name in dict.fromkeys(st.query_params.get_all(_FOLDERS)) if name]
    missing = [name for name in asked if name not in named]
    if missing:
        st.warning(f"There is no data folder {plain(', '.join(missing))} in the list.")
    key = f"{_FOLDERS}_choice"
    st.session_state[key] = [name for name in asked if name in named] or usual
    chosen = st.multiselect(
        "Data folders",
        list(named),
        key=key,
        placeholder="Choose at least one",
        help="The folders of the Dataset page, where any other one can be opened.",
        on_change=_write,
        args=(_FOLDERS,),
    )
    return [named[name] for name in chosen]


def _pick_part() -> Part:
    wanted = st.query_params.get(_PART, "All")
    key = f"{_PART}_choice"
    st.session_state[key] = wanted if wanted in PARTS else "All"
    chosen = st.segmented_control(
        "Part", list(PARTS), key=key, required=True, on_change=_write, args=(_PART,)
    )
    return PARTS[chosen or "All"]


def _pick_split(run: str) -> Path | None:
    """Draws the choice of the run whose split divides the data, and returns its file."""
    files = {path.parent.name: path for path in split_files()}
    if not files:
        return None
    gone = "The run {} is gone, or its split can't be read."
    titles = {name: name for name in files}
    return files[select_from_url("split", "Split of", titles, run, gone=gone, width=220)]


def _write(word: str) -> None:
    """Writes the widget of a choice to the URL. A callback."""
    value = st.session_state[f"{word}_choice"]
    st.query_params[word] = value or ""
