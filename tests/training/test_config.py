"""The configuration is declared once; texts and limits come from it."""

import json
import math
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigError
from training.config import TrainConfig, field_choices, field_help, field_limits
from training.data.portions import Portion


def test_every_field_has_a_help_text() -> None:
    assert set(field_help()) == {f.name for f in fields(TrainConfig)}
    assert all(text.endswith((".", "off.", "one.")) for text in field_help().values())


def test_json_and_back() -> None:
    config = TrainConfig(data=("a", "b"), epochs=3, recipe="light", classes=("car", "van"))
    assert TrainConfig.from_json(json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(ConfigError, match="magic"):
        TrainConfig.from_json({"magic": 1})


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": -1},
        {"epochs": 2.5},
        {"epochs": "3"},
        {"epochs": True},
        {"batch": 0},
        {"accumulate": 0},
        {"size": 16},
        {"recipe": "magic"},
        {"recipe": 3},
        {"device": "../../elsewhere"},
        {"device": "cuda:\N{SUPERSCRIPT TWO}"},
        {"classes": ("car", "a\0b")},
        {"padding": "full"},
        {"norm": "layer"},
        {"val_share": 1.0},
        {"learning_rate": math.nan},
        {"learning_rate": "fast"},
        {"momentum": 1.0},
        {"positive_weight": 0.0},
        {"edge_weight": -1.0},
        {"optimizer": "lion"},
        {"schedule": "linear"},
        {"loss": "mse"},
        {"precision": "int8"},
        {"best_by": "recall"},
        {"validate_every": 0},
        {"seed": -1},
        {"split_by": "view"},
        {"split_by": "random", "split": "split.json"},
        {"epochs": 0},
        {"data": "one/folder"},
        {"classes": [1]},
    ],
)
def test_wrong_values_are_named(wrong: dict[str, Any]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=name) as caught:
        TrainConfig(**wrong)
    assert str(value) in str(caught.value) or value == [1]


def test_a_message_says_what_came_and_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match=r"^batch is 5000; it must be a whole number from 1 to"):
        TrainConfig(batch=5000)
    with pytest.raises(ConfigError, match=r"^schedule is 'x'; choose one of: cosine, one_cycle, "):
        TrainConfig(schedule="x")  # type: ignore[arg-type]


def test_limits_and_choices_are_those_that_are_checked() -> None:
    for name, limits in field_limits().items():
        kind = type(getattr(TrainConfig(), name))
        for value in (limits.low, limits.high):
            more = {"minutes": 1.0} if name == "epochs" else {}
            assert getattr(TrainConfig(**{name: kind(value), **more}), name) == value
        with pytest.raises(ConfigError, match=name):
            TrainConfig(**{name: kind(limits.high + 1)})
    numbers = {f.name for f in fields(TrainConfig) if f.type not in ("Text", "Texts")}
    assert numbers == field_limits().keys() | field_choices().keys()
    for name, choices in field_choices().items():
        plain = {"stem": "plain"} if name == "padding" else {}
        for choice in choices:
            assert getattr(TrainConfig(**{name: choice, **plain}), name) == choice


def test_older_runs_keep_their_meaning() -> None:
    root = Path(__file__).resolve().parents[2] / "runs"
    usual = TrainConfig()
    for name, epochs in (("carmask-256", 2), ("carmask-512", 5)):
        values = json.loads((root / name / "config.json").read_text())
        config = TrainConfig.from_json(values)
        assert config.epochs == epochs and config.model.parameter_count() > 1e6
        new = asdict(usual).keys() - values.keys()
        assert all(getattr(config, field) == getattr(usual, field) for field in new)
    today = (usual.optimizer, usual.schedule, usual.loss, usual.precision, usual.best_by)
    assert today == ("adamw", "cosine", "bce_dice", "auto", "dice")
    assert usual.step_images == usual.batch and not usual.model.dropout
    assert not (usual.edge_weight or usual.patience or usual.minutes or usual.images)
    bf16 = TrainConfig.from_json({"precision": "bf16", "recipe": "studio", "epochs": 7})
    assert (bf16.precision, bf16.recipe) == ("bf16", "studio")


def test_a_run_is_extended_and_nothing_else() -> None:
    config = TrainConfig(epochs=3, width=4)
    assert config.extended({"epochs": 5, "minutes": 2.0}) == TrainConfig(
        epochs=5, minutes=2.0, width=4
    )
    assert config.extended({}) == config
    with pytest.raises(ConfigError, match=r"keeps its settings.*not width"):
        config.extended({"epochs": 5, "width": 8})


def test_photos_of_a_folder_can_be_repeated() -> None:
    asked = ("street=12", "a=b=2", "a=b=3:heavy", "street=1:my/own:recipe=1.json")
    assert TrainConfig(repeat=asked).portions == (
        Portion("street", 12),
        Portion("a=b", 2),
        Portion("a=b", 3, "heavy"),
        Portion("street", 1, "my/own:recipe=1.json"),
    )


def test_the_recipe_of_a_repetition_must_be_known() -> None:
    with pytest.raises(ConfigError, match="magic"):
        TrainConfig(repeat=("street=3:magic",))


@pytest.mark.parametrize(
    "wrong",
    ["street", "=3", "street=0", "street=-1", "street=1.5", "street=", "street=2:", "street=20000"],
)
def test_a_wrong_repetition_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="repeat is"):
        TrainConfig(repeat=(wrong,))


@pytest.mark.parametrize("name", ["device", "car_rule", "split", "cars", "start_from"])
@pytest.mark.parametrize("value", ["cpu\0", "cpu\udcff"])
def test_a_text_that_no_command_line_or_json_can_hold_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        TrainConfig(**{name: value})


def test_json_values_keep_their_types() -> None:
    config = TrainConfig.from_json({"data": ["a", "b"], "learning_rate": 1})
    assert config.data == ("a", "b") and type(config.learning_rate) is float
    assert replace(config, epochs=2).data == config.data
    with pytest.raises(ConfigError, match=r"^classes is \['car', 1\]; it must be a list of texts"):
        TrainConfig(classes=["car", 1])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"^magic is 3; there is no such setting"):
        TrainConfig(magic=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"^momentum is inf; it must be a number from 0.0"):
        TrainConfig(momentum=math.inf)
