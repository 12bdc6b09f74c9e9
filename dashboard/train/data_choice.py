"""Which data folders are trained on, and what the split makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError
from core.places import workspace
from core.split_verdict import SplitVerdict
from dashboard.dataset.sources import (
    Source,
    add_folder,
    asked_roots,
    choose,
    list_sources,
    open_source,
    show_wrong_folders,
)
from dashboard.ui.folders import samples_folder
from dashboard.ui.text import plain
from training.config import TrainConfig
from training.data.folder import check_reading
from training.data.lineage import split_of

_KEY, _PARAMETER = "train_on_choice", "train_on"


@dataclass(frozen=True)
class DataFacts:
    """What a training will learn from."""

    train: int
    """Photos."""
    val: int
    cars: int
    verdict: SplitVerdict
    """On the split."""


def pick_data() -> tuple[str, ...]:
    """Draws the list of data folders and returns the chosen ones."""
    show_wrong_folders()
    sources = {source.name: source for source in list_sources()}
    word = _PARAMETER if _PARAMETER in st.query_params else "dataset"
    if word in st.query_params:
        chosen = [name for name in dict.fromkeys(st.query_params.get_all(word)) if name]
    else:
        chosen = _usual(list(sources.values()))
    missing = [name for name in chosen if name not in sources]
    if missing:
        st.warning(f"There is no data folder {plain(', '.join(missing))} in the list.")
    st.session_state[_KEY] = [name for name in chosen if name in sources]
    picked = st.multiselect(
        "Data folders",
        list(sources),
        key=_KEY,
        on_change=_write,
        placeholder="Choose at least one",
        help="The samples that ship with Carmask, every data folder in data/, and your own. "
        "More than one are mixed.",
    )
    with st.expander("Use another folder", icon=":material/folder_open:"):
        st.text_input(
            "Folder path",
            key="train_folder",
            placeholder="/path/to/folder",
            help="A folder on this machine: Carvana's layout, images/ and masks/, COCO or VOC.",
            on_change=_add,
        )
    return tuple(str(sources[name].root) for name in picked)


def data_facts(config: TrainConfig) -> DataFacts:
    """Returns what the training will learn from; as quick as listing the folders.

    Raises:
        CarmaskError: The data can't be used, or not split as the settings ask.
    """
    base = workspace()
    reading = config.reading(base)
    opened = [open_source(Source(Path(f).name, Path(f)), reading) for f in config.data]
    for each in opened:
        if not each.dataset.samples:
            raise CarmaskError(
                f"{each.dataset.root} has no photo with a mask; choose another folder."
            )
    datasets = [each.dataset for each in opened]
    check_reading(reading, datasets)
    split = split_of(config, datasets, base, record=False)
    train, val = split.select(datasets, "train"), split.select(datasets, "val")
    shown = {(sample.source, sample.car) for sample in (*train, *val)}
    return DataFacts(len(train), len(val), len(shown), split.verdict())


def _usual(sources: list[Source]) -> list[str]:
    """Returns the folder that is chosen before any was: asked for, else in data/, else samples."""
    samples = samples_folder().resolve()
    asked = {folder.resolve() for folder in asked_roots()}
    first = [s for s in sources if s.root.resolve() in asked]
    others = [s for s in sources if s.root.resolve() != samples]
    return [each.name for each in (first or others or sources)[:1]]


def _write() -> None:
    _choose(st.session_state[_KEY])


def _choose(names: Sequence[str]) -> None:
    """Writes the chosen folders to the URL: a single one is that of all pages."""
    if names and st.query_params.get("dataset") not in names:
        choose(names[0])
    if len(names) == 1:
        st.query_params.pop(_PARAMETER, None)
    else:
        st.query_params[_PARAMETER] = list(names) or ""


def _add() -> None:
    """Writes a typed folder to the URL and chooses it beside the others."""
    before = list(st.session_state.get(_KEY, []))
    added = add_folder(st.session_state["train_folder"])
    if added:
        _choose(list(dict.fromkeys([*before, added])))
        st.session_state["train_folder"] = ""
