from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.foreign.checkpoint import ImportOptions, import_checkpoint
from core.image import encode_png
from core.predict import Mirrored, Prediction
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


def shown(app: AppTest) -> list[str]:
    """Returns the names of the photos that have a result on the page."""
    names = [each.value for each in app.markdown if ":material/image:" in each.value]
    return [name.strip("*").removeprefix(":material/image: ").replace("\\", "") for name in names]


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
    assert shown(app)
    app = open_page()
    assert not app.exception
    assert any("UNKNOWN" in each.value for each in app.markdown)
    assert not any("epoch 0" in each for each in captions(app))


def test_a_broken_checkpoint_is_listed_and_can_not_be_chosen(
    open_page: Open, one_run: Path, runs: Path
) -> None:
    write_checkpoint(runs, "pickled", dice=0.99).write_bytes(b"\x80\x02}q\x00.")
    app = open_page(SEGMENT, sample=SAMPLE)
    assert not app.exception
    assert app.selectbox(key="checkpoint_choice").options == ["one/best · Dice 0.9000"]
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


@pytest.mark.slow
def test_a_chosen_sample_closes_what_asks_for_photos(open_page: Open, one_run: Path) -> None:
    camera = {"sample": SAMPLE, "source": "Camera"}
    for query, expanded in (({}, True), ({"sample": SAMPLE}, False), (camera, True)):
        app = open_page(SEGMENT, **query)
        [asking] = app.expander
        assert (asking.label, asking.proto.expanded) == ("Your own photos", expanded)
        assert asking.get("file_uploader")


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
    assert [each.label for each in app.get("download_button")] == ["Mask", "Overlay", "Cut-out"]


@pytest.mark.slow
def test_an_uncertain_mask_comes_with_a_warning(
    open_page: Open, one_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (0.3, 0.001):
        monkeypatch.setattr("core.predict.disagreement", lambda *_, value=value: value)
        st.cache_resource.clear()
        app = open_page(SEGMENT, sample=SAMPLE)
        assert not app.exception
        assert ["30.0%" in each.value for each in app.warning] == ([True] if value == 0.3 else [])


@pytest.mark.slow
def test_where_it_is_uncertain_the_fallback_predicts(
    open_page: Open, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(**query: str) -> tuple[AppTest, list[str]]:
        app = open_page(SEGMENT, sample=SAMPLE, **query)
        assert not app.exception
        texts = [text.replace("\\", "") for text in captions(app)]
        return app, [text for text in texts if "Used " in text]

    write_checkpoint(runs, "one", kinds=("studio",))
    monkeypatch.setattr("core.predict.disagreement", lambda *_: 0.3)
    app, told = opened()
    assert not told and "Second model for hard photos" not in [each.label for each in app.selectbox]
    write_checkpoint(runs, "wide", dice=0.5, kinds=("studio", "street"))
    app, told = opened()
    assert len(told) == 1 and "Used wide" in told[0] and "30.0%" in told[0]
    (asked,) = [each for each in app.selectbox if each.label == "Second model for hard photos"]
    assert asked.value == "wide/best" and asked.options == ["none", "wide/best"]
    asked.set_value("none").run()
    assert not app.exception and app.query_params["second"] == "none"
    assert not [text for text in captions(app) if "Used " in text]
    assert not opened(second="none")[1] and not opened(checkpoint="wide/best")[1]
    app, told = opened(second="gone/best")
    assert told and "There is no checkpoint gone/best" in app.warning[0].value
    (told,) = opened(checkpoint="wide/best", second="one/best")[1]
    assert "Used one" in told
    monkeypatch.setattr("core.predict.disagreement", lambda *_: 0.01)
    st.cache_resource.clear()
    assert not opened()[1]


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
        shares |= {text for text in captions(app) if "of the picture" in text}
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


def test_a_bad_file_shows_its_error_beside_the_others(open_page: Open, one_run: Path) -> None:
    app = upload(
        open_page(SEGMENT),
        ("good.png", png()),
        ("notes.jpg", b"no picture"),
        ("empty.png", b""),
        ("good.png", png(40, 40, 1)),
        ("not.zip", b"PK no"),
    )
    assert not app.exception
    assert len(app.get("image")) == 2 * 3
    assert len(app.error) == 3
    assert "text, not a picture" in app.error[0].value
    assert "empty" in app.error[1].value
    assert len(set(shown(app))) == 2, "two files of one name can be told apart"


def test_what_was_left_out_or_guessed_stands_on_the_page(open_page: Open, one_run: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40)).save(stream, "PNG", icc_profile=b"broken")
    own = encode_png(np.ones((40, 60), bool), is_result=True)
    app = upload(open_page(SEGMENT), ("odd.png", stream.getvalue()), ("car_mask.png", own))
    assert shown(app) == ["odd.png"]
    text = "".join(captions(app))
    assert "mask.png" in text and "profile" in text
    app = upload(app, ("car_mask.png", own))
    assert not app.exception and "result of Carmask" in app.error[0].value


def test_a_photo_is_segmented_once_whatever_is_added(
    open_page: Open, one_run: Path, network_runs: list[int]
) -> None:
    app = open_page(SEGMENT)
    del network_runs[:]
    upload(app, ("a.png", png(seed=1)))
    upload(app, ("b.png", png(seed=2)), ("a.png", png(seed=1)))
    assert len(network_runs) == 2


@pytest.mark.slow
def test_many_photos_come_in_pages_and_only_the_shown_are_segmented(
    open_page: Open, one_run: Path, network_runs: list[int]
) -> None:
    app = upload(open_page(SEGMENT), ("cars.zip", zipped(30)))
    assert not app.exception
    assert any("30 photos" in each.value for each in app.markdown)
    assert shown(app) == [f"car{number}.png" for number in range(12)]
    assert app.button(key="segment_all").label == "Segment all 30 photos into a ZIP"
    app = upload(open_page(SEGMENT, page="3"), ("cars.zip", zipped(30)))
    assert shown(app) == [f"car{number}.png" for number in range(24, 30)]
    assert len(network_runs) == 12 + 6 + 3, "the rest are the samples of the start page, once"


def test_a_checkpoint_that_is_gone_is_a_hint(open_page: Open, one_run: Path) -> None:
    app = open_page(SEGMENT, sample=SAMPLE, checkpoint="gone/best")
    assert not app.exception
    assert "gone/best" in app.warning[0].value
    assert app.selectbox(key="checkpoint_choice").value == "one/best"
    assert len(app.get("image")) == 3


def test_start_over_takes_the_uploads_away(open_page: Open, one_run: Path) -> None:
    app = upload(open_page(SEGMENT), ("a.png", png()), ("b.png", png(seed=2)))
    assert len(app.get("image")) == 6
    next(each for each in app.button if each.label == "Start over").click().run()
    assert not app.get("image")


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
