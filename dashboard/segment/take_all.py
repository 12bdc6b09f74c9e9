"""All results in one ZIP: at once for a handful of photos, as a job to watch for hundreds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import streamlit as st

from core.session import Photo, PredictionSession
from dashboard.segment.downloads import all_as_zip
from dashboard.segment.pictures import Look
from dashboard.segment.zip_job import ZipJob
from dashboard.ui.text import plain

_ZIP_NAME, _ZIP_MIME = "carmask_results.zip", "application/zip"


def offer_zip(session: PredictionSession, photos: Sequence[Photo], look: Look) -> None:
    """Draws a button that makes the ZIP of a handful of photos when it is pressed."""
    _download(partial(all_as_zip, session, photos, look), "All as ZIP")


def offer_job(session: PredictionSession, photos: Sequence[Photo], look: Look) -> None:
    """Draws the way to a ZIP of hundreds of photos, which is made beside the page.

    Args:
        session: What predicts.
        photos: All photos, not only those that the page shows.
        look: Settings.
    """
    job: ZipJob | None = st.session_state.get("zip_job")
    if job is not None and job.state == "running":
        st.fragment(_watch, run_every=0.5)(job)
        return
    if job is not None and job.photos == tuple(photos):
        _show_ended(job, look)
    label = f"Segment all {len(photos)} photos into a ZIP"
    if st.button(label, key="segment_all", icon=":material/folder_zip:"):
        st.session_state["zip_job"] = ZipJob(session, photos, look)
        st.rerun(scope="fragment")


def _watch(job: ZipJob) -> None:
    """Draws how far a job is; the page stays usable meanwhile."""
    if job.state != "running":
        st.rerun()
    done, count = len(job.rows), len(job.photos)
    st.progress(done / count, f"Segmenting {done + 1} of {count}: {plain(job.current)}")
    if st.button("Stop", key="stop_all", icon=":material/stop_circle:"):
        job.stop()
        st.rerun()


def _show_ended(job: ZipJob, look: Look) -> None:
    """Draws what a job left: the ZIP and its table, or why there is none."""
    done = len(job.rows)
    if job.state == "failed":
        st.error(plain(job.error), icon=":material/error:")
    elif job.state == "stopped":
        st.info(f"Stopped after {done} of {len(job.photos)} photos; what was done is remembered.")
    elif job.look != look:
        st.info("The settings changed since the ZIP was made: make it again.")
    else:
        st.success(f"{done - job.failed} of {done} photos segmented.", icon=":material/check:")
        _download(job.read, "Download the ZIP")
        with st.expander("results.csv"):
            st.dataframe([asdict(row) for row in job.rows], hide_index=True)


def _download(make: Callable[[], bytes], label: str) -> None:
    st.download_button(
        label,
        make,
        _ZIP_NAME,
        _ZIP_MIME,
        key="download_all",
        on_click="ignore",
        type="primary",
        icon=":material/folder_zip:",
        help="Mask, overlay and cut-out of each photo at full size, and results.csv",
    )
