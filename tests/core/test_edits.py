from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import core.edit_steps
from core.edit_facts import Origin, Status, mask_digest, photo_digest
from core.edit_steps import REDO, UNDO, Step
from core.edits import EditStore, MaskEdit
from core.errors import EditConflictError, EditError
from tests.core.edit_strokes import box_step, paint, turn

PHOTO = "ab12"
SHAPE = (40, 60)


@pytest.fixture
def store(tmp_path: Path) -> EditStore:
    return EditStore(tmp_path / "edits")


@pytest.fixture
def start() -> np.ndarray:
    mask = np.zeros(SHAPE, np.bool_)
    mask[10:30, 15:45] = True
    return mask


@pytest.fixture
def edit(store: EditStore, start: np.ndarray) -> MaskEdit:
    origin = Origin(kind="network", checkpoint="carmask", fingerprint="f00")
    return store.begin(PHOTO, "car.jpg", start, origin)


def test_a_photo_is_known_by_its_pixels() -> None:
    photo = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert photo_digest(photo) == photo_digest(np.asfortranarray(photo))
    assert photo_digest(photo) != photo_digest(photo.reshape(4, 2, 3))
    changed = photo.copy()
    changed[1, 3, 2] ^= 1
    assert photo_digest(photo) != photo_digest(changed)


def test_strokes_are_on_the_disk_and_come_back(store: EditStore, edit: MaskEdit) -> None:
    expected = edit.mask.copy()
    paint(edit, 0, 0, 20, 20)
    expected[:20, :20] = True
    paint(edit, 5, 5, 3, 4, car=False)
    expected[5:9, 5:8] = False
    again = store.open(PHOTO, edit.facts.edit)
    assert np.array_equal(again.mask, expected)
    assert again.canvas.steps == edit.canvas.steps
    assert again.facts.origin.fingerprint == "f00"


