"""The Augment tab of the Dataset page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.dataset.applied_text import TIMES
from training.augment.recipe import RECIPES, Recipe, load_recipe
from training.augment.step import Step, find_transform
from training.config import TrainConfig
from training.data.folder import open_datasets
from training.data.splits import split_by_car
from training.runs.runlog import create_run

Open = Callable[..., AppTest]


def captions(app: AppTest) -> list[str]:
    return [each.value for each in app.caption]


def versions(app: AppTest) -> list[str]:
    return [text for text in captions(app) if text.startswith("**Epoch")]


def jpegs(app: AppTest) -> list[str]:
    return [each.proto.imgs[0].url for each in app.get("image")]


def test_a_photo_stands_beside_eight_versions_with_what_was_done(studio: Open) -> None:
    app = studio(recipe="robust")
    assert not app.exception
    assert len(jpegs(app)) == 9
    told = versions(app)
    assert [text.split("**")[1] for text in told] == [f"Epoch {epoch}" for epoch in range(1, 9)]
    assert any("Affine" in text and "scale" in text for text in told)
    assert any(RECIPES["robust"].reason.split()[0] in text for text in captions(app))


def test_seed_epoch_photo_and_number_are_in_the_url(studio: Open) -> None:
    app = studio(seed="7", epoch="3", count="4", image="synth0001_09", recipe="heavy")
    assert app.number_input(key="seed").value == 7
    assert [text.split("**")[1] for text in versions(app)] == [f"Epoch {e}" for e in (3, 4, 5, 6)]
    assert app.selectbox(key="image").value == "synth0001_09"
    assert app.selectbox(key="recipe").value == "heavy"


def test_the_same_choices_give_the_same_pictures_and_another_seed_others(studio: Open) -> None:
    app = studio(recipe="heavy")
    before = jpegs(app)
    app.number_input(key="seed").set_value(1).run()
    other = jpegs(app)
    assert other[0] == before[0], "the photo itself does not change"
    assert other[1:] != before[1:]
    app.number_input(key="seed").set_value(0).run()
    assert jpegs(app) == before


def test_next_and_previous_photo(studio: Open) -> None:
    app = studio()
    app.button(key="next_image").click().run()
    assert app.selectbox(key="image").value == "synth0000_09"
    app.button(key="previous_image").click().run()
    app.button(key="previous_image").click().run()
    assert app.selectbox(key="image").value == "synth0000_01", "the first one is the end"


def test_a_part_of_a_name_finds_a_photo_and_a_wrong_one_is_told(studio: Open) -> None:
    assert len(versions(studio(image="0002_"))) == 8
    app = studio(image="nowhere")
    assert "nowhere" in app.warning[0].value
    assert not app.exception


def test_an_unknown_recipe_is_told(studio: Open) -> None:
    app = studio(recipe="lost")
    assert any("lost" in each.value for each in app.warning)
    assert len(versions(app)) == 8


def test_masks_are_tried_on_demand(studio: Open) -> None:
    app = studio(recipe="none")
    assert not any("lost the whole car" in each.value for each in app.markdown)
    app.button(key="health").click().run()
    assert any("None of 50 samples lost the whole car" in each.value for each in app.markdown)


def test_a_copy_is_changed_and_the_preview_follows_at_once(studio: Open) -> None:
    app = studio(recipe="none", edit="true")
    assert all("unchanged" in text for text in versions(app))
    app.button(key="copy_recipe").click().run()
    assert app.selectbox(key="recipe").value == "my_none"
    app.selectbox(key="recipe_add").set_value("VerticalFlip").run()
    app.button(key="recipe_add_button").click().run()
    slider = next(each for each in app.slider if each.label == "How often")
    assert slider.value == 0.5
    slider.set_value(1.0).run()
    assert all("Mirror top and bottom" in text for text in versions(app))
    assert not app.exception


@pytest.mark.slow
def test_steps_move_join_part_and_go(studio: Open) -> None:
    app = studio(recipe="light", edit="true")
    app.button(key="copy_recipe").click().run()

    def titles() -> list[str]:
        return [each.label for each in app.expander if each.label[0].isdigit()]

    def press(label: str, place: int) -> None:
        [each for each in app.button if each.label == label][place].click().run()
        assert not app.exception

    first, second = titles()[0][3:], titles()[1][3:]
    press("Down", 0)
    assert [each[3:] for each in titles()[:2]] == [second, first]
    count = len(titles())
    press("Join next", 0)
    assert len(titles()) == count - 1
    assert titles()[0].startswith("1. One of\\: ")
    press("Take apart", 0)
    assert len(titles()) == count
    press("Remove", 0)
    assert len(titles()) == count - 1


@pytest.mark.slow
def test_a_recipe_is_saved_and_found_again(studio: Open, recipes: Path) -> None:
    app = studio(recipe="light", edit="true")
    app.button(key="copy_recipe").click().run()
    app.text_input(key="recipe_name").set_value("gentle").run()
    assert app.selectbox(key="recipe").value == "gentle"
    app.button(key="recipe_save").click().run()
    saved = load_recipe(recipes / "gentle.json")
    assert saved.fingerprint() == RECIPES["light"].fingerprint()
    assert app.button(key="recipe_save").disabled
    again = studio(recipe="gentle")
    assert again.selectbox(key="recipe").value == "gentle"
    assert len(versions(again)) == 8


def test_a_name_that_is_taken_or_no_name_is_told_and_nothing_is_lost(studio: Open) -> None:
    app = studio(recipe="light", edit="true")
    app.button(key="copy_recipe").click().run()
    for name, message in (("heavy", "already"), ("a b", "can't be a name")):
        app.text_input(key="recipe_name").set_value(name).run()
        assert any(message in each.value for each in app.error)
        assert app.selectbox(key="recipe").value == "my_light"
        assert app.text_input(key="recipe_name").value == "my_light"


def test_a_recipe_is_uploaded(studio: Open) -> None:
    app = studio(edit="true")
    recipe = Recipe("upside down", "For bats.", (Step("VerticalFlip", 1.0),))
    content = json.dumps(recipe.to_json()).encode()
    app.get("file_uploader")[0].upload("bats.json", content, "application/json").run()
    assert app.selectbox(key="recipe").value == "upside_down"
    assert all("Mirror top and bottom" in text for text in versions(app))


def test_a_wrong_upload_is_told_and_the_recipe_stays(studio: Open) -> None:
    app = studio(edit="true", recipe="paper")
    wrong = b'{"name": "x", "steps": [{"transform": "Affine", "arguments": {"rotat": [1, 2]}}]}'
    app.get("file_uploader")[0].upload("x.json", wrong, "application/json").run()
    assert "Step 1" in app.error[0].value
    assert app.selectbox(key="recipe").value == "paper"


def test_a_saved_recipe_that_is_broken_is_named(studio: Open, recipes: Path) -> None:
    recipes.mkdir()
    (recipes / "torn.json").write_text('{"name": "to', encoding="utf-8")
    app = studio(edit="true")
    assert any("torn" in each.value for each in app.warning)
    assert len(versions(app)) == 8


def test_a_strip_goes_from_the_lowest_to_the_highest_limit(studio: Open) -> None:
    app = studio(studio="Strip", transform="Gamma")
    assert not app.exception
    assert len(jpegs(app)) == 9
    limits = find_transform("RandomGamma").parameter("gamma_limit")
    values = [text.strip("*") for text in captions(app)[-9:]]
    assert (values[0], values[-1]) == (f"{limits.low:g}", f"{limits.high:g}")


def test_a_composite_asks_for_its_backgrounds(studio: Open, samples: Path) -> None:
    app = studio(studio="Strip", transform="Another background")
    assert "Name a folder" in app.info[0].value
    app.text_input(key="backgrounds").set_value(str(samples / "images")).run()
    assert len(jpegs(app)) == 9
    app.text_input(key="backgrounds").set_value(str(samples / "nothing")).run()
    assert "nothing" in app.error[0].value
    assert not app.exception


def test_without_a_run_the_network_view_says_so(studio: Open) -> None:
    app = studio(studio="Network")
    assert "no run yet" in app.info[0].value


def test_the_network_view_shows_a_sample_of_a_run(
    studio: Open, runs: Path, samples: Path, tmp_path: Path
) -> None:
    config = TrainConfig(data=(str(samples),), size=64, batch=2)
    with create_run(runs, "first", config) as log:
        log.write_config({}, split_by_car(open_datasets([samples]), 0.15, 0))
    app = studio(studio="Network", run="first", epoch="2", index="3")
    assert not app.exception
    text = "\n".join(each.value for each in app.markdown)
    assert f"3 {TIMES} 64 {TIMES} 64 float32" in text
    assert "in epoch 2" in text
    assert len(jpegs(app)) == 3


def test_a_run_whose_data_are_gone_says_which(studio: Open, runs: Path, samples: Path) -> None:
    config = TrainConfig(data=("somewhere/else",), size=64)
    with create_run(runs, "first", config) as log:
        log.write_config({}, split_by_car(open_datasets([samples]), 0.15, 0))
    app = studio(studio="Network")
    assert "else" in app.error[0].value
    assert "not here" in app.error[0].value
