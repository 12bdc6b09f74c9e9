"""The configuration is declared once; texts and limits come from it."""

from dataclasses import asdict, fields

import pytest

from core.errors import ConfigError
from training.config import TrainConfig, field_help


def test_every_field_has_a_help_text() -> None:
    assert set(field_help()) == {f.name for f in fields(TrainConfig)}
    assert all(text.endswith((".", "off.", "one.")) for text in field_help().values())


def test_json_and_back() -> None:
    config = TrainConfig(data=("a", "b"), epochs=3, recipe="light")
    assert TrainConfig.from_json(asdict(config)) == config
    with pytest.raises(ConfigError, match="magic"):
        TrainConfig.from_json({"magic": 1})


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"size": 16},
        {"recipe": "magic"},
        {"padding": "full"},
        {"norm": "layer"},
        {"val_share": 1.0},
        {"seed": -1},
    ],
)
def test_values_out_of_range_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)  # type: ignore[arg-type]
