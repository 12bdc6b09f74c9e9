from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError, ImageError
from core.image import encode_png
from core.listing.pictures import read_picture
from core.listing.recipe import (
    ListingRecipe,
    PhotoException,
    find_recipe,
    load_recipe,
    presets,
    read_recipe,
)
from core.listing.steps import STEPS, Background, CutOut, Output, Place, Plate, Shadow

WHITE = {"step": "background", "kind": "colour", "colour": "#FFFFFF"}


def plain(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 1, "name": "mine", "steps": list(steps), **more}


@pytest.fixture
def red_picture(tmp_path: Path) -> Path:
    path = tmp_path / "yard.png"
    path.write_bytes(encode_png(np.full((40, 60, 3), (200, 10, 10), np.uint8)))
    return path


@pytest.mark.parametrize("name", presets())
def test_presets_name_a_source_and_a_size(name: str) -> None:
    preset = presets()[name]
    assert preset.name == name
    assert len(preset.note) > 40
    assert preset == read_recipe(preset.to_json(), None)
    if name != "transparent":
        assert preset.get(Output).frame(1000, 700)[0] >= 1000


def test_six_marketplaces_and_print_ship() -> None:
    dated = [name for name, each in presets().items() if "2026-" in each.note]
    assert len(dated) >= 6
    assert sum(each.get(Output).dpi == 300 for each in presets().values()) >= 1


def test_a_recipe_comes_back_from_its_file(tmp_path: Path) -> None:
    recipe = ListingRecipe(
        "mine",
        "why",
        (CutOut(threshold=0.4), Plate(box=(0.1, 0.2, 0.3, 0.4)), Place(), Background(), Output()),
        {"a.jpg": PhotoException(skip=True), "b.jpg": PhotoException(steps=(Shadow(opacity=0.1),))},
    )
    recipe.save(tmp_path / "mine.json")
    assert load_recipe(tmp_path / "mine.json") == recipe
    assert find_recipe(str(tmp_path / "mine.json")) == recipe


@pytest.mark.parametrize(
    ("wrong", "known"),
    [
        ([], "version"),
        ({"name": "x", "steps": []}, "version 1"),
        ({"version": 7, "name": "x", "steps": []}, "version 1"),
        (plain({"step": "hologram"}), "shadow"),
        (plain({"step": "shadow", "darkness": 1}), "softness"),
        (plain({"step": "shadow", "opacity": 1.5}), "opacity"),
        (plain({"step": "shadow", "opacity": "strong"}), "opacity"),
        (plain({"step": "shadow", "opacity": float("nan")}), "opacity"),
        (plain({"step": "background", "colour": "red"}), "colour"),
        (plain({"step": "background", "kind": "picture"}), "picture"),
        (plain({"step": "plate", "box": [0.5, 0.1, 0.2, 0.3]}), "left"),
        (plain({"step": "output", "name": "same"}), "{number}"),
        (plain({"step": "output", "name": "{name.x}"}), "{number}"),
        (plain({"step": "output", "format": "jpeg"}), "background"),
        (plain({"step": "output"}, {"step": "cut_out"}), "order"),
        (plain(WHITE, WHITE), "twice"),
        (plain(moods=1), "photos"),
        (plain(photos={"a.jpg": {"skip": 1}}), "a.jpg"),
        (plain(photos={"a.jpg": {"steps": [{"step": "hologram"}]}}), "hologram"),
        ({"version": 1, "name": " ", "steps": []}, "name"),
        ({"version": 1, "name": "x", "steps": {}}, "list"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_known(wrong: Any, known: str) -> None:
    with pytest.raises(ConfigError, match=known.replace("{", r"\{")):
        read_recipe(wrong, None)


def test_an_unknown_preset_names_those_that_ship() -> None:
    with pytest.raises(ConfigError, match="ebay"):
        find_recipe("craigslist")
    with pytest.raises(ConfigError, match="can't be read"):
        find_recipe("nowhere.json")


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ConfigError, match="no JSON"):
        load_recipe(tmp_path / "x.json")


def test_an_exception_changes_what_it_names_and_no_more() -> None:
    recipe = ListingRecipe(
        "mine",
        steps=(Background(kind="room", colour="#111111"), Output(format="jpeg")),
        photos={
            "a.jpg": read_recipe(
                plain(
                    photos={
                        "a.jpg": {
                            "steps": [
                                {"step": "background", "colour": "#222222"},
                                {"step": "plate", "box": [0, 0, 1, 1]},
                            ]
                        }
                    }
                ),
                None,
            ).photos["a.jpg"]
        },
    )
    changed = recipe.for_photo("a.jpg")
    assert changed.get(Background) == Background(kind="room", colour="#222222")
    assert changed.get(Plate).box == (0, 0, 1, 1)
    assert recipe.for_photo("b.jpg").steps == recipe.steps
    assert [step.step for step in changed.steps] == ["plate", "background", "output"]


def test_a_saved_recipe_holds_its_pictures(tmp_path: Path, red_picture: Path) -> None:
    kind = {"step": "background", "kind": "picture", "picture": red_picture.name}
    recipe = read_recipe(plain(kind), tmp_path)
    assert recipe.get(Background).picture == str(red_picture)
    shared = read_recipe(json.loads(recipe.to_bytes()), None)
    red_picture.unlink()
    assert abs(read_picture(shared.get(Background).picture).mean((0, 1)) - (200, 10, 10)).max() < 6


def test_a_recipe_of_somebody_else_reads_no_file() -> None:
    kind = {"step": "background", "kind": "picture", "picture": "/etc/hostname"}
    with pytest.raises(ConfigError, match="not in the recipe"):
        read_recipe(plain(kind), None)


def test_the_fingerprint_follows_the_pictures_content(tmp_path: Path, red_picture: Path) -> None:
    recipe = read_recipe(
        plain({"step": "background", "kind": "picture", "picture": "yard.png"}), tmp_path
    )
    before = recipe.fingerprint()
    assert before == recipe.fingerprint()
    red_picture.write_bytes(encode_png(np.zeros((40, 60, 3), np.uint8)))
    assert recipe.fingerprint() != before


@pytest.mark.parametrize("name", ["data:image/png,xx", "data:image/png;base64,!!", "gone.png"])
def test_a_picture_that_can_not_be_read_is_named(name: str) -> None:
    with pytest.raises(ImageError, match="picture"):
        read_picture(name)


def test_steps_are_kept_in_their_order() -> None:
    recipe = ListingRecipe("mine").with_step(Output()).with_step(Place()).with_step(CutOut())
    assert [step.step for step in recipe.steps] == ["cut_out", "place", "output"]
    assert recipe.without_step("place").find(Place) is None
    assert next(iter(STEPS)) == "cut_out" and list(STEPS)[-1] == "output"
