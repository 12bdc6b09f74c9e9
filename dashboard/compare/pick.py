"""Picking what is compared (runs, files, ensembles, cascades), by what and against which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.checkpoint import SUFFIX, read_info
from core.errors import CarmaskError, CheckpointError
from core.files import write_bytes_atomically
from core.metric_table import METRICS, Metric, find_metric
from core.names import counted, safe_stem
from core.places import cache_folder
from dashboard.compare.rows import (
    Known,
    Row,
    cascade_name,
    choose_rows,
    members_of,
    row_name,
    title_of,
)
from dashboard.ui.access import local_only, visitor_path
from dashboard.ui.badges import mark
from dashboard.ui.named_choice import distinct, select_from_url
from dashboard.ui.scores import score_text
from dashboard.ui.text import plain
from dashboard.ui.unreadable import show_unreadable

_ROWS, _MEMBERS, _FLIPPED, _TOGETHER = "rows_choice", "members", "flipped", "together"
_CASCADE = "cascade"
_USUAL, _ARCHIVED = "usual_members", "archived"


def pick_rows(names: Sequence[str], known: Known) -> None:
    """Draws what is compared, in order, and the ways to add to it; a change goes to the URL.

    Args:
        names: Names of the rows.
        known: Every checkpoint there is.
    """
    offered = [*dict.fromkeys([*names, *known.infos])]
    labels = distinct({name: _label(name, known) for name in offered})
    shown = [name for name in names if set(members_of(name)) <= known.infos.keys()]
    # Not bound: the labels would stand in the URL, and the Dice in them changes.
    st.session_state[_ROWS] = shown
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.multiselect(
            "Checkpoints",
            offered,
            format_func=lambda name: labels.get(name, name),
            key=_ROWS,
            placeholder="Choose two or more",
            filter_mode="contains",  # what Enter takes then has the name in it
            help="Every checkpoint of every run, the highest Dice first. Type to find one.",
            on_change=_choose,
            args=(shown,),
            wrap=True,
        )
        with st.popover("Add", icon=":material/add:"):
            st.toggle(
                "Archived runs too",
                key=_ARCHIVED,
                bind="query-params",
                help="Earlier generations and the experiment's runs; also in the list.",
            )
            _ask_more(shown, known)
            st.divider()
            ask_file(shown)


def with_archived() -> bool:
    """Returns whether checkpoints of archived runs are offered, as the URL says."""
    return st.query_params.get(_ARCHIVED) == "true"


def show_faulty(faulty: Sequence[tuple[str, str]], known: Known) -> None:
    """Draws each chosen row that can't be compared with the reason; the others still are."""
    for name, why in faulty:
        st.warning(f"**{plain(title_of(name))}**: {plain(why)}", icon=":material/warning:")
    chosen = {name for name, _ in faulty}
    others = [(name, why) for name, why in known.errors.items() if name not in chosen]
    show_unreadable("checkpoint", "can't be read", others)


def _ask_more(shown: Sequence[str], known: Known) -> None:
    """Draws the way to flips, ensembles and cascades of checkpoints."""
    single = [name for name in known.infos if name not in known.errors]
    titles = distinct({name: title_of(name) for name in single})
    usual = [each for each in shown if members_of(each) == [each]]
    if st.session_state.get(_USUAL) != usual:  # other rows: a former choice means nothing now
        st.session_state[_USUAL] = st.session_state[_MEMBERS] = usual
    members = st.multiselect(
        "Of these",
        single,
        format_func=lambda name: titles.get(name, name),
        key=_MEMBERS,
        placeholder="Choose checkpoints",
    )
    flips = st.toggle(
        "Mirrored too",
        value=True,
        key=_FLIPPED,
        help="Each photo is also predicted mirrored, and the mean of both is taken: "
        "twice the time.",
    )
    together = st.toggle(
        "As an ensemble",
        key=_TOGETHER,
        help="The mean of what they all say; it takes as long as all of them together.",
    )
    cascade = st.toggle(
        "As a cascade",
        key=_CASCADE,
        help="What the Segment page and the command line do by default: the first checkpoint, and "
        "the second as its fallback where it is uncertain; both mirrored too.",
    )
    if cascade:
        added = [cascade_name(*members)] if len(members) == 2 else []
    elif together:
        added = [row_name(members, flips=flips)] if len(members) > 1 else []
    else:
        added = [row_name([each], flips=True) for each in members] if flips else list(members)
    added = [name for name in added if name not in shown]
    st.button(
        f"Add {counted(len(added), 'row')}",
        key="add_rows",
        disabled=not added,
        on_click=choose_rows,
        args=([*shown, *added],),
    )
    if cascade and len(members) != 2:
        st.caption("A cascade needs two checkpoints: the first, and its fallback.")
    elif together and len(members) < 2:
        st.caption("An ensemble needs two checkpoints or more.")


