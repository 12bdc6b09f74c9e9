"""On which images checkpoints are compared: a set that was measured before, or any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from dashboard.compare.image_sets import (
    ImageSet,
    Wanted,
    images_here,
    open_set,
    own_images_or_none,
    split_files,
)
from dashboard.dataset.sources import (
    Source,
    list_sources,
    reading_for,
    show_wrong_folders,
)
from dashboard.ui.folders import runs_folder, samples_folder
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.text import plain
from training.evaluation.images import Part

OTHER = "other"
"""Name of the choice of images that nobody measured before."""
PARTS: dict[str, Part] = {"Validation": "val", "Training": "train", "All": "all"}
"""Parts of the data, as a person reads them."""
_FOLDERS, _PART = "on", "part"


def pick_images(sets: Sequence[ImageSet], run: str) -> Wanted | None:
    """Draws the choice of the images and returns it; None where there is none that can be used.

    Args:
        sets: What was measured before, the usual one first.
        run: Name of the run whose split is usual.
    """
    own = own_images_or_none(runs_folder() / run) if run else None
    ordered = _own_first(sets, run, own)
    named = {each.name: each for each in ordered}
    own_is_measured = bool(sets) and ordered[0] in sets
    chosen = select_from_url(
        "images",
        "Images",
        titles_of(ordered) | {OTHER: "Other images …"},
        (ordered[0] if own_is_measured or not sets else sets[0]).name if ordered else OTHER,
        gone="No checkpoint was evaluated on the images that this link names; these are others.",
        help="All checkpoints are compared on the same images. Those that were measured before "
        "stand first, most checkpoints first.",
    )
    if chosen == OTHER:
        return _pick_other(run)
    if own is not None and chosen == own.images.name:
        return own
    here, reading, missing = images_here(named[chosen], list_sources())
    return Wanted(named[chosen], here, missing, reading)


def _own_first(sets: Sequence[ImageSet], run: str, own: Wanted | None) -> list[ImageSet]:
    """Returns sets of images with those of a run's own validation cars first, measured or not."""
    split = split_files().get(runs_folder() / run / "split.json")
    first = [each for each in sets if split and each.split_fingerprint == split]
    if own is not None and own.images not in first:
        first.insert(0, own.images)
    return list(dict.fromkeys([*first, *sets]))


def titles_of(sets: Sequence[ImageSet]) -> dict[str, str]:
    """Returns how a person calls sets, by their names; those alike by the run whose split it is."""
    counts = Counter(each.title for each in sets)
    runs = {split: path.parent.name for path, split in reversed(split_files().items())}
    return {
        each.name: f"{each.title}, split of {runs[each.split_fingerprint]}"
        if counts[each.title] > 1 and each.split_fingerprint in runs
        else each.title
        for each in sets
    }


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
        reading = reading_for(sources)
        images = open_set(sources, reading, part, split)
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    return Wanted(ImageSet.of_images(images), images, "", reading)


def _pick_folders() -> list[Source]:
    show_wrong_folders()
    named = {source.name: source for source in list_sources()}
    samples = samples_folder().resolve()
    usual = [name for name, each in named.items() if each.root.resolve() == samples][:1]
    word = _FOLDERS if _FOLDERS in st.query_params else "dataset"
    asked = [name for name in dict.fromkeys(st.query_params.get_all(word)) if name]
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
