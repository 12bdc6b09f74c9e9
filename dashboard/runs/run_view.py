"""One run whole: its figures, curves, probes, checkpoints, settings and log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import pandas as pd
import streamlit as st

from core.errors import CarmaskError, RunError
from core.metric_table import HEADLINE, Metric
from dashboard.runs.actions import show_actions
from dashboard.runs.checkpoints_view import show_checkpoints
from dashboard.runs.curves_view import show_curves
from dashboard.runs.listed import Listed, close_run, progress, readers
from dashboard.runs.probes_view import show_probes
from dashboard.ui.badges import FIGURES, show_status, show_verdict
from dashboard.ui.doctor import show_doctor
from dashboard.ui.text import code, plain
from dashboard.ui.words import ago, duration
from training.config import field_help
from training.runs.config_difference import settings_of
from training.runs.summary import RunSummary
from training.runs.tail import last_lines

PARTS = ("Curves", "Probes", "Checkpoints", "Settings", "Log")


def show_run(run: Listed, tags: Sequence[str]) -> None:
    """Draws one run.

    Args:
        run: The run.
        tags: Tags that any run has, to choose from.
    """
    with st.container(key="head", horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All runs", key="back", icon=":material/arrow_back:", on_click=close_run)
        show_actions([run], tags)
    _show_title(run)
    _show_troubles(run.summary)
    _show_doctor(run.summary)
    _show_scores(run.summary)
    st.caption(_facts(run.summary))
    if not run.alive and not run.ships and run.summary.written_by == "carmask":
        from dashboard.compare.after_training import show_way_on

        show_way_on(run.summary.folder)
    if run.notes.notes:
        st.markdown("  \n".join(plain(line) for line in run.notes.notes.splitlines()))
    tabs = st.tabs(list(PARTS), key="part", bind="query-params", on_change="rerun")
    draw: tuple[Callable[[Listed], None], ...] = (
        lambda each: show_curves([each], legend=False),
        show_probes,
        show_checkpoints,
        _show_settings,
        _show_log,
    )
    for tab, show in zip(tabs, draw, strict=True):
        if tab.open:
            with tab:
                show(run)


def _show_title(run: Listed) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(plain(run.title), anchor=False, width="content")
        show_badges(run)
    if run.notes.title:
        st.caption(f"Folder {code(run.name)}")


def show_badges(run: Listed) -> None:
    """Draws status, split verdict, tags and whether it is archived, as badges."""
    summary = run.summary
    show_status(summary.status)
    if summary.verdict_on_figures is not None:
        show_verdict(summary.verdict_on_figures)
    if summary.written_by not in ("carmask", ""):
        st.badge(f"{plain(summary.written_by)} log", color="gray")
    if run.notes.archived:
        st.badge("archived", color="gray")
    for tag in run.notes.tags:
        st.badge(plain(tag), color="violet")


def _show_troubles(summary: RunSummary) -> None:
    if summary.error:
        st.warning(plain(summary.error), icon=":material/warning:")
    if summary.remark:
        st.info(plain(summary.remark), icon=":material/info:")
    if not summary.message:
        return
    if summary.status in ("crashed", "failed"):
        st.error(plain(summary.message), icon=":material/error:")
    else:
        st.info(plain(summary.message), icon=":material/info:")


def _show_doctor(summary: RunSummary) -> None:
    """Draws what is wrong with the run; nothing where its log can't be read, which is told."""
    with suppress(RunError):
        show_doctor(summary, readers().curves(summary.folder))


def _show_scores(summary: RunSummary) -> None:
    if summary.best is None:
        return
    colour = FIGURES[summary.verdict.kind]
    if colour:
        rule = f".st-key-scores [data-testid='stMetricValue'] {{ color: {colour}; }}"
        st.html(f"<style>{rule}</style>")
    with st.container(key="scores", horizontal=True, gap="small"):
        for metric in HEADLINE:
            value = summary.best.get(metric.name)
            if value is not None:
                text = f"{metric.help} {_last(summary, metric)}"
                st.metric(metric.label, metric.text(value), help=text, width=150)


def _last(summary: RunSummary, metric: Metric) -> str:
    last = summary.last
    value = last.get(metric.name) if last else None
    if last is None or value is None or summary.best is None:
        return ""
    return f"Of epoch {summary.best.epoch}; the last one, {last.epoch}, has {metric.text(value)}."


def _facts(summary: RunSummary) -> str:
    known = summary.seconds is not None
    parts = (
        f"Best at epoch {summary.best_epoch} on its own validation photos, single pass"
        if summary.best_epoch
        else "",
        progress(summary),
        f"{summary.images:,} images seen" if summary.images else "",
        duration(summary.seconds or 0) if known else "",
        ", ".join(summary.data),
        summary.device,
        f"seed {summary.seed}" if summary.seed is not None else "",
        f"{summary.parameters:,} parameters" if summary.parameters else "",
        f"updated {ago(summary.updated)}" if summary.updated else "",
    )
    return plain(" · ".join(part for part in parts if part))


def _show_settings(run: Listed) -> None:
    folder = run.summary.folder
    config = settings_of(folder / "config.json")
    if config:
        st.markdown("**Configuration**")
        texts = field_help()
        rows = [
            (name, value, " ".join(texts.get(name, "").split())) for name, value in config.items()
        ]
        _table(rows, ("Setting", "Value", "What it is"))
    environment = settings_of(folder / "environment.json")
    if environment:
        st.markdown("**Environment**")
        _table(list(environment.items()), ("Fact", "Value"))
    if run.summary.verdict_on_figures is not None:
        st.markdown(f"**Split**  \n{plain(run.summary.verdict.sentence())}")
    if not config and not environment:
        st.info("This run has no settings that can be read: neither config.json nor "
                "environment.json.")  # fmt: skip


def _table(rows: Sequence[tuple[str, ...]], columns: Sequence[str]) -> None:
    st.dataframe(
        pd.DataFrame(rows, columns=list(columns)),
        hide_index=True,
        height="content",
        column_config={
            columns[0]: st.column_config.TextColumn(pinned=True, width=170),
            columns[1]: st.column_config.TextColumn(width=240),
        },
        alt=f"{columns[0]}s",
    )


def _show_log(run: Listed) -> None:
    try:
        lines = last_lines(run.summary.folder / "log.txt")
    except CarmaskError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if not lines:
        st.info("This run has no log.txt.")
        return
    st.caption(f"The last {len(lines)} lines of log.txt, the newest below.")
    st.code(
        "\n".join(lines),
        language=None,
        wrap_lines=True,
        height=480 if len(lines) > 18 else "content",
    )
