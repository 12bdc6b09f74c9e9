"""The network: the paper's figure 1 exactly, and its padded siblings."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.errors import ConfigError, ImageError
from core.model import DoubleConv, UNet, UpConv, copy_and_crop, fold_normalisation

PADDED = UNetConfig(3, 1, width=4, depth=3, padding="same", norm="batch")


def shapes(model: UNet, images: Tensor) -> list[tuple[str, tuple[int, ...]]]:
    """The output shape of each double convolution and up-convolution, in order of their runs."""
    seen: list[tuple[str, tuple[int, ...]]] = []
    for module in model.modules():
        if isinstance(module, DoubleConv | UpConv):
            module.register_forward_hook(
                lambda m, _i, out: seen.append((type(m).__name__, tuple(out.shape[1:])))
            )
    with torch.inference_mode():
        model(images)
    return seen


def convolutions(model: UNet) -> list[nn.Module]:
    """The convolutions of a network, up-convolutions included; the paper counts 23."""
    return [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


@pytest.mark.slow
def test_figure_1_of_the_paper() -> None:
    model = UNet()
    # Ronneberger et al. 2015, figure 1: the numbers beside and above the boxes.
    assert shapes(model, torch.zeros(1, 1, 572, 572)) == [
        ("DoubleConv", (64, 568, 568)),
        ("DoubleConv", (128, 280, 280)),
        ("DoubleConv", (256, 136, 136)),
        ("DoubleConv", (512, 64, 64)),
        ("DoubleConv", (1024, 28, 28)),
        ("UpConv", (512, 56, 56)),
        ("DoubleConv", (512, 52, 52)),
        ("UpConv", (256, 104, 104)),
        ("DoubleConv", (256, 100, 100)),
        ("UpConv", (128, 200, 200)),
        ("DoubleConv", (128, 196, 196)),
        ("UpConv", (64, 392, 392)),
        ("DoubleConv", (64, 388, 388)),
    ]
    assert len(convolutions(model)) == 23
    assert model.final.weight.shape == (2, 64, 1, 1)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert model.config.output_size(572) == 388
    # Counted by hand from the shapes above: weights and biases of all 23 convolutions.
    assert model.parameter_count() == 31_030_658


def test_skip_features_are_cropped_around_their_centre() -> None:
    skip = torch.arange(36.0).reshape(1, 1, 6, 6)
    joined = copy_and_crop(skip, torch.zeros(1, 1, 2, 2))
    assert joined[0, 0].tolist() == [[14.0, 15.0], [20.0, 21.0]]
    assert joined.shape == (1, 2, 2, 2)


@settings(max_examples=15)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    stem=st.sampled_from(["plain", "space_to_depth"]),
    norm=st.sampled_from(["none", "batch", "group", "instance"]),
    up=st.sampled_from(["transposed", "activated", "bilinear"]),
    odd=st.sampled_from(["grow", "zeros"]),
)
def test_padded_takes_any_height_and_width(
    height: int, width: int, stem: str, norm: str, up: str, odd: str
) -> None:
    config = UNetConfig(
        3, 1, 4, 2, "same", norm, stem if odd == "grow" else "plain",
        upsampling=up, narrowing="convs", odd_sides=odd,
    )  # type: ignore[arg-type]  # fmt: skip
    model = UNet(config).eval()
    with torch.inference_mode():
        assert model(torch.randn(2, 3, height, width)).shape == (2, 1, height, width)


@pytest.mark.parametrize("size", [572, 188, 220])
def test_unpadded_sizes(size: int) -> None:
    config = UNetConfig(width=1)
    with torch.inference_mode():
        out = UNet(config)(torch.zeros(1, 1, size, size))
    assert out.shape[-1] == config.output_size(size)


@pytest.mark.parametrize("size", [571, 570, 100, 1])
def test_unpadded_refuses_a_side_and_names_one_that_fits(size: int) -> None:
    with pytest.raises(ImageError, match=str(UNetConfig().fitting_size(size))):
        UNet(UNetConfig(width=1))(torch.zeros(1, 1, 572, size))


@given(st.integers(1, 400), st.integers(1, 4))
def test_fitting_and_covering_sizes_are_the_smallest(size: int, depth: int) -> None:
    config = UNetConfig(width=1, depth=depth)

    def fits(side: int) -> bool:
        try:
            return config.output_size(side) > 0
        except ImageError:
            return False

    fitting = config.fitting_size(size)
    assert fits(fitting) and not any(fits(side) for side in range(size, fitting))
    covering = config.covering_size(size)
    assert config.output_size(covering) >= size
    smaller = [side for side in range(covering) if fits(side)]
    assert not any(config.output_size(side) >= size for side in smaller)


def test_whole_covers_every_pixel_of_an_unpadded_network() -> None:
    model = UNet(UNetConfig(3, 1, width=2, depth=2)).eval()
    with torch.inference_mode():
        for height, width in [(50, 71), (3, 200)]:
            assert model.whole(torch.randn(1, 3, height, width)).shape == (1, 1, height, width)


def test_whole_is_centred() -> None:
    """A network that copies its input's middle proves that no shift creeps in."""
    model = UNet(UNetConfig(1, 1, width=2, depth=1))
    images = torch.randn(1, 1, 33, 41)

    def middle(padded: Tensor) -> Tensor:
        margin = (padded.shape[-1] - model.config.output_size(padded.shape[-1])) // 2
        return padded[:, :, margin:-margin, margin:-margin]

    model.forward = middle  # type: ignore[method-assign]
    assert torch.equal(model.whole(images), images)


def test_space_to_depth_works_on_a_grid_half_as_fine() -> None:
    config = UNetConfig(3, 1, width=4, depth=2, padding="same", norm="batch", stem="space_to_depth")
    seen = shapes(UNet(config).eval(), torch.zeros(1, 3, 64, 64))
    assert seen[0] == ("DoubleConv", (4, 32, 32))
    assert config.multiple == 8


def test_weights_start_as_in_the_paper() -> None:
    torch.manual_seed(0)
    conv = next(m for m in UNet().modules() if isinstance(m, nn.Conv2d) and m.in_channels == 512)
    # Section 3: standard deviation sqrt(2 / N), N = 9 x 512 incoming nodes.
    assert float(conv.weight.detach().std()) == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)


def test_every_weight_learns() -> None:
    model = UNet(PADDED)
    model(torch.randn(2, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("up", ["transposed", "activated"])
@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_folded_normalisations_change_nothing(norm: str, up: str) -> None:
    torch.manual_seed(0)
    model = UNet(UNetConfig(3, 1, width=4, depth=2, padding="same", norm=norm, upsampling=up))  # type: ignore[arg-type]
    for _ in range(3):
        model(torch.randn(4, 3, 32, 32) * 2 + 1)  # gives the statistics something to remember
    model.eval()
    images = torch.randn(2, 3, 40, 32)
    folded = fold_normalisation(model)
    with torch.inference_mode():
        assert torch.allclose(folded(images), model(images), atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert len(convolutions(folded)) == len(convolutions(model))


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"depth": 2.5},
        {"width": 8, "widest": 7},
        {"widest": "wide"},
        {"padding": "full"},
        {"norm": "layer"},
        {"stem": "conv"},
        {"dropout": 1.0},
        {"stem": "space_to_depth"},
        {"upsampling": "nearest"},
        {"narrowing": "pool"},
        {"narrowing": "up", "upsampling": "bilinear"},
        {"odd_sides": "crop"},
        {"odd_sides": "zeros"},
    ],
)
def test_wrong_configurations_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong)).replace("_", ".")):
        UNetConfig(**wrong)  # type: ignore[arg-type]