def test_undo_and_redo_go_through_the_journal(store: EditStore, edit: MaskEdit) -> None:
    states = [edit.mask.copy()]
    for place in range(60):
        paint(edit, place // 2, place // 3, 9, 7, car=place % 3 > 0)
        states.append(edit.mask.copy())
    for state in reversed(states[:-1]):
        turn(edit, UNDO)
        assert np.array_equal(edit.mask, state)
    edit = store.open(PHOTO, edit.facts.edit)
    for state in states[1:41]:
        turn(edit, REDO)
        assert np.array_equal(edit.mask, state)
    assert len(store.open(PHOTO, edit.facts.edit).canvas.undone) == 20


def test_draft_and_accepted_mask_are_kept_apart(store: EditStore, edit: MaskEdit) -> None:
    assert store.accepted(PHOTO, SHAPE) is None
    paint(edit, 0, 0, 20, 20)
    assert store.accepted(PHOTO, SHAPE) is None
    first = edit.mask.copy()
    facts = edit.accept()
    assert (facts.status, facts.steps, facts.seconds) == (Status.ACCEPTED, 1, 1.5)
    following = store.begin(PHOTO, "car.jpg", first, Origin(kind="edit", edit=facts.edit))
    paint(following, 30, 30, 5, 5)
    found = store.accepted(PHOTO, SHAPE)
    assert found and found.mask is not None and np.array_equal(found.mask, first)
    following.accept()
    found = store.accepted(PHOTO, SHAPE)
    assert found and np.array_equal(found.mask, following.mask)
    assert following.facts.start == facts.mask == mask_digest(first)


def test_the_stored_mask_is_a_png_of_the_photos_size(store: EditStore, edit: MaskEdit) -> None:
    paint(edit, 3, 4, 11, 13)
    edit.accept()
    with Image.open(store.path(edit.facts) / "mask.png") as picture:
        assert np.array_equal(np.asarray(picture) == 255, edit.mask)


def test_an_ended_edit_takes_no_stroke(edit: MaskEdit) -> None:
    edit.accept()
    with pytest.raises(EditConflictError):
        paint(edit, 0, 0, 2, 2)


def test_a_rejected_edit_is_the_photos_mask_no_more(store: EditStore, edit: MaskEdit) -> None:
    edit.accept()
    store.withdraw(PHOTO)
    assert store.accepted(PHOTO, SHAPE) is None
    assert store.open(PHOTO, edit.facts.edit).facts.status is Status.REJECTED


def test_only_drafts_with_strokes_are_offered(store: EditStore, edit: MaskEdit) -> None:
    assert store.drafts(PHOTO) == []
    paint(edit, 0, 0, 3, 3)
    assert [each.edit for each in store.drafts(PHOTO)] == [edit.facts.edit]
    edit.mark(Status.REJECTED)
    assert store.drafts(PHOTO) == []


def test_two_people_in_one_draft_lose_nothing(store: EditStore, edit: MaskEdit) -> None:
    other = store.open(PHOTO, edit.facts.edit)
    theirs = box_step(other.canvas, (40, 30, 5, 5))
    mine = paint(edit, 0, 0, 20, 20)
    with pytest.raises(EditConflictError):
        other.add([theirs])
    copy = other.copied()
    copy.add([theirs])
    assert store.open(PHOTO, edit.facts.edit).canvas.steps == [mine]
    assert store.open(PHOTO, copy.facts.edit).canvas.steps == [theirs]


def test_two_people_who_accept_are_told(store: EditStore, start: np.ndarray) -> None:
    first = store.begin(PHOTO, "car.jpg", start, Origin())
    second = store.begin(PHOTO, "car.jpg", start, Origin())
    paint(first, 0, 0, 4, 4)
    paint(second, 9, 9, 4, 4)
    first.accept()
    with pytest.raises(EditConflictError):
        second.accept()
    found = store.accepted(PHOTO, SHAPE)
    assert found and found.facts.edit == first.facts.edit
    assert store.open(PHOTO, second.facts.edit).facts.status is Status.DRAFT
    second.accept(replace=True)
    found = store.accepted(PHOTO, SHAPE)
    assert found and np.array_equal(found.mask, second.mask)


def test_a_stroke_that_is_sent_twice_counts_once(edit: MaskEdit) -> None:
    step = paint(edit, 0, 0, 20, 20)
    edit.add([step, box_step(edit.canvas, (1, 1, 9, 9), car=False)])
    assert [each.number for each in edit.canvas.steps] == [1, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"area": 7},
        {"box": (55, 0, 20, 20)},
        {"box": (-1, 0, 20, 20)},
        {"runs": "zz"},
        {"runs": ""},
        {"tool": "spray"},
        {"tool": "undo"},
        {"tool": "redo"},
        {"number": 3},
    ],
)
def test_a_step_that_does_not_fit_changes_nothing(
    store: EditStore, edit: MaskEdit, change: dict[str, object]
) -> None:
    before = edit.mask.copy()
    step = box_step(edit.canvas, (0, 0, 20, 20)).model_copy(update=change)
    with pytest.raises(EditError):
        edit.add([step])
    assert np.array_equal(edit.mask, before)
    assert store.open(PHOTO, edit.facts.edit).canvas.steps == []


def test_half_a_line_is_no_stroke(store: EditStore, edit: MaskEdit) -> None:
    first = paint(edit, 0, 0, 20, 20)
    journal = store.path(edit.facts) / "steps.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"number": 2, "tool": "bru')
    again = store.open(PHOTO, edit.facts.edit)
    assert again.canvas.steps == [first]
    second = paint(again, 1, 1, 5, 5, car=False)
    assert store.open(PHOTO, edit.facts.edit).canvas.steps == [first, second]


def test_a_damaged_journal_is_said_and_what_is_whole_recovered(
    store: EditStore, edit: MaskEdit
) -> None:
    first = paint(edit, 0, 0, 20, 20)
    paint(edit, 2, 2, 5, 5, car=False)
    journal = store.path(edit.facts) / "steps.jsonl"
    lines = journal.read_bytes().splitlines()
    damaged = b"\n".join([lines[0], lines[1][:20], lines[1], b""])
    journal.write_bytes(damaged)
    with pytest.raises(EditError, match="line 2"):
        store.open(PHOTO, edit.facts.edit)
    draft = store.recover(PHOTO, edit.facts.edit)
    assert draft.canvas.steps == [first]
    assert journal.read_bytes() == damaged


