"""The count of parameters is that of the network itself."""

import pytest

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


def test_parameter_count_of_the_paper() -> None:
    assert UNetConfig().parameter_count() == 31_030_658  # figure 1, grey in, two classes out
