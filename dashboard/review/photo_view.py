"""One photo of the queue, large, with what a person can decide about it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.edit_facts import Origin
from core.edits import EditStore
from core.errors import CarmaskError
from core.masks import Mask
from core.places import edits_folder
from dashboard.edit.add_view import offer_add
from dashboard.edit.editor import Subject, edit_button, is_open, note_failure, show_editor
from dashboard.edit.label_mask import label_subject
from dashboard.edit.photo_mask import edit_origin, show_edit_state
from dashboard.review.choice import Reviewed
from dashboard.review.pictures import LABEL, PREDICTION, Pictures, pictures_of, prediction_of
from dashboard.review.queue import OPEN, Queue, mask_of
from dashboard.ui.text import plain
from training.review.rows import ReviewRow
from training.review.suspects import Suspect
from training.review.verdicts import Decision, VerdictStore

PHOTO = "photo"
"""Of the URL: the name of the photo that is shown."""
_PASSED = "review_passed"
"""Names of the photos that were shown before, for the way back."""
_Choice = tuple[Decision, str, str, str]
_LABEL_CHOICES: tuple[_Choice, ...] = (
    ("network wrong", "Label is right", "A", "check"),
    ("label wrong", "Label is wrong", "X", "close"),
    ("unclear", "Unclear", "U", "question_mark"),
)
_PHOTO_CHOICES: tuple[_Choice, ...] = (
    ("accepted", "Accept the mask", "A", "check"),
    ("rejected", "Reject", "X", "close"),
    ("unclear", "Unclear", "U", "question_mark"),
)
"""Decisions with their buttons, keys and icons."""


def show_queue(reviewed: Reviewed, queue: Queue, show: str, *, closer: bool) -> None:
    """Draws the photo that the URL names, else the first that a filter shows.

    Args:
        reviewed: What is reviewed.
        queue: The list.
        show: The filter.
        closer: Whether the contradicted part is shown closer.
    """
    places = queue.shown(show)
    at = _place(queue, places)
    if at is None:
        _show_end(queue)
        return
    each = queue.found[at]
    following = [place for place in places if place > at]
    _show_photo(reviewed, queue, each, _position(at, places), _name(queue, following), closer)
    for place in following[:1]:  # drawn while a person looks at this one
        pictures_of(reviewed, queue.found[place].row)


def _place(queue: Queue, places: Sequence[int]) -> int | None:
    """Returns the place of the photo to show; None at the end of the queue."""
    wanted = st.query_params.get(PHOTO)
    if wanted is not None:
        for place, each in enumerate(queue.found):
            if each.row.name == wanted:
                return place
    return None if wanted == "" else next(iter(places), None)


def _position(at: int, places: Sequence[int]) -> str:
    if at in places:
        return f"{places.index(at) + 1:,} of {len(places):,}"
    return f"{sum(place > at for place in places):,} after this one"


def _name(queue: Queue, places: Sequence[int]) -> str:
    return queue.found[places[0]].row.name if places else ""


def _show_end(queue: Queue) -> None:
    left = queue.counts[OPEN]
    if left:
        st.info("This is the end of the list.", icon=":material/flag:")
        st.button("Back to the first", key="review_first", on_click=_go, args=(None,))
    else:
        st.success("Nothing here waits for a decision.", icon=":material/done_all:")


def _show_photo(
    reviewed: Reviewed, queue: Queue, each: Suspect, position: str, following: str, closer: bool
) -> None:
    row = each.row
    pictures = pictures_of(reviewed, row)
    subject = _subject(reviewed, row, pictures)
    if subject is not None and is_open(subject):
        show_editor(subject)
        return
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="large", gap="small"):
        _show_pictures(pictures, labelled=reviewed.labelled)
    with right:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(row.name)}**", width="content")
            st.caption(position, width="content")
            if state := queue.state(row):
                st.badge(state, color="gray")
        st.markdown(plain(each.reason))
        if not each.is_suspected:
            st.caption("It is not suspected: no photo from here on stands out.")
        _show_choices(reviewed, row, pictures, subject, following)
        if closer and pictures.part:
            st.image(pictures.part, caption="That part, closer", width="stretch")
        st.caption(f"Judged by {plain(row.by)}" if row.by else "Judged by no network")


def _show_pictures(pictures: Pictures, *, labelled: bool) -> None:
    if pictures.error:
        st.error(plain(pictures.error), icon=":material/error:")
    if not pictures.whole:
        return
    st.html(f"<style>.st-key-large {{ --ratio: {pictures.ratio:.4f}; }}</style>")
    st.image(pictures.whole, width="stretch", alt="Photo with outlines")
    legend = f'<span style="color:{PREDICTION}">■</span> prediction'
    if labelled:
        legend = f'<span style="color:{LABEL}">■</span> label &ensp; {legend}'
    st.html(f"<small>{legend}</small>")


def _show_choices(
    reviewed: Reviewed, row: ReviewRow, pictures: Pictures, subject: Subject | None, following: str
) -> None:
    """Draws the buttons: what is decided leads to the next photo."""
    edit = subject.store.accepted(subject.digest, pictures.shape) if subject else None
    show_edit_state(edit)
    if pictures.changed:
        st.warning("The label was changed since. Review again.", icon=":material/refresh:")
    choices = _LABEL_CHOICES if reviewed.labelled else _PHOTO_CHOICES
    if not row.by and reviewed.labelled:
        st.caption("No network that has not seen this car has judged it.")
    with st.container(key="review_choices", horizontal=True, gap="small"):
        for decision, title, key, icon in choices:
            st.button(
                title,
                key=f"review_{decision.replace(' ', '_')}",
                icon=f":material/{icon}:",
                shortcut=key,
                disabled=subject is None or pictures.changed,
                on_click=_decide,
                args=(reviewed, row, decision, subject, following),
            )
        if subject is not None:
            edit_button(subject, "review", "Edit", shortcut="E")
        st.button(
            "Skip",
            key="review_skip",
            icon=":material/skip_next:",
            shortcut="Right",
            on_click=_go,
            args=(following, row.name),
        )
        passed = st.session_state.get(_PASSED, [])
        st.button(
            "Back",
            key="review_back",
            icon=":material/undo:",
            shortcut="Left",
            disabled=not passed,
            on_click=_back,
        )
        if subject is not None and edit is not None and edit.mask is not None:
            offer_add(subject, edit, "review")


def _subject(reviewed: Reviewed, row: ReviewRow, pictures: Pictures) -> Subject | None:
    """Returns the photo as the editor takes it; None where it can't be shown."""
    if pictures.error or not row.photo:
        return None
    if row.name in reviewed.samples:
        return label_subject(reviewed.samples[row.name], row.photo, pictures.shape)
    store, shape = EditStore(edits_folder()), pictures.shape

    def start() -> Mask:
        edit = store.accepted(row.photo, shape)
        if edit is None or edit.mask is None:
            return prediction_of(reviewed, row, shape)
        return edit.mask

    def origin() -> Origin:
        edit = store.accepted(row.photo, shape)
        if edit is not None and edit.mask is not None:
            return edit_origin(edit.facts)
        return _network(row)

    photo = reviewed.photos[row.name]
    return Subject(row.photo, row.name, store, photo.read, start, origin)