@pytest.mark.parametrize("damage", [b"", b"\x89PNG", b"no picture"])
def test_a_damaged_mask_is_made_anew_from_the_strokes(
    store: EditStore, edit: MaskEdit, damage: bytes
) -> None:
    paint(edit, 0, 0, 20, 20)
    edit.accept()
    (store.path(edit.facts) / "mask.png").write_bytes(damage)
    found = store.accepted(PHOTO, SHAPE)
    assert found and np.array_equal(found.mask, edit.mask)


def test_an_edit_that_is_beyond_repair_says_so(store: EditStore, edit: MaskEdit) -> None:
    edit.accept()
    folder = store.path(edit.facts)
    for name in ("mask.png", "start.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / name)
    found = store.accepted(PHOTO, SHAPE)
    assert found and found.mask is None and "8 x 8" in found.problem


@pytest.mark.parametrize("text", ["", "{", "[]", '{"edit": "../../x"}', '{"edit": "gone"}'])
def test_a_damaged_pointer_says_so(store: EditStore, edit: MaskEdit, text: str) -> None:
    edit.accept()
    (store.folder / PHOTO / "accepted.json").write_text(text)
    found = store.accepted(PHOTO, SHAPE)
    assert found and found.mask is None and found.problem


def test_a_mask_of_another_size_says_so(store: EditStore, edit: MaskEdit) -> None:
    edit.accept()
    found = store.accepted(PHOTO, (30, 60))
    assert found and found.mask is None and "60 x 30" in found.problem


def test_a_full_disk_loses_no_stroke(
    store: EditStore, edit: MaskEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = paint(edit, 0, 0, 20, 20)
    second = box_step(edit.canvas, (1, 1, 9, 9), car=False)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(core.edit_steps.os, "fsync", full)
        with pytest.raises(EditError, match="No space left"):
            edit.add([second])
    assert store.open(PHOTO, edit.facts.edit).canvas.steps == [first]
    edit.add([second])  # the editor sends it again
    assert store.open(PHOTO, edit.facts.edit).canvas.steps == [first, second]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_error(tmp_path: Path, start: np.ndarray) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EditError, match="Permission"):
        EditStore(tmp_path / "edits").begin(PHOTO, "car.jpg", start, Origin())


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path, start: np.ndarray) -> None:
    (tmp_path / "edits").write_text("no folder")
    with pytest.raises(EditError, match=str(tmp_path)):
        EditStore(tmp_path / "edits").begin(PHOTO, "car.jpg", start, Origin())


@pytest.mark.parametrize("name", ["..", "../x", "", "a/b", "nothing"])
def test_no_name_leads_out_of_the_folder(store: EditStore, edit: MaskEdit, name: str) -> None:
    with pytest.raises(EditError):
        store.open(PHOTO, name)
    with pytest.raises(EditError):
        store.open(name, edit.facts.edit)


_WRITER = """
import sys
from pathlib import Path
from core.edits import EditStore
from tests.core.edit_strokes import paint
edit = EditStore(Path(sys.argv[1])).open(sys.argv[2], sys.argv[3])
for number in range(10_000):
    paint(edit, number % 40, number % 30, 9, 7, car=number % 2 == 0)
    print(number + 1, flush=True)
"""


@pytest.mark.slow
def test_a_kill_loses_at_most_one_stroke(store: EditStore, edit: MaskEdit) -> None:
    command = [sys.executable, "-c", _WRITER, str(store.folder), PHOTO, edit.facts.edit]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline()
        time.sleep(0.2)
        writer.send_signal(signal.SIGKILL)
        said = writer.stdout.read().split()
    stored = store.open(PHOTO, edit.facts.edit).canvas.steps
    assert int(said[-1]) <= len(stored) <= int(said[-1]) + 1


def test_a_step_is_stored_as_plain_json(store: EditStore, edit: MaskEdit) -> None:
    step = paint(edit, 0, 0, 20, 20)
    (line,) = (store.path(edit.facts) / "steps.jsonl").read_text().splitlines()
    assert json.loads(line)["points"] == [[0, 0], [20, 20]]
    assert Step.model_validate_json(line) == step
