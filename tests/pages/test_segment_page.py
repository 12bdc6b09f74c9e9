from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.foreign.checkpoint import ImportOptions, import_checkpoint
from core.image import encode_png
from core.image_model import Prediction
from core.predict import Mirrored
from core.session import shared_sessions
from core.split_verdict import Kind, SplitVerdict
from tests.core.foreign_networks import PytorchUNet, lived_in
from tests.core.headers import parts_of, write_parts
from tests.pages.untrained import write_checkpoint

Open = Callable[..., AppTest]
SEGMENT = "pages/segment.py"
SAMPLE = "synth0001_09"


def png(height: int = 80, width: int = 120, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def zipped(count: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(count):
            archive.writestr(f"car{number}.png", png(32, 48, number))
    return stream.getvalue()


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploader = next(each for each in app.file_uploader if each.key.startswith("files_"))
    uploader.set_value([(name, data, "application/octet-stream") for name, data in files])
    return app.run()


def captions(app: AppTest) -> list[str]:
    return [each.value for each in app.caption]


def forget_results() -> None:
    for session in shared_sessions():
        session.forget(-1)


def opened(app: AppTest) -> list[str]:
    """Returns the names of the photos that stand on the page alone."""
    names = [each.value for each in app.markdown if each.value.startswith("**:material/image:")]
    return [name.strip("*").removeprefix(":material/image: ").replace("\\", "") for name in names]


def tiles(app: AppTest) -> list[dict[str, str]]:
    """Returns the tiles of the photos on the page."""
    found = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    return [tile for each in found if each.get("label") == "Photos" for tile in each["tiles"]]


def finished(app: AppTest) -> AppTest:
    """Runs the page until all photos are done."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert not app.run().exception
        (save,) = [
            each for each in app.get("download_button") if each.proto.label.startswith("Download")
        ]
        if not save.proto.disabled:
            return app
        time.sleep(0.05)
    raise AssertionError("the batch did not end")


@pytest.fixture
def network_runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each photo that the network is asked about."""
    counted: list[int] = []
    original = Mirrored.predict

    def counting(self: Mirrored, image: NDArray[np.uint8]) -> Prediction:
        counted.append(1)
        return original(self, image)

    monkeypatch.setattr(Mirrored, "predict", counting)
    return counted


@pytest.fixture
def one_run(runs: Path) -> Path:
    return write_checkpoint(runs, "one")


def test_without_runs_it_says_what_to_do(open_page: Open) -> None:
    app = open_page(SEGMENT)
    assert not app.exception
    assert "python -m training fit" in app.code[0].value
    assert not app.file_uploader


@pytest.mark.slow
def test_an_imported_network_segments_and_its_split_is_unknown(
    open_page: Open, runs: Path, tmp_path: Path
) -> None:
    torch.save(lived_in(PytorchUNet(2)).state_dict(), tmp_path / "net.pth")
    import_checkpoint(tmp_path / "net.pth", runs / "theirs", ImportOptions(size=64))
    app = open_page(SEGMENT, checkpoint="theirs/best", sample=SAMPLE)
    assert not app.exception
    assert opened(app)
    assert any("UNKNOWN" in each.value for each in app.markdown)


def test_a_broken_checkpoint_is_listed_and_can_not_be_chosen(
    open_page: Open, one_run: Path, runs: Path
) -> None:
    write_checkpoint(runs, "pickled", dice=0.99).write_bytes(b"\x80\x02}q\x00.")
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert app.selectbox(key="checkpoint_choice").options == [
        "one/best · Dice 0.9000, single pass in training"
    ]
    assert "is a pickle" in app.expander[0].markdown[0].value
    assert len(app.get("image")) == 3


@pytest.mark.parametrize("kind", ["leaky", "unknown"])
def test_a_checkpoint_that_is_not_clean_wears_a_badge_beside_its_name(
    open_page: Open, one_run: Path, runs: Path, kind: Kind
) -> None:
    write_checkpoint(runs, "odd", verdict=SplitVerdict(kind, 1, 2, "car"))
    honest, odd = (open_page(SEGMENT, checkpoint=f"{run}/best") for run in ("one", "odd"))
    badges = [
        [each.value for each in app.markdown if "-badge[" in each.value] for app in (honest, odd)
    ]
    assert len(badges[1]) == 1 and kind.upper() in badges[1][0]
    assert badges[0] == []
    options = odd.selectbox(key="checkpoint_choice").options
    assert [kind.upper() in each for each in options] == [False, True]


def test_a_chosen_sample_stands_in_place_of_what_asks_for_photos(
    open_page: Open, one_run: Path
) -> None:
    assert [each.key[:5] for each in open_page(SEGMENT).file_uploader] == ["files", "folde"]
    app = open_page(SEGMENT, sample=SAMPLE)
    assert [each.key for each in app.file_uploader] == ["import_photo"], "of a mask, not of photos"
    next(each for each in app.button if each.label == "Use your own photos").click().run()
    assert not app.exception and "sample" not in app.query_params
    assert [each.key[:5] for each in app.file_uploader] == ["files", "folde"]


def test_only_broken_checkpoints_are_no_traceback(open_page: Open, one_run: Path) -> None:
    one_run.write_bytes(b"")
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert "python -m training fit" in app.code[0].value
    assert app.expander


def test_weights_that_do_not_fit_can_t_be_chosen(open_page: Open, one_run: Path) -> None:
    whole = one_run.read_bytes()
    # A header of the same length that promises a wider network than the tensors are.
    one_run.write_bytes(whole.replace(b'\\"width\\": 2', b'\\"width\\": 3'))
    assert one_run.read_bytes() != whole
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert "do not fit" in app.expander[0].markdown[0].value
    assert not app.selectbox


def test_weights_that_are_no_numbers_are_an_error_on_the_page(
    open_page: Open, one_run: Path
) -> None:
    header, tensors = parts_of(one_run)
    write_parts(one_run, json.dumps(header).encode(), b"\xff" * len(tensors))
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert "NaN" in app.error[0].value


def test_a_sample_from_the_url_shows_photo_mask_and_overlay(open_page: Open, one_run: Path) -> None:
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert [text for text in captions(app) if text in ("Photo", "Mask", "Overlay")] == [
        "Photo",
        "Mask",
        "Overlay",
    ]
    assert any("120 \N{MULTIPLICATION SIGN} 80 px · car " in text for text in captions(app))
    assert [each.label for each in app.get("download_button")] == [
        "Download cut-out",
        "Mask",
        "Mask, RLE",
        "Overlay",
    ]


@pytest.mark.slow
def test_an_uncertain_mask_comes_with_a_warning(
    open_page: Open, one_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (0.3, 0.001):
        monkeypatch.setattr("core.predict.disagreement", lambda *_, value=value: value)
        forget_results()
        app = open_page(SEGMENT, sample=SAMPLE)
        assert not app.exception
        assert ["30.0%" in each.value for each in app.warning] == ([True] if value == 0.3 else [])


@pytest.mark.slow
def test_where_it_is_uncertain_the_fallback_predicts(
    open_page: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model(**query: str) -> tuple[AppTest, str]:
        app = open_page(SEGMENT, sample=SAMPLE, **query)
        assert not app.exception
        (facts,) = [text for text in captions(app) if " px · " in text]
        return app, facts.partition("model ")[2].partition(" ·")[0]

    write_checkpoint(runs, "one", kinds=("studio",))
    monkeypatch.setattr("core.predict.disagreement", lambda *_: 0.3)
    app, used = model()
    assert used == "one"
    assert "Second model for hard photos" not in [each.label for each in app.selectbox]
    write_checkpoint(runs, "wide", dice=0.5, kinds=("studio", "street"))
    app, used = model()
    assert used == "wide"
    (asked,) = [each for each in app.selectbox if each.label == "Second model for hard photos"]
    assert asked.value == "wide/best" and asked.options == ["none", "wide/best"]
    asked.set_value("none").run()
    assert not app.exception and app.query_params["second"] == "none"
    assert model(second="none")[1] == "one" and model(checkpoint="wide/best")[1] == "wide"
    app, used = model(second="gone/best")
    assert used == "wide" and "There is no checkpoint gone/best" in app.warning[0].value
    assert model(checkpoint="wide/best", second="one/best")[1] == "one"
    monkeypatch.setattr("core.predict.disagreement", lambda *_: 0.01)
    forget_results()
    assert model()[1] == "one"


def test_an_unknown_sample_is_a_hint(open_page: Open, one_run: Path) -> None:
    app = open_page(SEGMENT, sample="../../etc/passwd")
    assert not app.exception
    assert "There is no sample" in app.warning[0].value
    assert not app.get("image")


@pytest.mark.slow
def test_settings_change_without_the_network(
    open_page: Open, one_run: Path, network_runs: list[int]
) -> None:
    app = open_page(SEGMENT, sample=SAMPLE)
    before = len(network_runs)
    shares = set()
    for threshold in (0.01, 0.5, 0.99):
        app.slider(key="threshold").set_value(threshold).run()
        shares |= {text for text in captions(app) if "of the photo" in text}
    app.toggle(key="keep_largest").set_value(True).run()
    app.toggle(key="fill_holes").set_value(True).run()
    app.slider(key="min_area").set_value(0.01).run()
    app.color_picker(key="colour").set_value("#ff0000").run()
    app.slider(key="opacity").set_value(0.9).run()
    app.slider(key="outline").set_value(5.0).run()
    app.segmented_control(key="view").set_value("Heat map").run()
    assert not app.exception
    assert len(shares) > 1, "the threshold must change the mask"
    assert "Probability of car" in captions(app)
    assert len(network_runs) == before > 0


def test_the_url_sets_everything(open_page: Open, one_run: Path, runs: Path) -> None:
    write_checkpoint(runs, "other", dice=0.5)
    app = open_page(
        SEGMENT, sample=SAMPLE, checkpoint="other/best", threshold="0.3",
        fill_holes="true", view="Before / after", colour="#112233",
    )  # fmt: skip
    assert app.selectbox(key="checkpoint_choice").value == "other/best"
    assert app.slider(key="threshold").value == 0.3
    assert app.toggle(key="fill_holes").value is True
    assert app.segmented_control(key="view").value == "Before / after"
    assert app.color_picker(key="colour").value == "#112233"


def test_a_true_mask_gives_scores_and_an_error_picture(open_page: Open, one_run: Path) -> None:
    app = open_page(SEGMENT, sample=SAMPLE, threshold="0.01")
    assert not app.metric
    app.toggle(key="truth").set_value(True).run()
    # At a threshold of 0.01 an untrained network calls everything car: 40 x 60 px of it is.
    scores = {each.label: float(each.value) for each in app.metric}
    assert scores["IoU"] == 0.25
    assert scores["Dice"] == 0.4
    assert set(scores) == {"Dice", "IoU", "Boundary IoU", "Boundary IoU, 3 px"}
    assert "Against the true mask" in captions(app)


def test_a_mask_of_another_size_is_an_error_beside_its_photo(
    open_page: Open, one_run: Path
) -> None:
    app = upload(open_page(SEGMENT), ("a.png", png()))
    asked = next(each for each in app.file_uploader if each.key.startswith("truth_"))
    asked.set_value(("a_mask.png", png(60, 60), "image/png"))
    app.run()
    assert not app.exception
    assert "60" in app.error[0].value
    assert "120 x 80" in app.error[0].value
    assert not app.metric
    assert len(app.get("image")) == 3


def test_a_bad_file_stands_beside_the_others(open_page: Open, one_run: Path) -> None:
    app = upload(
        open_page(SEGMENT),
        ("good.png", png()),
        ("notes.jpg", b"no picture"),
        ("empty.png", b""),
        ("good.png", png(40, 40, 1)),
        ("not.zip", b"PK no"),
    )
    found = tiles(finished(app))
    assert len({tile["label"] for tile in found}) == 5, "two files of one name can be told apart"
    assert [tile["state"] == "failed" for tile in found] == [False, True, True, False, True]
    assert any("3 can't be read" in each.value for each in app.markdown)
    app.query_params["photo"] = "2"
    assert not app.run().exception
    assert "text, not a picture" in app.error[0].value


def test_what_was_left_out_or_guessed_stands_on_the_page(open_page: Open, one_run: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40)).save(stream, "PNG", icc_profile=b"broken")
    own = encode_png(np.ones((40, 60), bool), is_result=True)
    app = upload(open_page(SEGMENT), ("odd.png", stream.getvalue()), ("car_mask.png", own))
    assert opened(app) == ["odd.png"]
    text = "".join(captions(app))
    assert "mask.png" in text and "profile" in text
    app = upload(open_page(SEGMENT), ("car_mask.png", own))
    assert not app.exception and "result of Carmask" in app.error[0].value


def test_a_photo_is_segmented_once_whatever_is_added(
    open_page: Open, one_run: Path, network_runs: list[int]
) -> None:
    app = open_page(SEGMENT)
    del network_runs[:]
    upload(app, ("a.png", png(seed=1)))
    finished(upload(app, ("b.png", png(seed=2)), ("a.png", png(seed=1))))
    assert len(network_runs) == 2
    assert len(tiles(app)) == 3


@pytest.mark.slow
def test_many_photos_start_by_themselves_and_come_in_pages(
    open_page: Open, one_run: Path, network_runs: list[int]
) -> None:
    app = open_page(SEGMENT)
    del network_runs[:]
    cars = ("cars.zip", zipped(30))
    app = finished(upload(app, cars))
    assert [tile["label"] for tile in tiles(app)] == [f"car{number}.png" for number in range(24)]
    assert len(network_runs) == 30
    app = finished(upload(open_page(SEGMENT, page="2"), cars))
    assert [tile["label"] for tile in tiles(app)] == [f"car{n}.png" for n in range(24, 30)]
    assert len(network_runs) <= 30 + 1, "the example of a page without photos"


def test_counts_are_of_states_and_the_filter_shows_one(
    open_page: Open, one_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubts = iter([0.001, 0.3, 0.001, 0.3])
    app = open_page(SEGMENT, threshold="0.01")
    monkeypatch.setattr("core.predict.disagreement", lambda *_: next(doubts))
    files = [(f"{number}.png", png(32, 48, number + 50)) for number in range(4)]
    app = finished(upload(app, *files))
    assert any("2 ready, 2 to check" in each.value for each in app.markdown)
    assert [tile["state"] for tile in tiles(app)] == ["ready", "check", "ready", "check"]
    app.segmented_control(key="state").set_value("Check").run()
    assert [tile["label"] for tile in tiles(app)] == ["1.png", "3.png"]


def test_no_car_is_a_state_and_leaves_no_file(open_page: Open, one_run: Path) -> None:
    app = open_page(SEGMENT, threshold="0.99", files="Cut-outs")
    app = finished(upload(app, ("a.png", png()), ("b.png", png(seed=1))))
    assert [tile["state"] for tile in tiles(app)] == ["no car", "no car"]


def test_a_tile_opens_its_photo_and_one_goes_on_from_there(open_page: Open, one_run: Path) -> None:
    app = upload(open_page(SEGMENT), *((f"{n}.png", png(seed=n)) for n in range(3)))
    finished(app).query_params["photo"] = "2"
    app.run()
    assert opened(app) == ["1.png"]
    app.button(key="next").click().run()
    assert opened(app) == ["2.png"] and app.button(key="next").disabled
    app.button(key="previous").click().run()
    assert opened(app) == ["1.png"] and app.query_params["photo"] == "2"
    next(each for each in app.button if each.label == "All 3 photos").click().run()
    assert len(tiles(app)) == 3 and "photo" not in app.query_params


def test_photos_stay_when_the_page_is_left(
    open_page: Open, one_run: Path, network_runs: list[int]
) -> None:
    app = finished(upload(open_page(SEGMENT), ("a.png", png()), ("b.png", png(seed=2))))
    ran = len(network_runs)
    app.switch_page("pages/runs.py")
    app.run()
    app.switch_page("streamlit_app.py")
    assert not app.run().exception
    assert [tile["label"] for tile in tiles(app)] == ["a.png", "b.png"]
    app.query_params["sample"] = SAMPLE
    app.run()
    assert not tiles(app)
    next(each for each in app.button if each.label == "Your 2 photos").click().run()
    assert len(tiles(app)) == 2
    assert len(network_runs) - ran <= 1, "the sample alone"


def test_photos_of_one_visitor_are_not_another_s(open_page: Open, one_run: Path) -> None:
    upload(open_page(SEGMENT), ("a.png", png()), ("b.png", png(seed=2)))
    other = open_page(SEGMENT)
    assert not tiles(other) and other.file_uploader


def test_a_checkpoint_that_is_gone_is_a_hint(open_page: Open, one_run: Path) -> None:
    app = open_page(SEGMENT, sample=SAMPLE, checkpoint="gone/best")
    assert not app.exception
    assert "gone/best" in app.warning[0].value
    assert app.selectbox(key="checkpoint_choice").value == "one/best"
    assert len(app.get("image")) == 3


def test_start_over_takes_the_uploads_away(open_page: Open, one_run: Path) -> None:
    app = finished(upload(open_page(SEGMENT), ("a.png", png()), ("b.png", png(seed=2))))
    app.button(key="start_over").click().run()
    assert not app.exception
    assert not tiles(app) and len(app.file_uploader) == 2


def mask_png(values: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def with_truth(app: AppTest, values: NDArray[np.uint8]) -> AppTest:
    uploader = next(each for each in app.file_uploader if each.key.startswith("truth_"))
    uploader.set_value(("a_mask.png", mask_png(values), "image/png"))
    return app.run()


def test_a_true_mask_of_class_numbers_is_asked_about(open_page: Open, one_run: Path) -> None:
    classes = np.full((80, 120), 7, np.uint8)
    classes[20:60, 30:90] = 26
    classes[:20] = 23
    app = with_truth(upload(open_page(SEGMENT, threshold="0.01"), ("a.png", png())), classes)
    assert not app.exception and not app.metric
    (asked,) = [each for each in app.multiselect if each.key.startswith("classes_")]
    assert [option.split()[0] for option in asked.options] == ["7", "23", "26"]
    asked.set_value(["26"]).run()
    scores = {each.label: float(each.value) for each in app.metric}
    assert scores["IoU"] == 0.25  # all is car to this network; 40 x 60 of 80 x 120 px are
    assert not app.error


def test_the_void_of_a_true_mask_is_not_judged(open_page: Open, one_run: Path) -> None:
    values = np.full((80, 120), 255, np.uint8)
    values[20:60, 30:90] = 1
    values[:, :10] = 0
    app = with_truth(upload(open_page(SEGMENT, threshold="0.01"), ("a.png", png())), values)
    scores = {each.label: float(each.value) for each in app.metric}
    assert scores["IoU"] == 0.75  # 2,400 px of car, 800 px of background


def test_an_inverted_true_mask_can_be_turned_round(open_page: Open, one_run: Path) -> None:
    values = np.full((80, 120), 255, np.uint8)
    values[20:60, 30:90] = 0
    app = with_truth(upload(open_page(SEGMENT, threshold="0.01"), ("a.png", png())), values)
    assert {each.label: float(each.value) for each in app.metric}["IoU"] == 0.75
    (asked,) = [each for each in app.toggle if each.key.startswith("inverted_")]
    asked.set_value(True).run()
    assert {each.label: float(each.value) for each in app.metric}["IoU"] == 0.25
