"""The way into the mask editor, and what a page shows of edited masks; tests/e2e has the canvas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.edit_facts import Origin, Status, photo_digest
from core.edits import EditStore
from core.image import read_image
from core.mask_files import rle_file
from tests.pages.untrained import write_checkpoint
from training.data.adding import add_to_dataset
from training.data.folder import open_dataset

Open = Callable[..., AppTest]
SEGMENT = "pages/segment.py"
SAMPLE = "synth0001_09"


@pytest.fixture
def store(tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> EditStore:
    write_checkpoint(runs, "one")
    monkeypatch.setenv("CARMASK_EDITS", str(tmp_path / "edits"))
    return EditStore(tmp_path / "edits")


@pytest.fixture
def digest(samples: Path) -> str:
    return photo_digest(read_image(samples / "images" / f"{SAMPLE}.jpg"))


def keys(app: AppTest) -> set[str]:
    return {each.key for each in app.button if each.key}


def test_the_button_opens_a_draft_that_is_on_the_disk(
    open_page: Open, store: EditStore, digest: str
) -> None:
    app = open_page(SEGMENT, sample=SAMPLE)
    app.button("edit_photo").click().run()
    assert not app.exception
    (facts,) = store.edits(digest)
    assert app.query_params["edit"] == facts.edit
    assert facts.status is Status.DRAFT and facts.origin.kind == "network"
    assert facts.origin.checkpoint and facts.origin.fingerprint
    assert "edit_photo" not in keys(app)  # the editor stands where the result was


def test_an_accepted_mask_is_named_and_can_be_left(
    open_page: Open, store: EditStore, digest: str
) -> None:
    store.begin(digest, SAMPLE, np.ones((80, 120), np.bool_), Origin()).accept()
    app = open_page(SEGMENT, sample=SAMPLE)
    assert any("100.0%" in each.value for each in app.caption)
    app.button("withdraw_photo").click().run()
    assert not app.exception and "withdraw_photo" not in keys(app)
    assert store.accepted(digest, (80, 120)) is None


def test_a_damaged_accepted_mask_is_an_error_on_the_page(
    open_page: Open, store: EditStore, digest: str
) -> None:
    edit = store.begin(digest, SAMPLE, np.ones((80, 120), np.bool_), Origin())
    edit.accept()
    for name in ("mask.png", "start.png"):
        (store.path(edit.facts) / name).write_bytes(b"damaged")
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception and len(app.error) == 1
    assert "edit_photo" in keys(app)


def test_a_damaged_draft_is_an_error_with_ways_out(
    open_page: Open, store: EditStore, digest: str
) -> None:
    edit = store.begin(digest, SAMPLE, np.ones((80, 120), np.bool_), Origin())
    (store.path(edit.facts) / "steps.jsonl").write_bytes(b"damaged\n")
    app = open_page(SEGMENT, sample=SAMPLE, edit=edit.facts.edit)
    assert not app.exception and len(app.error) == 1
    app.button("edit_recover").click().run()
    assert not app.exception and not app.error
    assert len(store.edits(digest)) == 2


@pytest.mark.parametrize("edit", ["gone", "../..", "", "*"])
def test_a_draft_that_is_not_there_is_passed_over(
    open_page: Open, store: EditStore, edit: str
) -> None:
    app = open_page(SEGMENT, sample=SAMPLE, edit=edit)
    assert not app.exception and "edit_photo" in keys(app)


def test_a_draft_without_its_photo_waits(open_page: Open, store: EditStore) -> None:
    app = open_page(SEGMENT, edit="20260101T000000-abcdef")
    app.button("edit_leave").click().run()
    assert not app.exception and "edit" not in app.query_params


def test_a_folder_that_can_not_be_written_is_an_error(open_page: Open, store: EditStore) -> None:
    store.folder.write_text("no folder")
    app = open_page(SEGMENT, sample=SAMPLE)
    app.button("edit_photo").click().run()
    assert not app.exception and len(app.error) == 1


def test_nobody_edits_on_a_public_server(
    open_page: Open, store: EditStore, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(digest, SAMPLE, np.ones((80, 120), np.bool_), Origin()).accept()
    monkeypatch.setattr("core.session.is_public", lambda: True)
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert not {key for key in keys(app) if key.startswith(("edit_", "withdraw_"))}


def test_an_edited_photo_joins_a_data_folder(
    open_page: Open, store: EditStore, digest: str, tmp_path: Path
) -> None:
    mask = np.zeros((80, 120), np.bool_)
    mask[10:50, 20:90] = True
    store.begin(digest, SAMPLE, mask, Origin()).accept()
    app = open_page(SEGMENT, sample=SAMPLE)
    app.text_input("add_folder_photo").set_value(str(tmp_path / "corrected"))
    app.text_input("add_car_photo").set_value("golf")
    app.button("add_photo").click().run()
    assert not app.exception and not app.error
    (sample,) = open_dataset(tmp_path / "corrected").samples
    assert sample.car == "golf" and np.array_equal(sample.read()[1], mask)
    app.button("add_photo").click().run()
    assert not app.exception and len(app.error) == 1


def test_the_car_of_the_same_picture_in_the_folder_is_proposed(
    open_page: Open,
    store: EditStore,
    digest: str,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    mask = np.ones((80, 120), np.bool_)
    image = read_image(samples / "images" / f"{SAMPLE}.jpg")
    add_to_dataset(tmp_path / "corrected", image, mask, name="x.png", car="golf")
    store.begin(digest, SAMPLE, mask, Origin()).accept()
    app = open_page(SEGMENT, sample=SAMPLE)
    assert app.text_input("add_car_photo").value == "synth0001"
    app.text_input("add_folder_photo").set_value(str(tmp_path / "corrected")).run()
    assert not app.exception
    assert app.text_input("add_car_photo").value == "golf"
    assert any("golf" in each.value for each in app.caption)
    app.text_input("add_car_photo").set_value("polo").run()
    app.text_input("add_folder_photo").set_value(str(tmp_path / "other")).run()
    assert app.text_input("add_car_photo").value == "polo"


def test_a_labelled_photo_is_repaired_and_its_label_stays(
    open_page: Open, store: EditStore, digest: str, samples: Path
) -> None:
    label = (samples / "masks" / f"{SAMPLE}.png").read_bytes()
    app = open_page("pages/dataset.py", tab="Browse", photo=SAMPLE)
    app.button("edit_label").click().run()
    assert not app.exception
    (facts,) = store.edits(digest)
    edit = store.open(digest, facts.edit)
    assert facts.origin.kind == "label" and edit.mask.sum() == 40 * 60
    assert app.query_params["edit"] == facts.edit and "edit_label" not in keys(app)
    assert (samples / "masks" / f"{SAMPLE}.png").read_bytes() == label


def test_a_mask_from_a_file_becomes_a_draft(open_page: Open, store: EditStore, digest: str) -> None:
    mask = np.zeros((80, 120), np.bool_)
    mask[10:60, 20:100] = True
    app = open_page(SEGMENT, sample=SAMPLE)
    app.file_uploader(key="import_photo").set_value(("m.json", rle_file(mask), "application/json"))
    app.run()
    app.button("import_open_photo").click().run()
    assert not app.exception and not app.error
    (facts,) = store.edits(digest)
    assert facts.origin.kind == "imported" and facts.status is Status.DRAFT
    assert app.query_params["edit"] == facts.edit
    assert np.array_equal(store.open(digest, facts.edit).mask, mask)
    assert store.accepted(digest, (80, 120)) is None


def test_a_file_of_another_size_is_an_error_and_no_draft(
    open_page: Open, store: EditStore, digest: str
) -> None:
    app = open_page(SEGMENT, sample=SAMPLE)
    other = rle_file(np.ones((81, 120), np.bool_))
    app.file_uploader(key="import_photo").set_value(("m.json", other, "application/json"))
    app.run()
    app.button("import_open_photo").click().run()
    assert not app.exception and len(app.error) == 1
    assert not store.edits(digest)


def test_a_draft_whose_photo_is_gone_stays_stored(
    open_page: Open, store: EditStore, digest: str, samples: Path
) -> None:
    draft = store.begin(digest, SAMPLE, np.ones((80, 120), np.bool_), Origin())
    (samples / "images" / f"{SAMPLE}.jpg").unlink()
    for page, words in ((SEGMENT, {"sample": SAMPLE}), ("pages/dataset.py", {"photo": SAMPLE})):
        app = open_page(page, edit=draft.facts.edit, **words)
        assert not app.exception
        assert "edit_leave" in keys(app) or "edit" in app.query_params
    assert store.open(digest, draft.facts.edit).mask.all()


def test_what_was_marked_unclear_is_said_until_it_is_decided(
    open_page: Open, store: EditStore, digest: str
) -> None:
    def said() -> bool:
        app = open_page(SEGMENT, sample=SAMPLE)
        assert not app.exception
        return any(":material/help:" in each.value for each in app.caption)

    mask = np.ones((80, 120), np.bool_)
    assert not said()
    store.begin(digest, SAMPLE, mask, Origin()).mark(Status.UNCLEAR)
    store.begin(digest, SAMPLE, mask, Origin())  # a draft decides nothing
    assert said() and store.accepted(digest, (80, 120)) is None
    store.begin(digest, SAMPLE, mask, Origin()).accept()
    assert not said()
