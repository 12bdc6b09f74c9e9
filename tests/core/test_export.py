"""Exported files, run by ONNX Runtime, say what the predictor says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.cli import main
from core.errors import CheckpointError, ConfigError
from core.export import OPSETS, export_onnx, grid_to_photo, photo_to_grid, to_onnx
from core.export_batches import export_batches
from core.image import read_image
from core.model import UNet
from core.preprocess import Preprocessing, enlarge
from core.torch_predictor import TorchPredictor, load_photo_network
from tests.core.foreign_networks import lived_in

ROOT = Path(__file__).resolve().parents[2]

NETWORKS = {
    "shipped kind": UNetConfig(3, 1, 4, 2, "same", "batch", "space_to_depth"),
    "group": UNetConfig(3, 1, 4, 2, "same", "group"),
    "instance": UNetConfig(3, 1, 4, 2, "same", "instance"),
    "paper": UNetConfig(3, 1, 4, 2, "valid", "none"),
    "deep unpadded": UNetConfig(3, 1, 4, 3, "valid", "batch"),
    "bilinear": UNetConfig(
        3, 1, 4, 3, "same", "batch", upsampling="bilinear", narrowing="convs", odd_sides="zeros"
    ),
    "transposed": UNetConfig(3, 1, 4, 3, "same", "batch", odd_sides="zeros"),
    "activated": UNetConfig(3, 1, 4, 3, "same", "batch", upsampling="activated", narrowing="convs"),
}
SIZES = [(64, 64), (90, 130), (301, 203), (37, 100), (900, 17), (16, 16), (128, 128), (61, 67)]


def photo(height: int, width: int) -> np.ndarray:
    """Noise on a slope: every resize and every edge of it shows."""
    noise = np.random.default_rng(height).integers(0, 156, (height, width, 3))
    return (noise + np.linspace(0, 100, width)[None, :, None]).astype(np.uint8)


def session(file: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run(file: bytes, image: np.ndarray) -> np.ndarray:
    return np.asarray(session(file).run(["probability"], {"image": image})[0])


def checkpoint(folder: Path, config: UNetConfig, info: CheckpointInfo) -> Path:
    path = folder / "net.safetensors"
    save_checkpoint(path, lived_in(UNet(config)), replace(info, model=config))  # type: ignore[arg-type]
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_it_says_what_the_predictor_says(
    tmp_path: Path, tiny_info: CheckpointInfo, kind: str
) -> None:
    path = checkpoint(tmp_path, NETWORKS[kind], tiny_info)
    predictor, runtime = TorchPredictor.load(path, "cpu"), session(export_onnx(path))
    for height, width in SIZES:
        image = photo(height, width)
        expected = predictor(image)
        (found,) = runtime.run(["probability"], {"image": image})
        assert found.dtype == np.float32
        assert found.shape == (height, width)
        assert expected.std() > 0.003, "a flat answer would hide every fault"
        assert np.abs(found - expected).max() < 1e-4, (height, width)


@pytest.mark.slow
def test_the_shipped_checkpoint_on_a_photo_and_a_portrait() -> None:
    run_folder = ROOT / "runs" / "carmask-studio"
    file = export_onnx(run_folder)
    stored = (run_folder / "checkpoints" / "best.safetensors").stat().st_size
    assert abs(len(file) - stored) < 0.05 * stored
    predictor = TorchPredictor.load(run_folder, "cpu")
    image = read_image(next((ROOT / "samples" / "images").glob("*.jpg")))
    for each in (image, np.ascontiguousarray(image.transpose(1, 0, 2)[:, 40:])):
        expected = predictor(each)
        assert expected.max() > 0.9
        assert np.abs(run(file, each) - expected).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("opset", [OPSETS[0], OPSETS[-1]])
def test_any_opset(tiny_run: Path, opset: int) -> None:
    file = export_onnx(tiny_run, opset)
    assert onnx.load_from_string(file).opset_import[0].version == opset
    image = photo(50, 80)
    assert np.abs(run(file, image) - TorchPredictor.load(tiny_run, "cpu")(image)).max() < 1e-4


def test_the_facts_are_inside(tiny_run: Path, tiny_info: CheckpointInfo) -> None:
    file = export_onnx(tiny_run)
    nodes = onnx.load_from_string(file).graph.node
    assert "BatchNormalization" not in {node.op_type for node in nodes}, "stored apart"
    assert not any(node.metadata_props for node in nodes), "paths of the machine that wrote it"
    (image,), (probability,) = session(file).get_inputs(), session(file).get_outputs()
    assert (image.name, image.shape) == ("image", ["height", "width", 3])
    assert (probability.name, probability.shape) == ("probability", ["height", "width"])
    facts = session(file).get_modelmeta().custom_metadata_map
    assert facts["format"] == "carmask-onnx-1"
    assert float(facts["threshold"]) == tiny_info.threshold
    inside = json.loads(facts["info"])
    assert inside["split"] == tiny_info.split
    assert inside["model"]["width"] == 2


def test_the_command(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "net.onnx"
    assert main(["export", str(tiny_run), "--onnx", str(target), "--opset", "18"]) == 0
    assert str(target.stat().st_size) in capsys.readouterr().out
    assert onnx.load(target).opset_import[0].version == 18
    assert run(target.read_bytes(), photo(50, 80)).shape == (50, 80)
    assert main(["export", str(tiny_run), "--onnx", str(target), "--opset", "9"]) == 2
    assert "13 to" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "no"), "--onnx", str(target)]) == 2
    assert main(["export", str(tiny_run), "--onnx", str(tmp_path / "no" / "x.onnx")]) == 2


def test_what_can_not_be_exported(tmp_path: Path, tiny_info: CheckpointInfo) -> None:
    path = checkpoint(tmp_path, UNetConfig(1, 1, 2, 2), tiny_info)
    with pytest.raises(CheckpointError, match="maps 1 channels"):
        export_onnx(path)
    with pytest.raises(ConfigError, match="Opset 99"):
        export_onnx(path, 99)


class ToGrid(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return photo_to_grid(image, 64)


class ToPhoto(torch.nn.Module):
    def forward(self, grid: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return grid_to_photo(grid, *like.shape)


@pytest.fixture(scope="module")
def to_grid() -> onnxruntime.InferenceSession:
    """A photo to its grid of 64 px, for photos of any size."""
    example = {"image": torch.zeros(300, 200, 3, dtype=torch.uint8)}
    file = to_onnx(ToGrid(), example, {"image": {0: "height", 1: "width"}}, "levels")
    return session(file.SerializeToString())


@pytest.fixture(scope="module")
def to_photo() -> onnxruntime.InferenceSession:
    """A probability to the size of another picture."""
    example = {"grid": torch.zeros(64, 96), "like": torch.zeros(70, 80)}
    sides = {"grid": {0: "h", 1: "w"}, "like": {0: "height", 1: "width"}}
    return session(to_onnx(ToPhoto(), example, sides, "whole").SerializeToString())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("height", "width"),
    [
        *((128, 128), (256, 256), (384, 384), (640, 640)),  # by whole factors: 2, 4, 6, 10
        *((96, 96), (160, 160), (127, 129), (65, 64), (64, 64)),
        *((480, 640), (1280, 853), (77, 900), (1918, 1280)),
    ],
)  # fmt: skip
def test_a_photo_shrinks_level_for_level_as_from_opencv(
    to_grid: onnxruntime.InferenceSession, height: int, width: int
) -> None:
    image = photo(height, width)
    expected = Preprocessing(size=64).to_grid(image)
    (found,) = to_grid.run(None, {"image": image})
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 1e-3  # none here; processors that fuse may round a few


@pytest.mark.parametrize(("height", "width"), [(63, 64), (32, 32), (16, 16), (20, 77), (50, 31)])
def test_a_photo_is_enlarged_as_by_opencv(
    to_grid: onnxruntime.InferenceSession, height: int, width: int
) -> None:
    image = photo(height, width)
    expected = Preprocessing(size=64).to_grid(image)
    (found,) = to_grid.run(None, {"image": image})
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 0.02


@pytest.mark.parametrize("shape", [(64, 96), (32, 48), (31, 50), (640, 960), (100, 131), (5, 7)])
def test_a_probability_gets_the_photos_size_as_by_opencv(
    to_photo: onnxruntime.InferenceSession, shape: tuple[int, int]
) -> None:
    grid = np.random.default_rng(0).random((64, 96), dtype=np.float32).round()
    (found,) = to_photo.run(None, {"grid": grid, "like": np.zeros(shape, np.float32)})
    assert np.abs(found - enlarge(grid, *shape)).max() < 1e-4


@pytest.mark.slow
def test_photos_of_one_size_go_together(tmp_path: Path, tiny_info: CheckpointInfo) -> None:
    path, target = checkpoint(tmp_path, NETWORKS["shipped kind"], tiny_info), tmp_path / "net.onnx"
    words = ["export", str(path), "--batches", str(target), "--size"]
    assert main([*words, "96", "64"]) == 0
    images = np.stack([photo(64 + 8 * number, 96)[:64] for number in range(4)])
    network = session(target.read_bytes())
    together = np.asarray(network.run(["probability"], {"images": images})[0])
    assert together.shape == (4, 64, 96)
    model, info = load_photo_network(path)
    mean, std = map(np.float32, (info.preprocessing.mean, info.preprocessing.std))
    levels = torch.from_numpy((images / np.float32(255) - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted = torch.sigmoid(model.eval()(levels))[:, 0].numpy()
    assert np.abs(wanted - together).max() < 1e-4
    (alone,) = network.run(["probability"], {"images": images[2:3]})
    assert np.abs(np.asarray(alone)[0] - together[2]).max() < 1e-5
    assert main([*words, "97", "64"]) == 2
    with pytest.raises(ConfigError):
        export_batches(checkpoint(tmp_path, NETWORKS["paper"], tiny_info))
