"""Which data folders there are, which one is chosen, and how it is read; all of it in the URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import ConfigError
from core.names import is_text, unique
from core.public import is_public
from dashboard.ui.access import visitor_path
from dashboard.ui.data_state import READING
from dashboard.ui.folders import asked_folders, data_folder, samples_folder
from dashboard.ui.named_choice import select_from_url
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.data.folder import Dataset, Reading, open_dataset
from training.data.layouts import LAYOUTS

OF_ONE_FOLDER = ("image", "sheet", "of_car", "of_view")
"""Keys of widgets whose values mean nothing in another folder."""
_PROBLEM = "folder_problem"


@dataclass(frozen=True)
class Source:
    """A data folder that can be chosen."""

    name: str
    """How it is called in the list and in the URL; no two are called the same."""
    root: Path


@dataclass(frozen=True)
class Opened:
    """A data folder that was listed, and what tells this listing from any other."""

    dataset: Dataset
    reading: Reading
    """How it was read."""
    key: str
    """Made from the folder, how it is read, and the times of its folders."""


def list_sources() -> list[Source]:
    """Returns the data folders: what was asked for first, then the samples, then those in data/.

    On a public server those are the samples alone.
    """
    typed, _ = _typed_folders()
    roots = [samples_folder()]
    if not is_public():
        roots = [*typed, *asked_roots(), *roots, *_recognised(data_folder())]
    roots = [root for root in roots if is_text(str(root))]
    by_place = {root.resolve(): root for root in reversed(roots)}
    kept = [root for root in dict.fromkeys(roots) if by_place[root.resolve()] == root]
    names = unique([root.resolve().name or str(root) for root in kept], "{} {}")
    return [Source(name, root) for name, root in zip(names, kept, strict=True)]


def show_wrong_folders() -> None:
    """Draws why folders that were typed, or that the URL names, are none; nothing if all are."""
    typed = st.session_state.pop(_PROBLEM, None)
    offered = () if is_public() else (*asked_folders(), *_children(data_folder()))
    texts = [
        f"The path {root} is no text in UTF-8; rename the folder."
        for root in offered
        if not is_text(str(root))
    ]
    for text in [*texts, *_typed_folders()[1], *([typed] if typed else [])]:
        st.error(plain(text), icon=":material/error:")


def pick_source(sources: list[Source]) -> Source:
    """Draws the list of data folders and returns the chosen one."""
    show_wrong_folders()
    named = {source.name: source for source in sources}
    chosen = select_from_url(
        "dataset",
        "Data folder",
        {name: name for name in named},
        _usual(sources).name,
        gone="There is no data folder {} in the list; choose one of these.",
        help="The samples that ship with Carmask, every data folder in data/, and your own.",
        on_change=choose,
    )
    return named[chosen]


def open_source(source: Source, reading: Reading) -> Opened:
    """Returns a data folder's listing, for all sessions; listed anew when its folders change.

    Raises:
        CarmaskError: The folder holds nothing to show, or can't be read in this way.
    """
    key = f"{source.root.resolve()}\0{reading!r}\0{_times(source.root)}"
    with waiting("Listing the photos", f"list of {source.root}"):
        return Opened(_open(key, source.root, reading), reading, key)


def chosen_reading() -> Reading:
    """Returns how the URL says that folders are to be read."""
    classes, inverted, left_out = (
        tuple(st.query_params.get_all(word)) for word in ("classes", "inverted", "leave_out")
    )
    rule = st.query_params.get("rule", "")
    return Reading(classes, rule, inverted=inverted, left_out=left_out)


def reading_for(sources: Sequence[Source]) -> Reading:
    """Returns how these folders are to be read: as the URL says where it is of one of them."""
    chosen = st.query_params.get("dataset")
    of_another = chosen is not None and all(source.name != chosen for source in sources)
    return Reading() if of_another else chosen_reading()


def add_folder(text: str) -> str:
    """Writes a typed folder to the URL and returns its name in the list. For callbacks.

    The name is "" where nothing was typed, and where it is no path; the page then says so.
    """
    text = text.strip().strip("\"'")
    if not text:
        return ""
    try:
        root = visitor_path(text).resolve()
    except ConfigError as error:
        st.session_state[_PROBLEM] = str(error)
        return ""
    st.query_params["data"] = list(dict.fromkeys([text, *st.query_params.get_all("data")]))
    return next(each.name for each in list_sources() if each.root.resolve() == root)


def open_folder(text: str) -> None:
    """Writes a typed folder to the URL and chooses it. For callbacks."""
    name = add_folder(text)
    if name:
        choose(name)


def choose(name: str) -> None:
    """Writes the chosen folder to the URL; what was chosen in another folder is dropped."""
    st.query_params["dataset"] = name
    for word in (*READING, "photo", "finding"):
        st.query_params.pop(word, None)
    for word in OF_ONE_FOLDER:
        st.session_state.pop(word, None)


def _typed_folders() -> tuple[list[Path], list[str]]:
    """Returns the folders that the URL names, and why others can't be used."""
    folders, errors = [], []
    for each in st.query_params.get_all("data"):
        if each.strip():
            try:
                folders.append(visitor_path(each))
            except ConfigError as error:
                errors.append(str(error))
    return folders, errors


def _usual(sources: list[Source]) -> Source:
    """Returns the folder that is shown before any was chosen: one that was asked for, if any."""
    samples = samples_folder().resolve()
    roots = asked_roots()
    asked = [s for s in sources if s.root in roots]
    return next(iter(asked), next(s for s in sources if s.root.resolve() == samples))


def asked_roots() -> list[Path]:
    """Returns the folders that the app was started with; one of data folders stands for these."""
    roots: list[Path] = []
    for folder in asked_folders():
        inner = [] if _is_data(folder) else list(_recognised(folder))
        roots += inner or [folder]
    return roots


def _is_data(folder: Path) -> bool:
    return folder.is_dir() and any(layout.recognise(folder) for layout in LAYOUTS)


def _recognised(folder: Path) -> Iterator[Path]:
    """Yields the sub-folders that have a known layout, by name; looks at names alone."""
    if not folder.is_dir():
        return
    for each in sorted(folder.iterdir()):
        if _is_data(each):
            yield each


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(key: str, _root: Path, _reading: Reading) -> Dataset:
    """Returns the folder's listing; `key` changes when it would."""
    return open_dataset(_root, _reading, allow_empty=True)


def _times(root: Path) -> list[int]:
    """Returns when a folder, what lies in it, and the lists in its sub-folders were changed."""
    found = []
    for path in (root, *_children(root), *_children(root / "annotations")):
        try:
            found.append(path.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return found


def _children(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()
