"""Imported networks say what the originals say; whatever else is refused by name and never run."""

import builtins
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.checkpoint import list_checkpoints, load_checkpoint, read_info
from core.cli import main
from core.errors import CheckpointError, ConfigError
from core.foreign.checkpoint import ImportOptions, import_checkpoint
from core.torch_predictor import TorchPredictor
from tests.core.foreign_networks import CarSegmentation, PytorchUNet, lived_in

SIZES = [(64, 64), (32, 80), (37, 50), (61, 47), (16, 31)]
"""Multiples of 16 first; the others lose rows in the poolings."""


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "net.pth"
    torch.save(lived_in(PytorchUNet(2)).state_dict(), path)
    return path


def largest_difference(original: nn.Module, imported: Path, size: tuple[int, int]) -> float:
    model, _ = load_checkpoint(imported)
    images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = original.probability(images)  # type: ignore[operator]
        assert expected.std() > 0.01, "a flat answer would hide every fault"
        return float((model(images).sigmoid()[:, 0] - expected).abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("bilinear", [False, True], ids=["transposed", "bilinear"])
@pytest.mark.parametrize("classes", [1, 2])
def test_pytorch_unet_at_any_size(tmp_path: Path, classes: int, bilinear: bool, bias: bool) -> None:
    original = lived_in(PytorchUNet(4, classes, bilinear=bilinear, bias=bias))
    torch.save({**original.state_dict(), "mask_values": [0, 1]}, tmp_path / "net.pth")
    path, info = import_checkpoint(tmp_path / "net.pth", tmp_path / "runs" / "theirs")
    assert (info.model.width, info.model.depth, info.model.out_channels) == (4, 4, 1)
    assert info.model.upsampling == ("bilinear" if bilinear else "transposed")
    for size in SIZES:
        assert largest_difference(original, path, size) < 1e-5


@pytest.mark.parametrize("plain_up", [False, True], ids=["activated", "plain"])
@pytest.mark.parametrize("norm", [True, False], ids=["norm", "no norm"])
def test_the_starting_point_padded(tmp_path: Path, norm: bool, plain_up: bool) -> None:
    original = lived_in(CarSegmentation(4, norm=norm, plain_up=plain_up))
    wrapped = {"epoch": 3, "model_state_dict": original.state_dict(), "loss": 0.1}
    torch.save(wrapped, tmp_path / "best_model.pth")
    path, info = import_checkpoint(tmp_path / "best_model.pth", tmp_path / "theirs")
    assert info.preprocessing.size == 256
    assert info.model.norm == ("batch" if norm else "none")
    for size in SIZES[:2]:
        assert largest_difference(original, path, size) < 1e-5


@pytest.mark.parametrize("norm", [True, False], ids=["norm", "no norm"])
def test_the_starting_point_unpadded(tmp_path: Path, norm: bool) -> None:
    original = lived_in(CarSegmentation(4, norm=norm, padding=0))
    torch.save(original.state_dict(), tmp_path / "net.pth")
    options = ImportOptions(padding="valid")
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs", options)
    assert largest_difference(original, path, (188, 204)) < 1e-5


def test_other_names_for_the_levels(tmp_path: Path) -> None:
    """The deepest level may be called bottleneck, and levels may be counted from above."""
    original = lived_in(CarSegmentation(4))
    renamed = {}
    for name, tensor in original.state_dict().items():
        name = name.replace("encoder5", "bottleneck").replace("upconv_", "upconv")
        part, dot, rest = name.partition(".")
        if part.startswith(("upconv", "decoder")):
            part = f"{part[:-1]}{5 - int(part[-1])}"
        renamed[part + dot + rest] = tensor
    torch.save(renamed, tmp_path / "net.pth")
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs")
    assert largest_difference(original, path, (32, 48)) < 1e-5


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_of_wrappers(tmp_path: Path, prefix: str) -> None:
    original = lived_in(PytorchUNet(2))
    weights = {prefix + name: t for name, t in original.state_dict().items()}
    torch.save({"state_dict": weights, "optimizer": {"lr": 1}}, tmp_path / "net.pth")
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs")
    assert largest_difference(original, path, (37, 50)) < 1e-5


def test_half_precision_and_the_old_file_format(tmp_path: Path) -> None:
    original = lived_in(PytorchUNet(2)).half().float().eval()
    weights = {
        n: t.half() if t.is_floating_point() else t for n, t in original.state_dict().items()
    }
    torch.save(weights, tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs")
    assert largest_difference(original, path, (48, 32)) < 1e-5


def test_the_predictor_prepares_photos_as_the_program_does(tmp_path: Path) -> None:
    original = lived_in(PytorchUNet(2))
    torch.save(original.state_dict(), tmp_path / "net.pth")
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "a", ImportOptions(size=50))
    image = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    with torch.inference_mode():
        scaled = torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None] / 255
        expected = original.probability(scaled)[0].numpy()  # type: ignore[operator]
    assert np.abs(TorchPredictor.load(path, "cpu")(image) - expected).max() < 1e-5


def test_it_explains_itself_and_stands_among_the_runs(stored: Path, tmp_path: Path) -> None:
    path, info = import_checkpoint(stored, tmp_path / "runs" / "theirs")
    assert info == read_info(path)
    (entry,) = list_checkpoints(tmp_path / "runs")
    assert entry.path == path
    assert info.title == "Pytorch-UNet, net"
    assert info.run == "theirs"
    assert info.origin["program"] == "Pytorch-UNet"
    assert info.origin["file"] == "net.pth"
    assert len(info.origin["sha256"]) == 64
    assert info.verdict.kind == "unknown"
    assert info.preprocessing.mean == (0, 0, 0)
    with pytest.raises(CheckpointError, match="there already"):
        import_checkpoint(stored, tmp_path / "runs" / "theirs")


