"""A photo's mask on a page: whether a person edited it, and the way into the editor."""

from __future__ import annotations

import streamlit as st

from core.checkpoint import network_fingerprint
from core.edit_facts import EditFacts, Origin, Status
from core.edits import Accepted
from core.errors import CarmaskError
from core.masks import MaskSettings
from core.session import Photo, PhotoResult
from dashboard.edit.add_view import offer_add
from dashboard.edit.editor import (
    Subject,
    edit_button,
    note_failure,
    show_ended,
    show_failure,
)
from dashboard.edit.import_view import offer_import
from dashboard.ui.checkpoints import find_checkpoints
from dashboard.ui.text import plain


def photo_subject(photo: Photo, result: PhotoResult, settings: MaskSettings) -> Subject | None:
    """Returns a photo as the editor takes it; None where edits are not allowed.

    Args:
        photo: The photo.
        result: What was predicted for it.
        settings: How a mask is made of that, where no edited one was accepted.
    """
    if result.edits is None:
        return None
    return Subject(
        digest=result.digest,
        name=photo.source.name,
        store=result.edits,
        read=photo.source.read,
        start=lambda: result.mask(settings),
        origin=lambda: _origin(result),
    )


def offer_edit(subject: Subject, result: PhotoResult, key: str) -> None:
    """Draws the button that opens the editor; for an edited mask also the one that leaves it.

    Args:
        subject: The photo.
        result: What was predicted for it.
        key: What tells its widgets from those of other photos.
    """
    edit_button(subject, key)
    offer_import(subject, key)
    show_unclear(subject)
    edit = result.edit
    if edit is not None and edit.mask is not None:
        offer_add(subject, edit, key)
        st.button(
            "Use the predicted mask",
            key=f"withdraw_{key}",
            icon=":material/undo:",
            type="tertiary",
            on_click=_withdraw,
            args=(subject,),
            help="The edited mask stays stored, marked as rejected.",
        )


def show_unclear(subject: Subject) -> None:
    """Draws that a person marked the photo's mask as unclear, where that was decided last."""
    ended = (
        each for each in subject.store.edits(subject.digest) if each.status is not Status.DRAFT
    )
    last = max(ended, key=lambda facts: facts.changed, default=None)
    if last is not None and last.status is Status.UNCLEAR:
        st.caption(f":material/help: Marked as unclear, {last.changed[:16].replace('T', ' ')} UTC.")


def show_edit_state(edit: Accepted | None) -> None:
    """Draws whether a photo's mask is an edited one, and why one can't be used."""
    show_failure()
    show_ended()
    if edit is None:
        return
    if edit.problem:
        st.error(plain(edit.problem), icon=":material/error:")
        return
    facts = edit.facts
    when = facts.changed[:16].replace("T", " ")
    st.caption(
        f":material/brush: Edited mask, accepted {when} UTC ({facts.steps} steps). Settings "
        "don't change it."
    )


def edit_origin(facts: EditFacts) -> Origin:
    """Returns the origin of an edit that begins from an accepted one; the network stays named."""
    return facts.origin.model_copy(update={"kind": "edit", "edit": facts.edit})


def _origin(result: PhotoResult) -> Origin:
    """Returns where the mask that is shown comes from."""
    edit = result.edit
    if edit is not None and edit.mask is not None:
        return edit_origin(edit.facts)
    by = result.prediction.by
    good, _ = find_checkpoints()
    paths = [each.path for each in good if each.info and by in (each.info.title, each.info.run)]
    try:
        fingerprint = network_fingerprint(paths[0]) if paths else ""
    except CarmaskError:  # it is being written anew
        fingerprint = ""
    return Origin(kind="network", checkpoint=by, fingerprint=fingerprint)


def _withdraw(subject: Subject) -> None:
    try:
        subject.store.withdraw(subject.digest)
    except CarmaskError as error:
        note_failure(error)
