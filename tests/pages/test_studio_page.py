from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.image import encode_png
from core.listing.recipe import ListingRecipe, load_recipe
from core.listing.steps import Background, CutOut, Output, Place, Plate, Shadow
from core.predict import Mirrored, Prediction
from tests.core.listing_cars import boxy_car
from tests.pages.untrained import write_checkpoint

Open = Callable[..., AppTest]
STUDIO = "pages/studio.py"
SAMPLE = "synth0001_09"


@pytest.fixture(autouse=True)
def _red_is_car(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that finds what is red."""

    def predict(self: Mirrored, image: np.ndarray[Any, Any]) -> Prediction:
        red = (image[..., 0] > 150) & (image[..., 1] < 80)
        return Prediction(red.astype(np.float32), 0.001, "one")

    monkeypatch.setattr(Mirrored, "predict", predict)


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "samples"
    image, mask = boxy_car()
    for kind, picture in (("images", image), ("masks", mask)):
        (folder / kind).mkdir(parents=True)
        (folder / kind / f"{SAMPLE}.png").write_bytes(encode_png(picture))
    (folder / "images" / f"{SAMPLE}.png").rename(folder / "images" / f"{SAMPLE}.jpg")
    monkeypatch.setenv("CARMASK_SAMPLES", str(folder))
    return folder


@pytest.fixture
def opened(open_page: Open, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    write_checkpoint(runs, "one")
    monkeypatch.setenv("CARMASK_LISTINGS", str(tmp_path / "listings"))
    return lambda **query: open_page(STUDIO, **query)


def upload(app: AppTest, count: int = 3) -> AppTest:
    photos = [
        (f"car{n}.png", encode_png(boxy_car(left=50 + 10 * n)[0]), "image/png")
        for n in range(count)
    ]
    next(each for each in app.file_uploader if each.key.startswith("files_")).set_value(photos)
    return app.run()


def recipe_of(app: AppTest) -> ListingRecipe:
    found: ListingRecipe = app.session_state["studio_recipe"].recipe
    return found


def widget(app: AppTest, kind: str, end: str) -> Any:
    return next(each for each in app.get(kind) if each.key and each.key.endswith(end))


def test_without_photos_it_offers_the_ways_to_bring_them(opened: Open) -> None:
    app = opened()
    assert not app.exception
    assert app.file_uploader and not app.get("image")


def test_a_sample_becomes_a_picture_by_the_preset_of_the_link(opened: Open) -> None:
    app = opened(sample=SAMPLE, preset="ebay")
    assert not app.exception and not app.error
    assert len(app.get("image")) == 1
    assert recipe_of(app).name == "ebay"


def test_a_change_is_in_the_link_and_comes_back_with_it(opened: Open) -> None:
    app = opened(sample=SAMPLE, preset="ebay")
    widget(app, "selectbox", "background_kind").set_value("gradient").run()
    widget(app, "slider", "shadow_opacity").set_value(0.1).run()
    assert not app.exception
    assert recipe_of(app).get(Background).kind == "gradient"
    again = opened(sample=SAMPLE, preset="ebay", changes="".join(app.query_params["changes"]))
    assert recipe_of(again) == recipe_of(app)
    assert not again.warning


@pytest.mark.parametrize(
    "query",
    [
        {"preset": "no such"},
        {"changes": "{"},
        {"changes": "[]"},
        {"changes": '{"shadow": 3}'},
        {"changes": '{"shadow": {"opacity": 9}}'},
        {"changes": '{"hologram": {}}'},
        {"changes": '{"background": {"kind": "picture", "picture": "/etc/hostname"}}'},
        {"changes": '{"output": {"name": "{0.__class__}"}}'},
    ],
)
def test_a_hostile_link_is_left_aside_and_named(opened: Open, query: dict[str, str]) -> None:
    app = opened(sample=SAMPLE, **query)
    assert not app.exception
    assert len(app.warning) == 1
    assert len(app.get("image")) == 1


def test_an_exception_is_for_one_photo_alone(opened: Open) -> None:
    app = upload(opened())
    assert not app.exception
    app.segmented_control(key="studio_scope").set_value("This photo").run()
    widget(app, "color_picker", "background_colour").set_value("#0000FF").run()
    widget(app, "toggle", "reflection_on")
    recipe = recipe_of(app)
    assert list(recipe.photos) == ["car0.png"]
    assert recipe.for_photo("car0.png").get(Background).colour == "#0000FF"
    assert recipe.get(Background).colour != "#0000FF"
    widget(app, "toggle", "_skip").set_value(True).run()
    assert recipe_of(app).skips("car0.png")
    assert "2 pictures" in widget(app, "button", "studio_make").label
    widget(app, "button", "_forget").click().run()
    assert not app.exception
    assert not recipe_of(app).photos


def test_own_settings_that_do_not_fit_another_recipe_are_dropped_by_name(opened: Open) -> None:
    app = upload(opened())
    app.segmented_control(key="studio_scope").set_value("This photo").run()
    widget(app, "selectbox", "background_kind").set_value("transparent").run()
    assert recipe_of(app).photos
    preset = next(each for each in app.selectbox if str(each.key).startswith("studio_preset"))
    preset.set_value("ebay").run()  # a jpeg, which has no transparency
    assert not app.exception
    assert not recipe_of(app).photos
    assert len(app.warning) == 1 and "car0" in app.warning[0].value


def test_pictures_of_ones_own_lie_in_a_folder(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_PICTURES", str(tmp_path / "pictures"))
    (tmp_path / "pictures").mkdir()
    yard = tmp_path / "pictures" / "yard.png"
    yard.write_bytes(encode_png(np.full((40, 60, 3), (10, 200, 10), np.uint8)))
    app = opened(sample=SAMPLE)
    widget(app, "selectbox", "background_kind").set_value("picture").run()
    assert not app.exception
    widget(app, "selectbox", "background_picture_own").set_value("yard.png").run()
    assert not app.exception
    assert recipe_of(app).get(Background).picture == str(yard)
    yard.write_bytes(b"no picture")
    app.run()
    assert not app.exception
    assert any("yard" in each.value for each in app.error)


def test_a_plate_is_boxed_photo_by_photo(opened: Open) -> None:
    app = upload(opened())
    widget(app, "toggle", "plate_on").set_value(True).run()
    assert any("NOT" in each.value for each in app.caption)
    widget(app, "toggle", "box_drawn").set_value(True).run()
    widget(app, "slider", "box_across").set_value((0.3, 0.5)).run()
    assert not app.exception
    plate = recipe_of(app).for_photo("car0.png").get(Plate)
    assert plate.box is not None and plate.box[::2] == (0.3, 0.5)
    assert recipe_of(app).get(Plate).box is None


def test_a_series_is_measured_before_its_pictures_are_made(opened: Open) -> None:
    app = upload(opened(preset="spin"))
    assert not [each for each in app.button if each.key == "studio_make"]
    app.button(key="studio_measure").click().run()
    app.run()
    assert not app.exception
    assert [each for each in app.button if each.key == "studio_make"]


def test_all_pictures_become_one_zip(opened: Open) -> None:
    app = upload(opened(preset="ebay"))
    app.button(key="studio_make").click().run()
    batch = app.session_state["studio_batch"]
    until = time.monotonic() + 60
    while time.monotonic() < until and len(batch.results) < 3:
        time.sleep(0.05)
    time.sleep(0.2)
    app.run()
    assert not app.exception
    assert [each.row.error for each in batch.results.values()] == [""] * 3
    assert any("studio_zip" in each.proto.id for each in app.get("download_button"))
    names = sorted(done.row.stem for done in batch.results.values())
    assert names == ["car0_listing", "car1_listing", "car2_listing"]


def test_a_photo_without_a_car_says_so(opened: Open) -> None:
    app = opened()
    grey = encode_png(np.full((80, 120, 3), 90, np.uint8))
    uploader = next(each for each in app.file_uploader if each.key.startswith("files_"))
    uploader.set_value([("grey.png", grey, "image/png")]).run()
    assert not app.exception
    assert app.warning and not app.get("image")


def test_own_recipes_are_loaded_saved_and_listed(opened: Open, tmp_path: Path) -> None:
    app = opened(sample=SAMPLE)
    own = ListingRecipe(
        "mine", "", (CutOut(), Place(), Background(kind="colour"), Shadow(), Output(width=300))
    )
    uploader = app.file_uploader(key="studio_upload")
    uploader.set_value([("mine.json", own.to_bytes(), "application/json")]).run()
    assert not app.exception
    assert recipe_of(app).steps == own.steps
    next(each for each in app.text_input if each.label == "Recipe name").set_value("mine 2")
    next(each for each in app.button if each.label == "Save").click().run()
    assert not app.exception and not app.error
    assert load_recipe(tmp_path / "listings" / "mine 2.json").steps == own.steps
    assert recipe_of(opened(sample=SAMPLE, preset="mine 2")).steps == own.steps


@pytest.mark.parametrize(
    "content", [b"{", json.dumps({"version": 9, "name": "x", "steps": []}).encode()]
)
def test_a_broken_recipe_is_named_and_the_old_one_stays(opened: Open, content: bytes) -> None:
    app = opened(sample=SAMPLE)
    before = recipe_of(app)
    app.file_uploader(key="studio_upload").set_value([("x.json", content, "application/json")])
    app.run()
    assert not app.exception
    assert len(app.warning) == 1 and "x" in app.warning[0].value
    assert recipe_of(app) == before
