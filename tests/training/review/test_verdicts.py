"""Decisions survive: the last one of a mask counts, and a damaged line costs no other one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import DataError
from training.review.verdicts import VerdictStore

PHOTO, MASK, OTHER = "a" * 32, "b" * 32, "c" * 32


def test_nothing_is_stored_before_the_first(tmp_path: Path) -> None:
    assert VerdictStore(tmp_path / "edits").read() == ({}, [])
    assert not (tmp_path / "edits").exists()


def test_the_last_decision_of_a_mask_counts(tmp_path: Path) -> None:
    store = VerdictStore(tmp_path / "edits")
    store.add(PHOTO, MASK, "unclear", name="x", network="d")
    store.add(PHOTO, OTHER, "label wrong")
    store.add(PHOTO, MASK, "network wrong", name="x")
    found, bad = VerdictStore(tmp_path / "edits").read()
    assert {key[1]: verdict.decision for key, verdict in found.items()} == {
        MASK: "network wrong",
        OTHER: "label wrong",
    }
    assert not bad
    store.add(PHOTO, MASK, "")
    assert list(store.read()[0]) == [(PHOTO, OTHER)]


def test_bad_lines_are_named_and_stay(tmp_path: Path) -> None:
    store = VerdictStore(tmp_path)
    store.add(PHOTO, MASK, "unclear")
    whole = store.path.read_bytes()
    damaged = whole + b'{"photo": "not a digest"}\n\xff\xfe\n' + whole[:20]
    store.path.write_bytes(damaged)
    store.add(PHOTO, OTHER, "label wrong")
    found, bad = store.read()
    assert {mask for _, mask in found} == {MASK, OTHER}
    assert bad == [2, 3, 4]
    assert store.path.read_bytes().startswith(damaged)


def test_what_cannot_be_stored_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="decide again"):
        VerdictStore(tmp_path / "file" / "edits").add(PHOTO, MASK, "unclear")
