"""What the network sees: any sample of any epoch of a run, drawn back to a picture."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import CarmaskError
from core.image import encode_png
from core.masks import car_share
from core.places import workspace
from dashboard.dataset.applied_text import TIMES, applied_lines, number
from dashboard.dataset.previews import draw
from dashboard.dataset.sources import list_sources
from dashboard.dataset.studio_controls import pick_epoch, pick_shown
from dashboard.ui.folders import run_files
from dashboard.ui.text import plain
from dashboard.ui.waiting import waiting
from training.data.folder import Dataset

if TYPE_CHECKING:
    from training.engine.sample_replay import ReplayedRun, ReplayedSample

_INDEX = "index"


def show_network(_dataset: Dataset) -> None:
    """Draws the choice of run, epoch and index, and what the network got there."""
    runs = _runs()
    if not runs:
        st.info("There is no run yet. Train a network first; then its samples can be seen here.")
        return
    st.caption(
        "**What the network sees**: the very tensor that a run's trainer gives to its network, "
        "made anew by the same code. The photos are the run's own, whatever data folder is open."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox("Run", list(runs), key="run", bind="query-params", width=280)
        epoch = pick_epoch()
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", width=300)
        shown = pick_shown()
    try:
        changed = (runs[name] / "config.json").stat().st_mtime_ns
        known = tuple(source.root.resolve() for source in list_sources())
        with waiting("Opening the run's data", f"data of {name}"):
            seen = _open(runs[name], changed, known)
        with row:
            index = _pick_index(len(seen.samples))
        with waiting("Making the sample", f"sample of {name}"):
            sample = seen.sample(epoch, index)
    except (CarmaskError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _show(seen, sample, epoch, index, shown)


def _runs() -> dict[str, Path]:
    """Returns the runs' folders by name, the newest first."""
    found = [path.parent for path in run_files("*/config.json")]
    newest = sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True)
    return {folder.name: folder for folder in newest}


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(run: Path, changed: int, known: tuple[Path, ...]) -> ReplayedRun:
    """Returns the run as its config was at a time (ns); its data may be a known folder's."""
    from training.engine.sample_replay import replay_run

    return replay_run(run, workspace(), {folder.name: folder for folder in reversed(known)})


def _pick_index(count: int) -> int:
    """Draws the index with its buttons and returns it."""
    last = count - 1
    if int(st.session_state.get(_INDEX) or 0) > last:  # of a run with more photos
        st.session_state[_INDEX] = last
    index = st.number_input(
        "Index",
        0,
        last,
        0,
        key=_INDEX,
        bind="query-params",
        help=f"The photo's place in the training set of {count:,} photos.",
    )
    st.button(
        "Any photo",
        key="any_index",
        icon=":material/shuffle:",
        help="Any photo",
        on_click=_choose,
        args=(random.randint(0, last),),
    )
    return int(index or 0)


def _choose(index: int) -> None:
    st.session_state[_INDEX] = index


def _show(seen: ReplayedRun, found: ReplayedSample, epoch: int, index: int, shown: str) -> None:
    image, mask = found.sample.read()
    told = found.mask[0] > 0
    height, width = mask.shape
    side = found.picture.shape[0]
    with st.container(key="seen_row"):
        with st.container(gap="xsmall"):
            st.image(draw(shown, image, mask), width="stretch", alt="The photo")
            st.caption(f"**The photo** · {width} {TIMES} {height} px · car {car_share(mask):.0%}")
        with st.container(gap="xsmall"):
            st.image(draw(shown, found.picture, told), width="stretch", alt="What the network sees")
            st.caption(f"**What the network sees** · {side} px · car {car_share(told):.0%}")
        with st.container(gap="xsmall"):
            mask_png = encode_png(told)
            st.image(mask_png, output_format="PNG", width="stretch", alt="What it must answer")
            st.caption("**What it must answer** · white is car")
        with st.container():
            _show_facts(seen, found, epoch, index)


def _show_facts(seen: ReplayedRun, found: ReplayedSample, epoch: int, index: int) -> None:
    """Draws where the sample comes from, what was done to it, and the tensor in numbers."""
    config = seen.config
    if found.step is None:
        when = "in no step of this epoch: a rest that fills no batch waits for another epoch"
    else:
        when = f"step {found.step} of {found.steps} in epoch {epoch}"
    applied = "  \n".join(
        plain(line) for line in applied_lines((a.transform, a.parameters) for a in found.applied)
    )
    st.markdown(
        f"**{plain(found.sample.name)}**  \nof {plain(found.sample.source)}, "
        f"car {plain(found.sample.car)}"
    )
    st.markdown(f"Index {index}, seed {config.seed}, {when}")
    st.markdown(f"**Recipe {plain(found.recipe)}**  \n{applied}")
    for title, tensor in (("Image", found.image), ("Mask", found.mask)):
        shape = f" {TIMES} ".join(map(str, tensor.shape))
        low, high, mean = (
            number(float(value)) for value in (tensor.min(), tensor.max(), tensor.mean())
        )
        st.markdown(f"**{title} tensor** {shape} {tensor.dtype}  \n{low} to {high}, mean {mean}")
