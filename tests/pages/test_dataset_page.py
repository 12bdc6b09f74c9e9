from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import places
from core.image import encode_png
from tests.pages.drawn import write_samples
from tests.training.layout_folders import write_augmented, write_carvana, write_coco, write_voc
from training.health import survey
from training.health.index import FactsIndex
from training.health.survey import Survey

Open = Callable[..., AppTest]
DATASET = "pages/dataset.py"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data folder of the repository, and an index of its own, measured in this process."""
    monkeypatch.setattr(places, "workspace", lambda: tmp_path)
    monkeypatch.setattr(sys, "argv", ["streamlit_app.py"])
    monkeypatch.delenv("CARMASK_DATA", raising=False)
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(survey, "PATIENCE", 0)
    update = FactsIndex.update
    monkeypatch.setattr(FactsIndex, "update", lambda *a, **k: update(*a, **{**k, "workers": 0}))


@pytest.fixture
def opened(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the page, waits for what is measured beside it, and draws it again."""
    started: list[Survey] = []
    start = Survey.start

    def remember(each: Survey) -> None:
        start(each)
        started.append(each)

    monkeypatch.setattr(Survey, "start", remember)

    def run(**query: str) -> AppTest:
        app = open_page(DATASET, **query)
        for _ in range(2):  # the first round measures, the second looks for faults
            for each in started:
                if each.thread is not None:
                    each.thread.join(60)
            app = app.run()
        return app

    return run


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info")
    return "\n".join(str(each.value) for kind in kinds for each in app.get(kind))


def counts(app: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in app.metric}


def tiles(app: AppTest) -> list[dict[str, str]]:
    """Returns name, label and caption of each tile of the grid."""
    for each in app.get("bidi_component"):
        content = json.loads(each.proto.json)
        if "tiles" in content:
            return [dict(tile) for tile in content["tiles"]]
    return []


def names(app: AppTest) -> list[str]:
    return [tile["name"] for tile in tiles(app)]


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return app.run()


