"""Every transform of the table at both limits of every parameter."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError
from core.image import encode_png
from training.augment.compose import Augmenter, strip, strip_values
from training.augment.recipe import Recipe, Step
from training.augment.step import TRANSFORMS
from training.augment.transform import Parameter, Transform

SHAPE = (60, 90)


def pair() -> tuple[np.ndarray, np.ndarray]:
    """A red car on blue, so that the photo tells where its mask must be."""
    mask = np.zeros(SHAPE, bool)
    mask[20:45, 25:70] = True
    image = np.where(mask[..., None], (230, 60, 60), (60, 60, 230)).astype(np.uint8)
    return image, mask


@pytest.fixture(scope="module")
def backgrounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backgrounds")
    for number in range(3):
        rng = np.random.default_rng(number)
        noise = rng.integers(40, 80, (70, 110, 3), dtype=np.uint8) + np.uint8([0, 0, 160])
        (folder / f"b{number}.png").write_bytes(encode_png(noise))
    return folder


def extremes(parameter: Parameter) -> list[Any]:
    ends = strip_values(parameter, 2)
    return [(end, end) for end in ends] if parameter.is_range else ends


CASES = [(t, None, None) for t in TRANSFORMS.values()]
CASES += [
    (t, p, value)
    for t in TRANSFORMS.values()
    for p in t.parameters
    if p.kind != "folder"
    for value in extremes(p)
]


def named(x: Any) -> str:
    return x.name if isinstance(x, (Transform, Parameter)) else str(x)


@pytest.mark.slow
@pytest.mark.parametrize(("transform", "parameter", "value"), CASES, ids=named)
def test_masks_stay_binary_and_aligned(
    transform: Transform, parameter: Parameter | None, value: Any, backgrounds: Path
) -> None:
    arguments = transform.defaults()  # all of them, so that none is unknown to what is built
    if "backgrounds" in arguments:
        arguments["backgrounds"] = str(backgrounds)
    if parameter is not None:
        arguments |= dict([parameter.needs] if parameter.needs else []) | {parameter.name: value}
    step = Step(transform.name, 1.0, tuple(arguments.items()))
    augment = Augmenter(Recipe("one", "", (step,)), None)
    image, mask = pair()
    for index in range(3):
        traced = augment.traced(image, mask, seed=0, epoch=1, index=index)
        out, moved = traced.image, traced.mask
        assert [applied.transform for applied in traced.applied] == [transform.name]
        assert out.dtype == np.uint8 and moved.dtype == np.bool_
        assert out.shape == (*moved.shape, 3) and sorted(moved.shape) == sorted(SHAPE)
        assert set(np.unique(moved.view(np.uint8))) <= {0, 1}
        if transform.moves_mask:
            seen = out[..., 0].astype(int) > out[..., 2]
            assert (seen == moved).mean() > 0.96, "mask and photo moved apart"
        else:
            assert np.array_equal(moved, mask)
    assert np.array_equal(image, pair()[0]) and np.array_equal(mask, pair()[1])


def test_what_moves_the_mask_says_so() -> None:
    image, mask = pair()
    for transform in TRANSFORMS.values():
        if transform.name == "Composite":
            continue
        augment = Augmenter(Recipe("one", "", (Step(transform.name, 1.0),)), None)
        outs = [augment(image, mask, seed=0, epoch=1, index=i)[1] for i in range(8)]
        assert any(not np.array_equal(out, mask) for out in outs) == transform.moves_mask


def test_a_strip_goes_from_limit_to_limit() -> None:
    image, mask = pair()
    stills = strip("Affine", "scale_y", image, mask, 4, seed=0)
    assert [value for value, _, _ in stills] == [0.3, 1.2, 2.1, 3.0]
    heights = [int(moved.any(axis=1).sum()) for _, _, moved in stills]
    assert heights == sorted(set(heights)) and heights[0] < 12
    bright = strip("RandomBrightnessContrast", "brightness_limit", image, mask, 5, seed=1)
    means = [out.mean() for _, out, _ in bright]
    assert means == sorted(means) and means[0] < means[-1]
    assert all(np.array_equal(moved, mask) for _, _, moved in bright)
    again = strip("RandomBrightnessContrast", "brightness_limit", image, mask, 5, seed=1)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(bright, again, strict=True))


def test_strips_of_other_kinds(backgrounds: Path) -> None:
    image, mask = pair()

    def values(transform: str, parameter: str, **arguments: Any) -> list[Any]:
        stills = strip(transform, parameter, image, mask, 3, seed=0, arguments=arguments)
        return [still.value for still in stills]

    assert values("Affine", "keep_ratio") == [False, True]
    assert values("Affine", "border") == ["replicate", "reflect", "black"]
    assert values("CoarseElastic", "grid") == [2, 5, 8]
    assert values("Composite", "shadow", backgrounds=str(backgrounds)) == [0.0, 0.5, 1.0]
    assert all(product(values("GaussianBlur", "blur_limit")))
    with pytest.raises(ConfigError, match="is a folder"):
        values("Composite", "backgrounds")
    with pytest.raises(ConfigError, match="'size'; it has: none"):
        values("ToGray", "size")
    with pytest.raises(ConfigError, match="strip of 1"):
        strip("RandomGamma", "gamma_limit", image, mask, 1, seed=0)
