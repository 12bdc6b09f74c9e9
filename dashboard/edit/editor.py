"""The mask editor: a canvas in the browser that draws, and what it sends to the store of edits.

Painting asks nobody: the mask at the photo's full size lives in the browser (editor.js, raster.js).
After each stroke the browser sends the pixels that it turned; what comes back is a number, how many
steps are on the disk. All that the server doesn't have yet is in every message, so that one that
is lost costs nothing. A click asks the network: its answer comes back as pixels, which the browser
merges into the mask as it is by then, and sends as a step like a stroke.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from pydantic import ValidationError
from pydantic_core import to_json

from core.drawing import OverlayStyle
from core.edit_facts import Origin, Status
from core.edit_steps import Step
from core.edits import EditStore, MaskEdit
from core.errors import CarmaskError, EditConflictError, EditError
from core.image import encode_jpeg, thumbnail
from core.public import is_public
from core.rle import pack, run_lengths
from dashboard.edit.clicks import Prompt, answer
from dashboard.ui.before_after import jpeg_url
from dashboard.ui.text import plain

PARAMETER = "edit"
"""Of the URL: the draft that is open, so that a refresh opens it again."""
_STATE = "mask_editor"
_LONGEST = 6000
"""Side in px of the largest photo that is shown pixel by pixel; its mask has the full size."""
_UNDO_STEPS = 200
_PARTS = Path(__file__).parent

_ENDS = {
    "reject": (Status.REJECTED, "The edit was discarded; its strokes stay stored."),
    "unclear": (Status.UNCLEAR, "Marked as unclear; the strokes stay stored."),
}
"""By what a person decided: the status of an edit that ends without being accepted."""

_mount = st.components.v2.component(
    "carmask_editor",
    html=(_PARTS / "editor.html").read_text(encoding="utf-8"),
    css=(_PARTS / "editor.css").read_text(encoding="utf-8"),
    js="\n".join(
        (_PARTS / name).read_text(encoding="utf-8") for name in ("raster.js", "editor.js")
    ),
)


@dataclass(frozen=True)
class Subject:
    """A photo whose mask can be edited."""

    digest: str
    """Of its pixels; see `core.edit_facts.photo_digest`."""
    name: str
    store: EditStore
    read: Callable[[], NDArray[np.uint8]]
    """Returns the photo (H, W, 3)."""
    start: Callable[[], NDArray[np.bool_]]
    """Returns the mask that a new edit begins from, bool (H, W)."""
    origin: Callable[[], Origin]
    """Returns where that mask comes from."""


@dataclass
class _Open:
    """The edit that is open in this session."""

    edit: MaskEdit
    whole: bool = True
    """Whether the browser needs photo and mask, or has them."""
    reload: bool = False
    """Whether it has to drop its own mask for this one."""
    copy_of: str = ""
    """The draft that this one is a copy of, where the browser still shows that one."""
    problem: str = ""
    conflict: bool = False
    """Whether somebody else's edit was accepted meanwhile."""
    answer: dict[str, Any] = field(default_factory=dict)
    """To the last click; the browser merges it into its mask, and sends it as a step."""
    photo: NDArray[np.uint8] | None = None
    """The photo (H, W, 3), read at the first click."""
    notes: list[str] = field(default_factory=list)


def is_editing() -> bool:
    """Returns whether the URL names a draft; nobody has one on a public server."""
    return PARAMETER in st.query_params and not is_public()


def remind_of_draft() -> None:
    """Draws that the draft in the URL waits for its photo, which the page does not have."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            ":material/brush: The draft of an edited mask is stored. Bring its photo again and "
            "press *Edit mask* to go on."
        )
        st.button("Leave it", key="edit_leave", on_click=_close)


def is_open(subject: Subject) -> bool:
    """Returns whether the URL says that this photo's mask is being edited."""
    wanted = st.query_params.get(PARAMETER)
    return bool(wanted) and any(each.edit == wanted for each in subject.store.edits(subject.digest))


def edit_button(
    subject: Subject, key: str, label: str = "Edit mask", *, shortcut: str | None = None
) -> None:
    """Draws the button that opens the editor: with the newest draft, or a new one."""
    pressed = st.button(
        label,
        key=f"edit_{key}",
        icon=":material/brush:",
        shortcut=shortcut,
        on_click=_start,
        args=(subject,),
        help="Brush, eraser, lasso and more, at the photo's full size; every stroke is stored.",
    )
    if pressed and is_editing():
        st.rerun()  # the button may stand in a fragment