def write_faulty(root: Path) -> None:
    """Six good photos, and one of each: no mask, no photo, unreadable, empty mask, 1 px, wide."""
    write_samples(root)
    rng = np.random.default_rng(1)

    def photo(name: str, height: int = 80, width: int = 120) -> None:
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.jpg")

    def mask(name: str, height: int = 80, width: int = 120, car: bool = True) -> None:
        plane = np.zeros((height, width), bool)
        plane[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = car
        (root / "masks" / f"{name}.png").write_bytes(encode_png(plane))

    photo("lonely_01")
    mask("nobody_01")
    (root / "images" / "broken_01.jpg").write_bytes(b"no picture")
    mask("broken_01")
    photo("empty_01")
    mask("empty_01", car=False)
    photo("dot_01", 1, 1)
    mask("dot_01", 1, 1)
    photo("wide_01", 20, 2000)
    mask("wide_01", 20, 2000)


def test_the_samples_are_there_without_any_data(opened: Open) -> None:
    app = opened()
    assert not app.exception
    assert app.selectbox(key="dataset_choice").options == ["samples"]
    assert counts(app)["Photos"] == "6"
    assert counts(app)["Cars"] == "3"
    assert counts(app)["Views"] == "2"
    assert counts(app)["Size"] == "120 \N{MULTIPLICATION SIGN} 80"
    assert counts(app)["Car share"] == "25.0%"
    assert "Split by car" in texts(app)
    assert len(app.get("plotly_chart")) == 3


@pytest.mark.slow
def test_without_samples_the_page_says_what_is_needed(opened: Open, samples: Path) -> None:
    for path in (samples / "images").iterdir():
        path.unlink()
    app = opened()
    assert not app.exception
    assert counts(app)["Photos"] == "0"
    app = opened(tab="Browse")
    assert not app.exception
    assert not tiles(app)


def test_a_folder_without_a_known_layout_is_an_error_and_another_can_be_chosen(
    opened: Open, tmp_path: Path
) -> None:
    (tmp_path / "foreign").mkdir()
    app = opened(data=str(tmp_path / "foreign"), dataset="foreign")
    assert not app.exception
    assert "images/x.jpg and masks/x.png" in app.error[0].value.replace("\\", "")
    app.selectbox(key="dataset_choice").select("samples")
    app.run()
    assert not app.error
    assert app.query_params["dataset"] == "samples"


def test_folders_come_from_data_environment_command_and_a_typed_path(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data/first", "asked", "named", "typed"):
        write_carvana(tmp_path / name)
    (tmp_path / "data" / "notes").mkdir()
    monkeypatch.setenv("CARMASK_DATA", str(tmp_path / "asked"))
    monkeypatch.setattr(sys, "argv", ["streamlit_app.py", "--data", str(tmp_path / "named")])
    app = opened()
    choice = app.selectbox(key="dataset_choice")
    assert choice.options == ["named", "asked", "samples", "first"]
    assert choice.value == "named", "what was asked for is shown"
    app.text_input(key="folder_text").set_value(str(tmp_path / "typed"))
    app = press(app, "open_folder")
    assert app.selectbox(key="dataset_choice").value == "typed"
    assert app.query_params["data"] == str(tmp_path / "typed")
    assert app.query_params["dataset"] == "typed"
    assert not app.error


def test_the_folder_is_remembered_on_this_machine_while_it_is_there(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_carvana(tmp_path / "typed")
    write_carvana(tmp_path / "asked")
    open_page(DATASET, data=str(tmp_path / "typed"), dataset="typed", inverted="typed")
    app = open_page(DATASET)
    assert app.selectbox(key="dataset_choice").value == "typed"
    assert app.query_params["inverted"] == "typed"
    monkeypatch.setenv("CARMASK_DATA", str(tmp_path / "asked"))
    assert open_page(DATASET).selectbox(key="dataset_choice").value == "asked", "started with it"
    monkeypatch.delenv("CARMASK_DATA")
    open_page(DATASET, data=str(tmp_path / "typed"), dataset="typed")
    shutil.rmtree(tmp_path / "typed")
    app = open_page(DATASET)
    assert app.selectbox(key="dataset_choice").value == "samples"
    assert not app.error and not app.warning and "data" not in app.query_params


@pytest.mark.slow
def test_every_finding_leads_to_its_photos(opened: Open, tmp_path: Path) -> None:
    write_faulty(tmp_path / "faulty")
    app = opened(data=str(tmp_path / "faulty"), dataset="faulty")
    assert not app.exception
    assert "Training would fail" in texts(app)
    shows = [each.key for each in app.button if str(each.key).startswith("show_finding_")]
    assert shows
    for key in shows:
        app = press(opened(data=str(tmp_path / "faulty"), dataset="faulty"), key)
        assert not app.exception
        kind = key.removeprefix("show_finding_")
        assert app.query_params["finding"] == kind
        assert app.session_state["tab"] == "Browse"
        assert tiles(app), kind


@pytest.mark.slow
def test_what_can_not_be_read_is_a_tile_that_says_so(opened: Open, tmp_path: Path) -> None:
    write_faulty(tmp_path / "faulty")
    app = opened(data=str(tmp_path / "faulty"), dataset="faulty", tab="Browse")
    by_name = {tile["name"]: tile for tile in tiles(app)}
    assert len(by_name) == 10
    for name in ("broken_01", "dot_01"):
        assert not by_name[name]["src"]
        assert "Can't be read" in by_name[name]["caption"]
    assert by_name["wide_01"]["src"]
    app = opened(data=str(tmp_path / "faulty"), dataset="faulty", tab="Browse", photo="broken_01")
    assert not app.exception
    assert "holds text, not a picture" in app.error[0].value
    app = press(app, "next_photo")
    assert app.query_params["photo"] == "dot_01"
    assert not app.exception


@pytest.mark.slow
def test_the_grid_is_sorted_and_filtered_by_the_url(opened: Open) -> None:
    app = opened(tab="Browse", sort="Name", down="true")
    assert names(app)[0] == "synth0002_09"
    app = opened(tab="Browse", of_view="09")
    assert names(app) == [f"synth000{car}_09" for car in range(3)]
    app = opened(tab="Browse", name="0001", of_view="01")
    assert names(app) == ["synth0001_01"]
    assert "**1** of 6 photos" in texts(app)
    app = press(app, "without_name")
    assert len(names(app)) == 3
    app = opened(tab="Browse", share=["30", "100"])
    assert not names(app)
    assert "take one away" in app.info[0].value


def test_sides_of_the_split_can_be_filtered(opened: Open) -> None:
    app = opened(tab="Browse", side="Validation")
    val = names(app)
    app = opened(tab="Browse", side="Train")
    assert len(val) == 2
    assert {name.partition("_")[0] for name in val}.isdisjoint(
        name.partition("_")[0] for name in names(app)
    )


def test_a_random_split_is_called_leaky(opened: Open) -> None:
    app = opened(split="Random", val_share="0.5")
    assert "LEAKY" in texts(app)
    app.segmented_control(key="split_choice").set_value("By car")
    app = app.run()
    assert "LEAKY" not in texts(app)
    assert "split" not in app.query_params
    assert app.query_params["val_share"] == "0.5"


def test_a_photo_opens_large_and_leads_to_its_neighbours_and_back(opened: Open) -> None:
    app = opened(tab="Browse", photo="synth0000_09")
    assert "2 of 6" in texts(app)
    facts = app.table[0].value
    known = dict(zip(facts["Fact"], facts["Value"], strict=True))
    assert known["Size"] == "120 \N{MULTIPLICATION SIGN} 80 px"
    assert known["Car share"] == "25.0% of the photo"
    assert len(app.get("image")) == 1
    app = press(app, "next_photo")
    assert app.query_params["photo"] == "synth0001_01"
    app = press(press(app, "previous_photo"), "previous_photo")
    assert app.query_params["photo"] == "synth0000_01"
    assert app.button(key="previous_photo").disabled
    app = press(app, "back")
    assert "photo" not in app.query_params
    assert len(tiles(app)) == 6


def test_a_photo_that_is_not_there_is_no_traceback(opened: Open) -> None:
    app = opened(tab="Browse", photo="nobody")
    assert not app.exception
    assert "no photo nobody" in app.warning[0].value


@pytest.mark.slow
def test_classes_of_coco_can_be_chosen(opened: Open, tmp_path: Path) -> None:
    write_coco(tmp_path / "coco")
    app = opened(data=str(tmp_path / "coco"), dataset="coco")
    assert app.multiselect(key="classes_choice").options == ["person", "car", "truck"]
    assert app.multiselect(key="classes_choice").value == ["car"]
    app = opened(data=str(tmp_path / "coco"), dataset="coco", classes="person")
    assert not app.exception
    assert app.multiselect(key="classes_choice").value == ["person"]
    app.multiselect(key="classes_choice").set_value(["car", "person"])
    app = app.run()
    assert app.query_params["classes"] == ["car", "person"]
    app = opened(data=str(tmp_path / "coco"), dataset="coco", classes="boat")
    assert not app.exception
    assert "boat" in app.error[0].value
    assert counts(app)["Photos"] == "6"


def test_a_class_of_voc_without_a_name_can_be_chosen_by_number(
    opened: Open, tmp_path: Path
) -> None:
    write_voc(tmp_path / "voc")
    app = opened(data=str(tmp_path / "voc"), dataset="voc", classes="40")
    assert not app.exception
    assert app.multiselect(key="classes_choice").value == ["40"]


def test_what_was_taken_for_granted_is_a_finding(opened: Open, tmp_path: Path) -> None:
    write_voc(tmp_path / "voc")
    (tmp_path / "voc" / "labelmap.txt").write_text("".join(f"class{i}\n" for i in range(16)))
    mask = tmp_path / "voc" / "SegmentationClass" / "car0_01.png"
    mask.rename(mask.with_name("CAR0_01.png"))
    app = opened(data=str(tmp_path / "voc"), dataset="voc", classes="class7", tab="Health")
    assert not app.exception
    assert app.button(key="show_finding_loose_names")


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_carvana, write_voc, write_augmented])
def test_every_layout_is_browsed(
    opened: Open, tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "data" / "set")
    app = opened(dataset="set", tab="Browse")
    assert not app.exception
    assert len(tiles(app)) >= 6
    assert not any("Can't" in tile["caption"] for tile in tiles(app))


@pytest.mark.slow
def test_a_rule_for_cars_changes_the_groups(opened: Open) -> None:
    app = opened(rule="(?P<car>synth)")
    assert counts(app)["Cars"] == "1"
    assert "needs 2 or more" in app.info[0].value
    app = opened(rule="(")
    assert not app.exception
    assert app.error
    assert counts(app)["Cars"] == "3"


@pytest.mark.slow
def test_what_was_measured_is_not_measured_again(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    seen: list[object] = []
    monkeypatch.setattr(
        "training.health.index.measure_all", lambda samples, *_: seen.extend(samples) or []
    )
    import streamlit as st

    st.cache_resource.clear()
    app = opened()
    assert counts(app)["Car share"] == "25.0%"
    assert not seen


@pytest.mark.slow
def test_a_large_folder_is_looked_through_by_another_process(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(survey, "_LARGE", 1)
    write_faulty(tmp_path / "faulty")
    app = opened(data=str(tmp_path / "faulty"), dataset="faulty")
    assert not app.exception
    assert "Training would fail" in texts(app)
    assert "Mean of 8 masks" in texts(app)


def test_measuring_can_be_stopped_and_goes_on(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Survey, "start", lambda each: setattr(each, "state", "stopped"))
    app = open_page(DATASET)
    assert "Measured 0 of 6 photos" in texts(app)
    monkeypatch.undo()


def write_street(root: Path, car: int, other: int) -> None:
    """Writes three photos whose masks are of these values."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(3):
        plane = np.full((80, 120), other, np.uint8)
        plane[20:60, 30:90] = car
        Image.fromarray(plane).save(root / "masks" / f"car{number}_01.png")
        noise = np.random.default_rng(number).integers(0, 256, (80, 120, 3), np.uint8)
        (root / "images" / f"car{number}_01.png").write_bytes(encode_png(noise))


def test_class_numbers_are_chosen_in_the_settings(opened: Open, tmp_path: Path) -> None:
    write_street(tmp_path / "street", 26, 7)
    app = opened(data=str(tmp_path / "street"), dataset="street")
    assert not app.exception
    assert "Training would fail" in texts(app)
    assert app.multiselect(key="classes_choice").value == []
    app = opened(data=str(tmp_path / "street"), dataset="street", classes="26")
    assert counts(app)["Car share"] == "25.0%"
    assert app.multiselect(key="classes_choice").value == ["26"]
    assert "Training would fail" not in texts(app)


def test_an_inverted_folder_is_turned_round_in_the_settings(opened: Open, tmp_path: Path) -> None:
    write_street(tmp_path / "wrong", 0, 255)
    app = opened(data=str(tmp_path / "wrong"), dataset="wrong")
    assert "Training would fail" in texts(app)
    app.toggle(key="inverted_choice").set_value(True).run()
    assert app.query_params["inverted"] == "wrong"
    app = opened(data=str(tmp_path / "wrong"), dataset="wrong", inverted="wrong")
    assert counts(app)["Car share"] == "25.0%"
    assert app.toggle(key="inverted_choice").value is True
    assert "Training would fail" not in texts(app)
