"""The predictor: numpy in, numpy out, and a photo's result depends on nothing beside it."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.device import resolve_device
from core.errors import CheckpointError, DeviceError, ImageError
from core.model import UNet
from core.predict import Ensemble, Mirrored
from core.preprocess import Preprocessing
from core.torch_predictor import GPU_BATCH, TorchPredictor


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(16, 16), (100, 37), (64, 64), (16, 900), (301, 203)])
def test_probability_has_the_photos_own_size(tiny_run: Path, shape: tuple[int, int]) -> None:
    image = photo(*shape)
    before = image.copy()
    probability = TorchPredictor.load(tiny_run, "cpu")(image)
    assert probability.shape == shape
    assert probability.dtype == np.float32
    assert 0 <= probability.min() < probability.max() <= 1
    assert np.array_equal(image, before)


@pytest.mark.parametrize("batch", [1, 3])
def test_same_photo_same_bytes_whatever_is_beside_it(tiny_model: UNet, batch: int) -> None:
    # A graphics card's way, tried on the CPU.
    predictor = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu", batch=batch)
    images = [photo(64, 64, 1), photo(64, 64, 2), photo(40, 90, 3), photo(64, 64, 4)]
    alone = [predictor.predict(image).probability.tobytes() for image in images]
    for order in itertools.permutations(range(4)):
        together = predictor.predict_many(images[i] for i in order)
        assert [p.probability.tobytes() for p in together] == [alone[i] for i in order]


def test_a_graphics_card_predicts_a_photo_and_its_mirror_image_at_once(
    tiny_model: UNet,
) -> None:
    predictor = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu", batch=GPU_BATCH)
    batches = batches_of(predictor)
    image = photo(64, 64)
    prediction = Mirrored(predictor).predict(image)
    assert batches == [2]
    predictor(image)
    Ensemble([Mirrored(predictor)])(image)
    list(predictor.predict_many([image] * 5))
    assert batches == [2] * 6
    # On the CPU each runs alone, and says the same but for the last digits.
    alone = TorchPredictor(tiny_model, Preprocessing(size=64), "cpu")
    batches = batches_of(alone)
    expected = Mirrored(alone).predict(image)
    assert batches == [1, 1]
    np.testing.assert_allclose(prediction.probability, expected.probability, atol=1e-6)
    assert prediction.uncertainty == pytest.approx(expected.uncertainty, abs=1e-6)


def batches_of(predictor: TorchPredictor) -> list[int]:
    """Returns a list that the size of each batch is added to."""
    sizes: list[int] = []
    first = next(each for each in predictor.model.modules() if isinstance(each, torch.nn.Conv2d))
    first.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    return sizes


def test_it_is_the_network_on_the_prepared_photo(tiny_run: Path, tiny_model: UNet) -> None:
    image = photo(64, 64)
    scaled = torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None] / 255
    with torch.inference_mode():
        expected = torch.sigmoid(tiny_model((scaled - 0.5) / 0.25))[0, 0].numpy()
    np.testing.assert_allclose(TorchPredictor.load(tiny_run, "cpu")(image), expected, atol=1e-5)


def test_an_unpadded_network_covers_the_photo() -> None:
    predictor = TorchPredictor(UNet(UNetConfig(3, 1, 2, 2)), Preprocessing(size=64), "cpu")
    assert predictor(photo(50, 80)).shape == (50, 80)


@pytest.mark.parametrize(
    "wrong", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))]
)
def test_other_arrays_are_refused(tiny_run: Path, wrong: np.ndarray) -> None:
    with pytest.raises(ImageError, match="RGB uint8"):
        TorchPredictor.load(tiny_run, "cpu")(wrong)


def test_a_checkpoint_for_other_channels_is_refused(
    tmp_path: Path, tiny_info: CheckpointInfo
) -> None:
    paper = UNetConfig(width=2, depth=2)
    path = tmp_path / "paper.safetensors"
    save_checkpoint(path, UNet(paper), replace(tiny_info, model=paper))
    with pytest.raises(CheckpointError, match="1 channels to 2"):
        TorchPredictor.load(path, "cpu")


@pytest.mark.parametrize("name", ["gpu", "cpu:1", "cuda:x", "", "cuda:999"])
def test_unknown_or_missing_devices_are_named(name: str) -> None:
    with pytest.raises(DeviceError, match=r"cuda|unknown"):
        resolve_device(name)


@pytest.mark.slow
def test_a_100_megapixel_photo_stays_under_2500_mb(tiny_run: Path) -> None:
    pytest.importorskip("resource", reason="peak memory is read the POSIX way")
    script = f"""
import resource
from pathlib import Path
import numpy as np
from core.errors import CarmaskError
from core.image import encode_jpeg, read_image
from core.photos import list_uploads
from core.predict import load_model
from core.segment import SegmentOptions, segment_photos
from core.session import PredictionSession
photo = np.zeros((8000, 12500, 3), np.uint8)
photo[1000:4000, 1000:7000] = (200, 30, 30)
data = encode_jpeg(photo)
del photo
sources = list_uploads([("large.jpg", data)])
out = Path({str(tiny_run)!r}) / "out"
model = load_model(Path({str(tiny_run)!r}), device="cpu")
session = PredictionSession(model)
rows = segment_photos(session, sources, out, SegmentOptions(cutout="soft"), lambda *_: None)
assert (rows[0].width, rows[0].height, rows[0].error) == (12500, 8000, ""), rows
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak * (1 if {sys.platform == "darwin"} else 1024))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2.5e9