def note_failure(error: CarmaskError) -> None:
    """Has a failure of a button drawn by `show_failure`."""
    st.session_state[f"{_STATE}_failed"] = str(error)


def show_failure() -> None:
    """Draws once why what a button should have done was not done."""
    if problem := st.session_state.pop(f"{_STATE}_failed", ""):
        st.error(plain(problem), icon=":material/error:")


def show_ended() -> None:
    """Says once what became of an edit that has just ended."""
    if text := st.session_state.pop(f"{_STATE}_ended", ""):
        st.toast(text, icon=":material/check:")


@st.fragment
def show_editor(subject: Subject) -> None:
    """Draws the editor with the draft that the URL names; only this is drawn after a stroke.

    Args:
        subject: The photo, for which `is_open` holds.
    """
    wanted = st.query_params.get(PARAMETER, "")
    if not wanted:
        st.rerun()  # it has just ended: the page shows the photo's mask again
    opened = _opened(subject, wanted)
    if opened is None:
        return
    _show_head(subject, opened)
    key = f"mask_editor_{subject.digest}"

    def receive() -> None:
        message = st.session_state[key].get("sent")
        if isinstance(message, dict):
            _receive(subject, message)

    try:
        data = _data(subject, opened)
    except CarmaskError as error:  # the photo is gone; what was drawn is stored
        st.error(plain(str(error)), icon=":material/error:")
        st.button("Close", key="edit_close", on_click=_close)
        return
    _mount(key=key, data=data, on_sent_change=receive)
    opened.whole = opened.reload = False


def _show_head(subject: Subject, opened: _Open) -> None:
    facts = opened.edit.facts
    steps = len(opened.edit.canvas.steps)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        began = facts.began[:16].replace("T", " ")
        st.markdown(f"**:material/brush: {plain(subject.name)}**")
        st.caption(f"Draft of {began} UTC, from {_origin_text(facts.origin)}")
        if steps and opened.whole:
            st.button(
                "Begin a new draft",
                key="edit_anew",
                type="tertiary",
                on_click=_begin,
                args=(subject,),
                help="This one stays stored.",
            )
    for note in opened.notes:
        st.info(plain(note), icon=":material/group:")


def _origin_text(origin: Origin) -> str:
    texts = {
        "network": f"the mask of {plain(origin.checkpoint)}",
        "edit": "the accepted edited mask",
        "label": "the data folder's mask",
        "imported": "an imported mask",
    }
    return texts.get(origin.kind, "a given mask")


def _data(subject: Subject, opened: _Open) -> dict[str, Any]:
    """Returns what the browser is told: little after a stroke, all at the beginning."""
    edit = opened.edit
    told: dict[str, Any] = {
        "draft": edit.facts.edit,
        "copy_of": opened.copy_of,
        "saved": len(edit.canvas.steps),
        "problem": opened.problem,
        "conflict": opened.conflict,
        "reload": opened.reload,
        "answer": opened.answer,
    }
    if not opened.whole:
        return told
    pixels = subject.read()
    if pixels.shape[:2] != edit.mask.shape:
        raise EditError(f"{subject.name} has another size than this edit's mask.")
    style = OverlayStyle()
    return told | {
        "photo": jpeg_url(encode_jpeg(thumbnail(pixels, _LONGEST), 90)),
        "width": edit.mask.shape[1],
        "height": edit.mask.shape[0],
        "mask": pack(run_lengths(edit.mask.ravel())),
        "start": pack(run_lengths(edit.canvas.start.ravel())),
        "area": int(np.count_nonzero(edit.mask)),
        "done": _patches(edit.canvas.done),
        "undone": _patches(edit.canvas.undone),
        "colour": style.colour,
        "opacity": style.opacity,
    }


