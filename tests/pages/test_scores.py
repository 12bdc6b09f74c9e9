from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from core.checkpoint import list_checkpoints
from core.split_verdict import SplitVerdict
from dashboard.ui import waiting as waiting_module
from dashboard.ui.scores import by_score
from dashboard.ui.waiting import waiting
from tests.pages.measured import write_measured
from tests.pages.untrained import write_checkpoint


def test_lists_are_in_the_order_of_the_scores_that_they_show(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "trained", dice=0.9)
    write_checkpoint(tmp_path, "measured", dice=0.8)
    write_measured(tmp_path, "measured", dice=0.95)
    write_checkpoint(tmp_path, "leaky", dice=0.99, verdict=SplitVerdict("leaky", 1, 2, "car"))
    entries = list_checkpoints(tmp_path)
    assert [each.path.parent.parent.name for each in entries] == ["trained", "measured", "leaky"]
    shown = [each.path.parent.parent.name for each in by_score(entries)]
    assert shown == ["measured", "trained", "leaky"]


def test_a_wait_is_announced_with_the_time_that_it_took_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, texts = [0.0], []

    @contextmanager
    def spinner(text: str, **_: Any) -> Iterator[None]:
        texts.append(text)
        yield

    monkeypatch.setattr(st, "spinner", spinner)
    monkeypatch.setattr(waiting_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for seconds in (7.0, 0.1, 0.1):  # what is quick was cached, and is no measure
        with waiting("Testing", "a kind of work that no page has"):
            now[0] += seconds
    assert "7.0 s" not in texts[0]
    assert all("7.0 s" in text for text in texts[1:])