def test_a_small_photo_with_a_long_side(stored: Path, tmp_path: Path) -> None:
    path, _ = import_checkpoint(stored, tmp_path / "a", ImportOptions(size=64))
    assert TorchPredictor.load(path, "cpu")(np.zeros((16, 900, 3), np.uint8)).shape == (16, 900)


def test_the_command(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["import", str(stored), "--out", str(tmp_path / "theirs"), "--title", "Theirs"]
    settings = ["--size", "128", "--mean", "0.5", "0.4", "0.3", "--std", "1", "1", "0.5"]
    assert main([*words, *settings]) == 0
    printed = capsys.readouterr()
    assert "Pytorch-UNet: width 2, depth 4" in printed.out
    assert "two classes; 128 px" in printed.out
    assert "UNKNOWN" in printed.err
    assert main(["info", str(tmp_path / "theirs")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["title"] == "Theirs"
    assert facts["preprocessing"] == {"size": 128, "mean": [0.5, 0.4, 0.3], "std": [1, 1, 0.5]}
    assert main(words) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_settings_out_of_range_write_nothing(stored: Path, tmp_path: Path) -> None:
    for options in (ImportOptions(size=0), ImportOptions(std=(0, 1, 1))):
        with pytest.raises(ConfigError):
            import_checkpoint(stored, tmp_path / "theirs", options)
    assert not (tmp_path / "theirs").exists()


class Trap:
    def __reduce__(self) -> Any:
        return eval, ("__import__('builtins').carmask_trap('ran')",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(builtins, "carmask_trap", ran.append, raising=False)
    pickle.loads(pickle.dumps(Trap()))
    assert ran == ["ran"], "the trap must work, or this test proves nothing"
    weights = lived_in(PytorchUNet(2)).state_dict()
    path = tmp_path / "evil.pth"
    torch.save({**weights, "x": Trap()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"evil\.pth holds more than weights \(.*eval\)"):
        import_checkpoint(path, tmp_path / "out")
    assert ran == ["ran"]
    assert not (tmp_path / "out").exists()


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(3, 3, 3), tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"model\.state_dict"):
        import_checkpoint(tmp_path / "net.pth", tmp_path / "out")


def test_damaged_files_are_named(stored: Path, tmp_path: Path) -> None:
    raw = stored.read_bytes()
    path = tmp_path / "bad.pth"
    no_directory = raw[:-22].replace(b"PK\x01\x02", b"PK\x01\x03") + raw[-22:]
    cut = (raw[:10], raw[: len(raw) // 2], raw[:-100])
    for damaged in (b"", b"text", *cut, bytes(5000), b"\x80\x02}q\x00.", no_directory):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"bad\.pth .* is no whole file"):
            import_checkpoint(path, tmp_path / "out")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", bytes(10_000_000))
    with pytest.raises(CheckpointError, match="packed ZIP"):
        import_checkpoint(path, tmp_path / "out")
    with pytest.raises(CheckpointError, match="no file"):
        import_checkpoint(tmp_path / "nowhere.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def changed(**tensors: torch.Tensor | None) -> dict[str, Any]:
    """A good state dict with some tensors replaced, or left out; dots are written __."""
    weights: dict[str, Any] = dict(lived_in(PytorchUNet(2)).state_dict())
    for name, tensor in tensors.items():
        name = name.replace("__", ".")
        weights.pop(name, None)
        if tensor is not None:
            weights[name] = tensor
    return weights


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.zeros(3)], "holds a list"),
        ({"epoch": 3}, "no weights: 'epoch' found"),
        ({}, "no weights: nothing"),
        ({"layer1.0.conv1.weight": torch.zeros(4, 4, 3, 3)}, "parts are called layer1"),
        ({"fc.weight": torch.zeros(4, 4)}, "parts are called fc"),
        (PytorchUNet(2, 3).state_dict(), "3 channels to 3 classes"),
        (changed(inc__double_conv__0__weight=torch.zeros(2, 1, 3, 3)), "1 channels to 2"),
        (changed(outc__conv__weight=None), "neither a convolution"),
        (changed(up4__conv__double_conv__3__weight=torch.zeros(2, 2, 5, 5)), "two 3x3"),
        (changed(up4__conv__double_conv__3__weight=torch.zeros(2, 3, 3, 3)), "needed is 2 x 2"),
        (changed(up4__up__weight=None, up4__up__bias=None), "no U-Net"),
        (changed(outc__conv__bias=None), "no bias of outc.conv"),
        ({**changed(), "outc.conv.bias": "zeros"}, "no bias of outc.conv"),
        (changed(up2__up__bias=None), "no bias of up2.up"),
        (changed(inc__double_conv__0__bias=torch.zeros(2)), "no bias of inc.double_conv.3"),
        (changed(inc__double_conv__1__running_mean=None), "neither a convolution"),
        (changed(outc__conv__bias=torch.tensor([0.0, float("nan")])), "NaN"),
        (changed(down4__maxpool_conv__1__double_conv__0__weight=None), "neither a conv"),
        (
            changed(inc__double_conv__0__weight=torch.zeros(1).expand(10**9, 3, 3, 3)),
            "promises more",
        ),
        pytest.param(
            changed(outc__conv__weight=torch.zeros(2, 2, 1, 1).to_sparse()),
            "can't use",
            marks=pytest.mark.filterwarnings("ignore:Validating sparse"),
        ),
    ],
)  # fmt: skip
def test_other_networks_are_refused_by_what_was_found(
    tmp_path: Path, content: Any, words: str
) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=words) as raised:
        import_checkpoint(tmp_path / "other.pth", tmp_path / "out")
    assert "other.pth" in str(raised.value)
    assert not (tmp_path / "out").exists()