def _label(name: str, known: Known) -> str:
    members = members_of(name)
    title = title_of(name)
    info = known.infos.get(name)
    if info is None or name not in members:
        return title
    epoch = f" · epoch {info.epoch}" if info.epoch else ""
    return title + epoch + score_text(known.paths[name], info) + mark(info.verdict)


def _choose(shown: Sequence[str]) -> None:
    if st.session_state[_ROWS] != shown:  # else the browser only repeats it
        choose_rows(st.session_state[_ROWS])


_PATH, _UPLOAD, _PROBLEM = "file_path", "file_upload", "file_problem"


@local_only
def ask_file(shown: Sequence[str]) -> None:
    """Draws the two ways to a foreign checkpoint; one that is good becomes a row.

    Args:
        shown: Names of the rows that there are.
    """
    st.text_input(
        "A file on this machine",
        key=_PATH,
        placeholder=f"/path/to/checkpoint{SUFFIX}",
        help=f"A {SUFFIX} file with Carmask's facts. `python -m core import FILE --out DIR` makes "
        "one of other U-Nets' weights.",
        on_change=_add_path,
        args=(shown,),
    )
    st.file_uploader(
        f"Or upload a {SUFFIX} file",
        [SUFFIX],
        key=_UPLOAD,
        on_change=_add_upload,
        args=(shown,),
    )
    problem = st.session_state.pop(_PROBLEM, None)
    if problem:
        st.error(plain(problem), icon=":material/error:")


def keep_upload(name: str, data: bytes) -> Path:
    """Returns the file that an uploaded checkpoint is kept in, always the same for equal bytes.

    Args:
        name: Its file name, as uploaded.
        data: All of it.

    Raises:
        CheckpointError: It is no checkpoint of Carmask, or it can't be kept.
    """
    folder = cache_folder() / "checkpoints" / hashlib.sha256(data).hexdigest()[:16]
    path = folder / f"{safe_stem(Path(name).stem)}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, data)
    except OSError as error:
        raise CheckpointError(
            f"{name} can't be kept in {folder} ({error.strerror}); name another folder with "
            "CARMASK_CACHE."
        ) from error
    try:
        read_info(path)
    except CarmaskError:
        path.unlink()
        raise
    return path


@local_only
def _add_path(shown: Sequence[str]) -> None:
    text = st.session_state[_PATH]
    if not text.strip():
        return
    try:
        path = visitor_path(text)
        read_info(path)
    except (CarmaskError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state[_PATH] = ""
    choose_rows([*shown, str(path)])


@local_only
def _add_upload(shown: Sequence[str]) -> None:
    file = st.session_state[_UPLOAD]
    if file is None:
        return
    try:
        path = keep_upload(file.name, file.getvalue())
    except CarmaskError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    choose_rows([*shown, str(path)])


def pick_metric() -> Metric:
    """Draws the choice of the metric and returns it."""
    chosen = select_from_url(
        "metric",
        "Metric",
        {metric.name: metric.label for metric in METRICS},
        gone="There is no metric {}; these figures are of another one.",
        help="A mask that is wrong by one pixel along its whole edge still has Dice 0.989 at "
        "512 px: where Dice is close, the edges decide.",
    )
    return find_metric(chosen)


def pick_baseline(rows: Sequence[Row], ranked: Sequence[Row]) -> int:
    """Draws the choice of the baseline and returns its place.

    Args:
        rows: What is compared; at least one.
        ranked: Those that can be a baseline: not trained on the cars of the images. Where there is
            none, all can.
    """
    offered = ranked or rows
    chosen = select_from_url(
        "baseline",
        "Baseline",
        {row.name: row.title for row in offered},
        # Before anybody chose, the second is asked whether the first is better than it.
        offered[min(1, len(offered) - 1)].name,
        help="The baseline: every verdict says what another checkpoint is, compared to this one.",
    )
    return [row.name for row in rows].index(chosen)