def _network(row: ReviewRow) -> Origin:
    fingerprint = row.network.partition("+")[0]
    return Origin(kind="network", checkpoint=row.by, fingerprint=fingerprint)


def _decide(
    reviewed: Reviewed, row: ReviewRow, decision: Decision, subject: Subject, following: str
) -> None:
    """Stores a decision and goes on; a photo stays where its decision could not be stored."""
    try:
        if decision == "accepted":
            _accept(reviewed, row, subject)
        photo, mask = mask_of(row)
        VerdictStore(edits_folder()).add(photo, mask, decision, name=row.name, network=row.network)
    except CarmaskError as error:
        note_failure(error)
        return
    _go(following, row.name)


def _accept(reviewed: Reviewed, row: ReviewRow, subject: Subject) -> None:
    """Makes the predicted mask the photo's own, as an edit without a stroke, unless it has one."""
    store = subject.store
    mask = prediction_of(reviewed, row, pictures_of(reviewed, row).shape)
    if store.accepted(row.photo, mask.shape) is None:
        store.begin(row.photo, row.name, mask, _network(row)).accept()


def _go(name: str | None, passed: str = "") -> None:
    """Shows another photo: None for the first of the list, "" for its end."""
    if passed:
        st.session_state.setdefault(_PASSED, []).append(passed)
    if name is None:
        st.query_params.pop(PHOTO, None)
    else:
        st.query_params[PHOTO] = name


def _back() -> None:
    st.query_params[PHOTO] = st.session_state[_PASSED].pop()


def forget_place() -> None:
    """Begins a list anew; for callbacks of what chooses another one."""
    st.query_params.pop(PHOTO, None)
    st.session_state.pop(_PASSED, None)
