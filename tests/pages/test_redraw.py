from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from dashboard.ui import redraw
from dashboard.ui.redraw import QUIET, choose, note_drawn, redraw_when_quiet


def test_a_tick_is_trusted_only_when_nothing_was_drawn_just_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, reruns = [100.0], []
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "rerun", lambda: reruns.append(now[0]))
    monkeypatch.setattr(redraw, "time", SimpleNamespace(monotonic=lambda: now[0]))
    redraw_when_quiet()
    assert reruns == [100.0]
    note_drawn()
    for passed in (0.1, QUIET / 2, QUIET):
        now[0] = 100.0 + passed
        redraw_when_quiet()
    assert reruns == [100.0]
    now[0] = 100.1 + QUIET
    redraw_when_quiet()
    assert reruns == [100.0, now[0]]


def test_what_a_callback_chose_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"recipe": "heavy"}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "rerun", lambda: None)
    monkeypatch.setattr(redraw, "QUIET", -1.0)
    choose("recipe", "copy")
    note_drawn()
    state["recipe"] = "heavy"  # as a late tick says
    redraw_when_quiet()
    assert state["recipe"] == "copy"
    state["recipe"] = "light"  # as a person chooses, for whom it is drawn
    note_drawn()
    redraw_when_quiet()
    assert state["recipe"] == "light"
