"""Presets are whole configurations; what is given beside them wins."""

import pytest

from core.errors import ConfigError
from core.places import PACKAGES
from training.config import field_help
from training.presets import PRESETS, find_preset


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_a_configuration_of_its_own(name: str) -> None:
    preset = PRESETS[name]
    config = preset.config({})
    assert preset.name == name and preset.reason.endswith(".")
    assert preset.settings().keys() <= field_help().keys()
    assert preset.config({"seed": 3, "epochs": 2}).seed == 3
    assert sum(other.config({}) == config for other in PRESETS.values()) == 1


def test_by_name_or_title() -> None:
    paper = find_preset("paper 2015").config({})
    assert find_preset("paper-2015").config({}) == paper == find_preset("Paper 2015").config({})
    wanted = (paper.padding, paper.norm, paper.stem, paper.width, paper.depth)
    assert wanted == ("valid", "none", "plain", 64, 4)
    assert (paper.optimizer, paper.momentum, paper.recipe) == ("sgd", 0.99, "paper")
    point = find_preset("starting-point").config({})
    assert (point.padding, point.norm, point.loss) == ("same", "batch", "bce_dice")
    assert (point.optimizer, point.schedule, point.recipe) == ("adamw", "plateau", "light")
    assert find_preset("best").config({}).stem == "space_to_depth"
    with pytest.raises(ConfigError, match="preset is 'magic'; choose one of: best, quick"):
        find_preset("magic")
    assert (PACKAGES / find_preset("quick").config({}).start_from / "checkpoints").is_dir()
    with pytest.raises(ConfigError, match="width is 0"):
        find_preset("quick").config({"width": 0})


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 amx_bf16 sse", "bf16"),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512_bf16 sse", "auto"),
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512_bf16 sse", "bf16"),
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2", "auto"),
        ("nothing", "auto"),
    ],
)
def test_half_precision_where_the_cpu_is_fast_in_it(
    monkeypatch: pytest.MonkeyPatch, flags: str, precision: str
) -> None:
    monkeypatch.setattr("training.presets.platform.system", lambda: "Linux")
    monkeypatch.setattr("training.presets.Path.read_text", lambda *_, **__: f"cpu\t: 1\n{flags}\n")
    assert find_preset("best").config({}).precision == precision
    monkeypatch.setattr("training.presets.platform.system", lambda: "Darwin")
    assert find_preset("best").config({}).precision == "auto"
