"""Recipes and the table of transforms as data: limits, files and their errors."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError
from training.augment.recipe import ONE_OF, RECIPES, Recipe, Step, find_recipe, load_recipe
from training.augment.step import TRANSFORMS
from training.augment.transform import GROUPS
from training.config import TrainConfig

PARAMETERS = [(t, p) for t in TRANSFORMS.values() for p in t.parameters]


def test_the_table_is_complete() -> None:
    assert len(TRANSFORMS) >= 20
    assert {transform.group for transform in TRANSFORMS.values()} == set(GROUPS)
    for name, transform in TRANSFORMS.items():
        assert transform.name == name and transform.title
        assert transform.summary.endswith(".")
        assert len({p.name for p in transform.parameters}) == len(transform.parameters)


@pytest.mark.parametrize(("transform", "parameter"), PARAMETERS, ids=lambda x: x.name)
def test_defaults_lie_within_the_limits(transform, parameter) -> None:  # type: ignore[no-untyped-def]
    assert parameter.check(parameter.default) == parameter.default
    assert parameter.help.endswith(".")
    if parameter.needs is not None:
        other, value = parameter.needs
        assert transform.parameter(other).check(value) == value
    if parameter.is_range:
        low, high = parameter.low, parameter.high
        assert parameter.check([low, high]) == (low, high)
        for wrong in ([low - 1, high], [low, high + 1], [high, low], [low], low, "x", [None, 1]):
            with pytest.raises(ConfigError, match=parameter.name):
                parameter.check(wrong)


@pytest.mark.parametrize(
    ("kind", "wrong"), [("Affine", {"keep_ratio": 1}), ("Affine", {"border": "pink"})]
)
def test_words_and_switches_are_checked(kind: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"Affine: (keep_ratio|border) is (1|'pink'); it must be"):
        Step(kind, 0.5, tuple(wrong.items()))


@pytest.mark.parametrize("number", [True, "3", 2.5, float("nan"), 1, 13])
def test_whole_numbers_are_whole(number: object) -> None:
    with pytest.raises(ConfigError, match="a whole number from 2 to 12"):
        Step("GridDistortion", 0.5, (("num_steps", number),))


def test_the_recipes_that_ship_say_why() -> None:
    assert list(RECIPES) == ["none", "light", "heavy", "studio", "paper", "robust"]
    for name, recipe in RECIPES.items():
        assert recipe.name == name and recipe.reason.endswith(".")

    def kinds(name: str) -> set[str]:
        return {step.transform for step in RECIPES[name].steps}

    assert kinds("light") < kinds("heavy")
    added = {"HueSaturationValue", "ElasticTransform", "CoarseDropout"}
    assert kinds("heavy") - kinds("light") == added
    assert dict(RECIPES["paper"].steps[0].arguments) == {"displacement": (10.0, 10.0), "grid": 3}


@pytest.mark.parametrize("name", RECIPES)
def test_saved_and_loaded_is_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    RECIPES[name].save(path)
    assert load_recipe(path) == RECIPES[name] == find_recipe(str(path)) == find_recipe(name)
    first = path.read_bytes()
    load_recipe(path).save(path)
    assert path.read_bytes() == first
    assert len({hash(recipe) for recipe in (load_recipe(path), RECIPES[name])}) == 1


def test_the_fingerprint_is_that_of_what_is_done() -> None:
    light = RECIPES["light"]
    assert len({recipe.fingerprint() for recipe in RECIPES.values()}) == len(RECIPES)
    assert replace(light, name="mine", reason="").fingerprint() == light.fingerprint()
    plain, spelled = Step("RandomGamma", 0.5), Step("RandomGamma", 0.5, {"gamma_limit": (80, 120)})  # type: ignore[arg-type]
    assert Recipe("a", "", (plain,)).fingerprint() == Recipe("a", "", (spelled,)).fingerprint()
    other = Step("RandomGamma", 0.4)
    assert Recipe("a", "", (plain,)).fingerprint() != Recipe("a", "", (other,)).fingerprint()


def step(**changes: object) -> dict[str, object]:
    return {"transform": "RandomGamma", "probability": 0.5, "arguments": {}} | changes


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "is not a recipe"),
        ({"name": "x"}, "lacks 'steps'"),
        ({"name": "x", "steps": {}}, "must be a list"),
        ({"name": 3, "steps": []}, "name is 3"),
        ({"name": " ", "steps": []}, "no name"),
        ({"name": "x", "steps": [], "step": 1}, "'step'"),
        ({"name": "x", "steps": [step(), "blur"]}, "Step 2: 'blur' is not a step"),
        ({"name": "x", "steps": [step(transform="Magic")]}, "Step 1: .*'Magic'; choose one of"),
        ({"name": "x", "steps": [step(transform=["a"])]}, "no transform"),
        ({"name": "x", "steps": [step(p=0.5)]}, "'p'"),
        ({"name": "x", "steps": [step(probability=1.5)]}, "probability is 1.5; .* from 0 to 1"),
        ({"name": "x", "steps": [step(probability="often")]}, "'often'"),
        ({"name": "x", "steps": [step(arguments=[1])]}, "arguments is"),
        ({"name": "x", "steps": [step(arguments={"gama": [1, 2]})]}, "'gama'; it has: gamma_limit"),
        ({"name": "x", "steps": [step(arguments={"gamma_limit": [1, 2]})]}, "from 20 to 400"),
        ({"name": "x", "steps": [step(steps=[step()])]}, "can't hold other steps"),
        ({"name": "x", "steps": [{"transform": ONE_OF, "steps": []}]}, "OneOf needs a step"),
        ({"name": "x", "steps": [{"transform": ONE_OF, "steps": 3}]}, "steps is 3"),
        (
            {
                "name": "x",
                "steps": [{"transform": ONE_OF, "arguments": {"n": 1}, "steps": [step()]}],
            },
            "no parameters",
        ),
    ],
)
def test_what_a_hand_got_wrong_is_named(plain: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "hand.json"
    path.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        load_recipe(path)
    assert "hand.json" in str(caught.value)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_recipe(tmp_path / "missing.json")
    (tmp_path / "torn.json").write_text('{"name": "x", "st', encoding="utf-8")
    with pytest.raises(ConfigError, match="no JSON"):
        find_recipe(str(tmp_path / "torn.json"))
    with pytest.raises(ConfigError, match=r"'magic'; choose one of: none, light.*\.json"):
        find_recipe("magic")


def test_a_config_names_a_recipe_or_its_file() -> None:
    for name in RECIPES:
        assert TrainConfig(recipe=name).recipe == name
    # The file is read when it is used; a run whose file is gone can still be shown.
    assert TrainConfig(recipe="gone/mine.json").recipe == "gone/mine.json"
    with pytest.raises(ConfigError, match="magic"):
        TrainConfig(recipe="magic")


def test_a_recipe_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    (tmp_path / "deep.json").write_bytes(deep)
    with pytest.raises(ConfigError):
        load_recipe(tmp_path / "deep.json")