def _patches(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [{"box": list(step.box), "runs": step.runs} for step in steps[-_UNDO_STEPS:]]


def _start(subject: Subject) -> None:
    """Opens the newest draft of a photo, or begins one; a button's callback."""
    drafts = subject.store.drafts(subject.digest)
    if drafts:
        st.query_params[PARAMETER] = drafts[0].edit
    else:
        _begin(subject)


def _begin(subject: Subject) -> None:
    """Begins a new draft; a button's callback."""
    try:
        edit = subject.store.begin(subject.digest, subject.name, subject.start(), subject.origin())
    except CarmaskError as error:
        note_failure(error)
        return
    st.session_state[_STATE] = _Open(edit)
    st.query_params[PARAMETER] = edit.facts.edit


def _opened(subject: Subject, wanted: str) -> _Open | None:
    """Returns the edit that the URL names; None where it can't be opened, which is drawn."""
    opened: _Open | None = st.session_state.get(_STATE)
    if opened is not None and opened.edit.facts.edit == wanted:
        return opened
    try:
        opened = _Open(subject.store.open(subject.digest, wanted))
    except EditError as error:
        st.error(plain(str(error)), icon=":material/error:")
        with st.container(horizontal=True):
            st.button(
                "Recover the strokes before the damage",
                key="edit_recover",
                on_click=_recover,
                args=(subject, wanted),
            )
            st.button("Begin a new draft", key="edit_anew", on_click=_begin, args=(subject,))
            st.button("Close", key="edit_close", on_click=_close)
        show_failure()
        return None
    st.session_state[_STATE] = opened
    return opened


def _recover(subject: Subject, wanted: str) -> None:
    try:
        edit = subject.store.recover(subject.digest, wanted)
    except EditError as error:
        note_failure(error)
        return
    st.session_state[_STATE] = _Open(edit)
    st.query_params[PARAMETER] = edit.facts.edit


def _close() -> None:
    st.session_state.pop(_STATE, None)
    st.query_params.pop(PARAMETER, None)


def _receive(subject: Subject, message: dict[str, Any]) -> None:
    """Stores what the browser sent; what goes wrong stands in the editor's status line."""
    opened: _Open | None = st.session_state.get(_STATE)
    action = message.get("action")
    if opened is None or action == "need":
        if opened is not None:
            opened.whole = True
        return
    opened.problem, opened.conflict = "", False
    if message.get("draft") not in (opened.edit.facts.edit, opened.copy_of):
        return
    try:
        _add(opened, [Step.model_validate_json(to_json(each)) for each in message["steps"]])
        _answer(subject, opened, message.get("click") if action == "steps" else None)
        if action in ("accept", "replace"):
            _accept(opened, message.get("checksum"), replace=action == "replace")
        elif action in _ENDS:
            status, text = _ENDS[action]
            opened.edit.mark(status)
            st.session_state[f"{_STATE}_ended"] = text
    except EditConflictError as error:
        opened.problem, opened.conflict = str(error), True
    except (CarmaskError, ValidationError, ValueError, KeyError) as error:
        opened.problem = str(error)
    else:
        if action in ("accept", "replace", "close", *_ENDS):
            _close()


def _answer(subject: Subject, opened: _Open, click: object) -> None:
    """Has the network answer a click, once: the browser asks again where a message may be lost."""
    if click is None:
        return
    prompt = Prompt.model_validate_json(to_json(click))
    if opened.answer.get("id") == prompt.id:
        return

    def read() -> NDArray[np.uint8]:
        if opened.photo is None:
            opened.photo = subject.read()
        return opened.photo

    try:
        opened.answer = answer(prompt, opened.edit.canvas, read)
    except CarmaskError as error:
        opened.answer = {"id": prompt.id, "problem": str(error)}


def _add(opened: _Open, steps: list[Step]) -> None:
    """Adds steps; where somebody else draws in the same draft they go on in a copy of it."""
    try:
        opened.edit.add(steps)
    except EditConflictError as error:
        copy = opened.edit.copied()
        copy.add(steps)
        opened.copy_of, opened.edit = opened.edit.facts.edit, copy
        opened.notes.append(str(error))
        st.query_params[PARAMETER] = copy.facts.edit


def _accept(opened: _Open, checksum: object, *, replace: bool) -> None:
    """Accepts the edit, if the browser shows the very mask that is stored."""
    if zlib.crc32(opened.edit.mask.tobytes()) != checksum:
        opened.whole = opened.reload = True
        raise EditError(
            "The stored mask differs from the one shown, which is loaded again: look at it, and "
            "accept it then."
        )
    opened.edit.accept(replace=replace)
    st.session_state[f"{_STATE}_ended"] = "Accepted: every output of this photo has your mask now."
