"""The counts of parameters and of multiplications are those of the network itself."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from core.architecture import UNetConfig
from core.model import UNet


@pytest.mark.parametrize("stem", ["plain", "space_to_depth"])
@pytest.mark.parametrize("norm", ["none", "batch", "group", "instance"])
def test_parameter_count(norm: str, stem: str) -> None:
    for width, depth in ((4, 1), (6, 3)):
        config = UNetConfig(3, 1, width, depth, "same", norm, stem)  # type: ignore[arg-type]
        assert config.parameter_count() == UNet(config).parameter_count()


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(
    ("up", "narrowing"),
    [("transposed", "convs"), ("activated", "up"), ("activated", "convs"), ("bilinear", "convs")],
)
def test_parameter_count_of_other_ways_up(up: str, narrowing: str, norm: str) -> None:
    for width, depth in ((4, 1), (6, 3)):
        config = UNetConfig(3, 1, width, depth, "same", norm, upsampling=up, narrowing=narrowing)  # type: ignore[arg-type]
        assert config.parameter_count() == UNet(config).parameter_count()


@pytest.mark.parametrize("ways", [{}, {"upsampling": "bilinear", "narrowing": "convs"}])
def test_no_level_is_wider_than_the_widest(ways: dict[str, Any]) -> None:
    config = UNetConfig(3, 1, 4, 4, "same", "batch", widest=10, **ways)
    assert config.contracting_widths() == [4, 8, 10, 10, 10]
    assert config.parameter_count() == UNet(config).parameter_count()
    assert UNet(config)(torch.zeros(1, 3, 32, 48)).shape == (1, 1, 32, 48)
    unlimited = UNetConfig(3, 1, 4, 4, "same", "batch", **ways)
    wide_enough = UNetConfig(3, 1, 4, 4, "same", "batch", widest=64, **ways)
    assert unlimited.contracting_widths() == wide_enough.contracting_widths()


def test_parameter_count_of_the_paper() -> None:
    assert UNetConfig().parameter_count() == 31_030_658  # figure 1, grey in, two classes out


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": "valid"},
        {"norm": "batch", "stem": "space_to_depth"},
        {"upsampling": "activated", "norm": "batch"},
        {"widest": 9},
        {"widest": 9, "narrowing": "convs"},
        {"narrowing": "convs", "odd_sides": "zeros"},
        {"upsampling": "bilinear", "narrowing": "convs", "odd_sides": "zeros"},
        {"upsampling": "bilinear", "narrowing": "convs"},
    ],
)
def test_multiply_adds_are_half_of_what_torch_counts(settings: dict[str, Any]) -> None:
    for depth in (1, 3):
        config = UNetConfig(3, 1, width=4, depth=depth, **{"padding": "same", **settings})
        network = UNet(config).eval()
        for height, width in ((32, 48), (37, 51), (9, 70), (3, 3)):
            with FlopCounterMode(display=False) as counted, torch.inference_mode():
                network.whole(torch.zeros(1, 3, height, width))
            assert 2 * config.multiply_adds(height, width) == counted.get_total_flops()
