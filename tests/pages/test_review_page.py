"""The Review page: a queue that a person works through, and decisions that stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.edits import EditStore
from core.errors import DataError
from core.image import encode_png, read_mask
from tests.pages.reviewed import write_photo_review, write_review
from tests.pages.untrained import write_checkpoint
from training.jobs.review import ReviewRequest
from training.review.rows import RowFile
from training.review.verdicts import VerdictStore

Open = Callable[..., AppTest]
PAGE = "pages/review.py"


@pytest.fixture(autouse=True)
def edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CARMASK_EDITS", str(tmp_path / "edits"))
    return tmp_path / "edits"


@pytest.fixture
def checkpoint(runs: Path) -> Path:
    return write_checkpoint(runs, "run")


@pytest.fixture
def names(samples: Path) -> list[str]:
    return sorted(path.stem for path in (samples / "images").iterdir())


@pytest.fixture
def review(samples: Path, checkpoint: Path, names: list[str]) -> ReviewRequest:
    """Two labels are suspected, the third photo's more than the first's."""
    return write_review(samples, checkpoint, {names[0]: 0.01, names[2]: 0.05})


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def shown(app: AppTest) -> str:
    """The name of the photo that is shown."""
    title = next(each.value for each in app.markdown if each.value.startswith("**synth"))
    return title.strip("*").replace("\\", "")


def counts(app: AppTest) -> dict[str, int]:
    """What the filters say, by name."""
    options = app.segmented_control(key="show_choice").options
    return {name: int(count) for name, count in (each.split(" · ") for each in options)}


def decisions(edits: Path) -> list[str]:
    return sorted(each.decision for each in VerdictStore(edits).read()[0].values())


def test_nothing_there_says_what_to_do(open_page: Open) -> None:
    app = open_page(PAGE)
    assert not app.exception
    assert not [each for each in app.button if str(each.key).startswith("review")]
    assert any("No trained network" in each.value for each in app.markdown)


def test_before_a_review_there_is_the_button_that_starts_it(
    open_page: Open, checkpoint: Path
) -> None:
    app = open_page(PAGE)
    assert not app.exception
    assert [each.key for each in app.button if each.key == "review_start"]
    assert not [each for each in app.button if each.key == "review_skip"]


def test_the_queue_is_worked_through(
    open_page: Open, review: ReviewRequest, names: list[str], edits: Path
) -> None:
    app = open_page(PAGE)
    assert not app.exception
    assert shown(app) == names[2]
    assert counts(app) == {"To decide": 2, "All": 6}
    press(app, "review_label_wrong")
    assert shown(app) == names[0]
    assert counts(app) == {"To decide": 1, "Label wrong": 1, "All": 6}
    press(app, "review_network_wrong")
    assert app.success and counts(app)["To decide"] == 0
    assert decisions(edits) == ["label wrong", "network wrong"]
    verdict = next(iter(VerdictStore(edits).read()[0].values()))
    row = next(row for row in RowFile(review.folder).read() if row.photo == verdict.photo)
    assert (verdict.mask, verdict.network, verdict.name) == (row.mask, row.network, row.name)


def test_decisions_are_there_in_a_new_session_and_filtered(
    open_page: Open, review: ReviewRequest, names: list[str]
) -> None:
    press(open_page(PAGE), "review_unclear")
    app = open_page(PAGE, show="Unclear")
    assert shown(app) == names[2]
    assert counts(app) == {"To decide": 1, "Unclear": 1, "All": 6}
    press(app, "review_label_wrong")  # another decision about the same mask
    assert counts(app) == {"To decide": 1, "Label wrong": 1, "All": 6}


def test_skip_decides_nothing_and_back_returns(
    open_page: Open, review: ReviewRequest, names: list[str], edits: Path
) -> None:
    app = press(open_page(PAGE), "review_skip")
    assert shown(app) == names[0]
    assert shown(press(app, "review_back")) == names[2]
    press(press(app, "review_skip"), "review_skip")
    assert app.button(key="review_first") and not decisions(edits)
    assert shown(press(app, "review_first")) == names[2]


def test_a_label_that_was_changed_is_a_new_question(
    open_page: Open, review: ReviewRequest, names: list[str], samples: Path
) -> None:
    path = samples / "masks" / f"{names[2]}.png"
    path.write_bytes(encode_png(~read_mask(path)))
    app = open_page(PAGE)
    assert app.warning
    assert app.button(key="review_label_wrong").disabled
    assert not app.button(key="review_skip").disabled


def test_a_photo_that_is_gone_costs_no_other(
    open_page: Open, review: ReviewRequest, names: list[str], samples: Path
) -> None:
    (samples / "images" / f"{names[2]}.jpg").unlink()
    app = open_page(PAGE)
    assert not app.exception and app.error
    assert shown(press(app, "review_skip")) == names[0]
    assert not app.error


def test_damaged_decisions_are_named_and_the_others_count(
    open_page: Open, review: ReviewRequest, edits: Path
) -> None:
    press(open_page(PAGE), "review_label_wrong")
    with (edits / "verdicts.jsonl").open("a") as file:
        file.write("no decision\n")
    app = open_page(PAGE)
    assert any("2" in each.value for each in app.warning)
    assert counts(app)["Label wrong"] == 1


def test_a_decision_that_cannot_be_stored_keeps_the_photo(
    open_page: Open,
    review: ReviewRequest,
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DataError("No space left on device.")

    app = open_page(PAGE)
    monkeypatch.setattr(VerdictStore, "add", full)
    press(app, "review_label_wrong")
    assert app.error and shown(app) == names[2]


def test_the_editor_opens_and_its_photo_leaves_the_queue(
    open_page: Open, review: ReviewRequest, names: list[str], edits: Path
) -> None:
    app = press(open_page(PAGE), "edit_review")
    assert not app.exception and "edit" in app.query_params
    assert not [each for each in app.button if each.key == "review_skip"]
    row = next(row for row in RowFile(review.folder).read() if row.name == names[2])
    store = EditStore(edits)
    draft = store.edits(row.photo)[0]
    assert draft.origin.kind == "label" and draft.start == row.mask
    store.open(row.photo, draft.edit).accept()
    app = open_page(PAGE)
    assert shown(app) == names[0]
    assert counts(app) == {"To decide": 1, "Edited": 1, "All": 6}


def test_new_photos_are_accepted_as_edits_of_the_network(
    open_page: Open, checkpoint: Path, samples: Path, edits: Path
) -> None:
    request = write_photo_review(samples / "images", checkpoint)
    app = open_page(PAGE, what="New photos", photos=str(samples / "images"))
    assert not app.exception
    first = RowFile(request.folder).read()[0]
    assert shown(app) == first.name and counts(app)["To decide"] == 6
    press(app, "review_accepted")
    facts = EditStore(edits).edits(first.photo)[0]
    assert (facts.status, facts.mask) == ("accepted", first.predicted)
    assert (facts.origin.kind, facts.origin.fingerprint) == ("network", first.network)
    press(app, "review_rejected")
    assert decisions(edits) == ["accepted", "rejected"]


def test_a_folder_without_photos_says_so(open_page: Open, checkpoint: Path, tmp_path: Path) -> None:
    app = open_page(PAGE, what="New photos", photos=str(tmp_path / "none"))
    assert app.error and not app.exception
