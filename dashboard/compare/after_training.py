"""What to do with a trained network: use it, see whether it beats the shipped one, take it home."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from core.checkpoint import (
    CheckpointEntry,
    default_fallback,
    find_checkpoint,
    list_checkpoints,
    read_info,
)
from core.errors import CarmaskError
from core.metric_table import find_metric
from core.places import shipped_runs, workspace
from dashboard.compare.comparison import chosen_of, look_up
from dashboard.compare.headline import headline_of, verdicts_of
from dashboard.compare.image_sets import Wanted, images_of, own_images, own_link
from dashboard.compare.measured import facts_by_checkpoint, offer_measuring
from dashboard.compare.rows import PARAMETER, cascade_name, known_checkpoints, rows_of
from dashboard.ui.access import local_only
from dashboard.ui.checkpoints import checkpoint_name, find_checkpoints
from dashboard.ui.folders import runs_folder
from dashboard.ui.frame import COMPARE, SEGMENT
from dashboard.ui.onnx_download import offer_onnx
from dashboard.ui.redraw import redraw_when_quiet
from dashboard.ui.text import plain
from training.jobs.queue import Queue
from training.runs.notes import read_notes
from training.runs.runlog import read_config
from training.teaching import check_sets, read_teaching


@local_only
def show_way_on(run: Path) -> None:
    """Draws the ways on from a run that has a checkpoint; nothing where it has none."""
    try:
        path = find_checkpoint(run)
        info = read_info(path)
    except CarmaskError:
        return
    shipped = _shipped_name(run)
    names = [checkpoint_name(path), *([shipped] if shipped else [])]
    with st.container(border=True, key="way_on"):
        if read_teaching(run) is not None:
            _show_taught(run, names[0])
        elif shipped:
            _show_verdict(names, lambda: own_images(run), "dice", "the shipped model")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                SEGMENT.path,
                label="Use it",
                icon=SEGMENT.icon,
                query_params={"checkpoint": names[0]},
            )
            if shipped:
                _link_comparison(run, names)
            offer_onnx(path, info, key="way_on_onnx", label="Export ONNX")


def _shipped_name(run: Path) -> str:
    """Returns the row of what the app uses by itself: the best shipped network with its fallback.

    "" where none ships, or the run is one of them.
    """
    shipped = [each for each in list_checkpoints(shipped_runs()) if _is_offered(each)]
    if not shipped or (run.resolve().parent == shipped_runs().resolve() and _ships(run)):
        return ""
    first = shipped[0]
    fallback = default_fallback(first, shipped)
    name = _row_of(first.path)
    return cascade_name(name, _row_of(fallback.path)) if fallback else name


def _is_offered(entry: CheckpointEntry) -> bool:
    """Returns whether a shipped checkpoint is the best one of a run that is not archived."""
    run = entry.path.parent.parent
    best = entry.info is not None and entry.path.stem == "best"
    return best and _ships(run) and not read_notes(run).archived


def _ships(run: Path) -> bool:
    return run.name.startswith("carmask")


def _row_of(path: Path) -> str:
    """Returns the row of a shipped checkpoint: by its file where the runs shown are others."""
    here = shipped_runs().resolve() == runs_folder().resolve()
    return checkpoint_name(path) if here else str(path)


def _link_comparison(run: Path, names: list[str]) -> None:
    try:
        words = own_link(run, read_config(run))
    except CarmaskError:
        words = {}
    st.page_link(
        COMPARE.path,
        label="Compare with the shipped model on its validation cars",
        icon=COMPARE.icon,
        query_params={PARAMETER: names, **words},
    )


def _show_taught(run: Path, name: str) -> None:
    """Draws whether a taught network beats its base, on new photos and on the base's own data."""
    if _is_comparing(run):
        st.fragment(_watch_comparison, run_every=2.0)(run)
        return
    try:
        config = read_config(run)
        base = find_checkpoint(workspace() / config.start_from)
        sets = check_sets(run, config, workspace())
    except CarmaskError as error:
        st.caption(plain(f"It can't be compared with its base: {error}"))
        return
    here = base.resolve().is_relative_to(runs_folder().resolve())
    names = [name, checkpoint_name(base) if here else str(base)]
    for number, each in enumerate(sets):
        of = f"its base on {each.title}"
        _show_verdict(names, partial(images_of, each), "iou", of, f"_{number}")


def _is_comparing(run: Path) -> bool:
    """Returns whether the process that taught a network still compares it."""
    return any(entry.run == run.name for entry in Queue(run.parent).begun())


def _watch_comparison(run: Path) -> None:
    if not _is_comparing(run):
        redraw_when_quiet()
    st.caption("Comparing it with its base …")


def _show_verdict(
    names: list[str], images: Callable[[], Wanted], by: str, other: str, key: str = ""
) -> None:
    """Draws whether a network beats another one on some images, or the way to it.

    Args:
        names: Rows of the network and the other one.
        images: Returns the images; raises a CarmaskError where they can't be had.
        by: The metric.
        other: What the other one is called.
        key: What tells this from other verdicts on the page.
    """
    try:
        wanted = images()
        good, broken = find_checkpoints()
        known = known_checkpoints([*good, *broken], names)
        rows, faulty = rows_of(names, known)
        found = look_up(rows, wanted, facts_by_checkpoint(known.paths.values()))
        for _, why in (*faulty, *found.faulty):
            st.caption(plain(why))
        if found.missing:
            st.markdown(
                f"**Is it better than {other}?** Both are measured on cars that this run kept for "
                "validation."
            )
            rows = [row for row, _ in found.missing]
            offer_measuring(rows, wanted, "Compare now", f"way_on_job{key}")
        elif len(found.measured) == len(names):
            chosen = chosen_of(found.measured, 1, find_metric(by), wanted)
            verdict = verdicts_of(chosen)[0]
            sentence = "" if verdict is None else headline_of(verdict)
            st.markdown(f"**{plain(sentence or _WITHOUT)}.**")
            st.caption(plain(f"Against {other}: {wanted.images.title}."))
    except (CarmaskError, OSError) as error:
        st.caption(plain(f"It can't be compared on its validation cars: {error}"))


_WITHOUT = "No verdict: one of both was trained on these cars"
