"""Checkpoints that are in no run: a path on this machine, or a file that is uploaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.checkpoint import SUFFIX, read_info
from core.errors import CarmaskError, CheckpointError
from core.files import write_bytes_atomically
from core.names import safe_stem
from core.places import cache_folder
from dashboard.compare.rows import choose_rows
from dashboard.ui.access import local_only, visitor_path
from dashboard.ui.text import plain

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
