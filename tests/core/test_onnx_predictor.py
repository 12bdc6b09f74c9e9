"""Networks that ONNX Runtime runs, where there is no PyTorch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import CheckpointInfo, find_checkpoint, save_checkpoint
from core.cli import main
from core.errors import CheckpointError
from core.image import encode_png, read_image
from core.model import UNet
from core.onnx_predictor import NETWORK_SUFFIX, OnnxPredictor
from core.predict import RUNTIME, Mirrored, load_model, load_predictor
from core.torch_predictor import TorchPredictor


@pytest.fixture
def exported(tiny_run: Path) -> Path:
    """A run with its network beside the checkpoint."""
    assert main(["export", str(tiny_run), "--network"]) == 0
    return tiny_run


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.slow
def test_it_predicts_what_torch_predicts(exported: Path) -> None:
    ours, runtime = TorchPredictor.load(exported, "cpu"), OnnxPredictor.load(exported)
    assert (ours.name, ours.threshold, ours.limits) == (
        runtime.name,
        runtime.threshold,
        runtime.limits,
    )
    for height, width in ((64, 64), (90, 133), (301, 203), (17, 900)):
        image = photo(height, width)
        expected, found = ours.predict(image), runtime.predict(image)
        assert found.probability.dtype == np.float32
        assert np.abs(found.probability - expected.probability).max() < 1e-4
        expected, found = Mirrored(ours).predict(image), Mirrored(runtime).predict(image)
        assert np.abs(found.probability - expected.probability).max() < 1e-4
        finer = ours.on_grid(96).predict(image), runtime.on_grid(96).predict(image)
        assert np.abs(finer[0].probability - finer[1].probability).max() < 1e-4


def test_the_environment_chooses(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(load_predictor(exported), TorchPredictor)
    monkeypatch.setenv(RUNTIME, "onnx")
    assert isinstance(load_predictor(exported), OnnxPredictor)


def test_a_network_that_is_missing_damaged_or_another_ones(
    exported: Path, tiny_info: CheckpointInfo
) -> None:
    path = find_checkpoint(exported)
    network = path.with_suffix(NETWORK_SUFFIX)
    save_checkpoint(path, UNet(tiny_info.model), tiny_info)
    with pytest.raises(CheckpointError, match="is not the network of"):
        OnnxPredictor.load(exported)
    network.write_bytes(network.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="can't be read"):
        OnnxPredictor.load(exported)
    network.unlink()
    with pytest.raises(CheckpointError, match="--network"):
        OnnxPredictor.load(exported)


@pytest.mark.slow
def test_a_photo_is_segmented_without_torch(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(photo(90, 120)))
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from core.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["segment", str(tmp_path / "a.png"), "--checkpoint", str(exported)]
    command = [sys.executable, "-c", script, *words, "--out", str(tmp_path / "out")]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    (mask,) = (tmp_path / "out").glob("*_mask.png")
    model = load_model(exported)
    expected = model(photo(90, 120)) >= model.threshold
    assert np.array_equal(read_image(mask)[..., 0] > 0, expected)
