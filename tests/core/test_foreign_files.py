"""A known network is found wherever a file holds it; another file is named as what it is."""

import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core.checkpoint import load_checkpoint, read_info
from core.cli import main
from core.errors import CheckpointError
from core.foreign.checkpoint import ImportOptions, import_checkpoint
from tests.core.foreign_networks import CarSegmentation, PytorchUNet, lived_in

State = dict[str, Tensor]


def state(seed: int = 0, width: int = 2) -> State:
    found = lived_in(PytorchUNet(width)).state_dict()
    return {name: t + seed if name == "outc.conv.bias" else t for name, t in found.items()}


def before_all(prefix: str, tensors: State) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def answers_like(path: Path, tensors: State) -> bool:
    original = PytorchUNet(2)
    original.load_state_dict(tensors)
    images = torch.randn(1, 3, 37, 50, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = original.eval().probability(images)
        found = load_checkpoint(path)[0](images).sigmoid()[:, 0]
    return bool((found - expected).abs().max() < 1e-5)


def averaged() -> AveragedModel:
    model = AveragedModel(lived_in(PytorchUNet(2)), multi_avg_fn=get_ema_multi_avg_fn(0.9))
    model.update_parameters(lived_in(PytorchUNet(2)))
    return model


ADAM = {"state": {0: {"exp_avg": torch.full((3,), torch.inf)}}, "param_groups": [{"lr": 1e-3}]}
PARTS: dict[str, tuple[str, Callable[[], Any]]] = {
    "as it is": ("", lambda: state()),
    "a number beside it": ("", lambda: {**state(), "epoch": torch.tensor(3), "names": ["car"]}),
    "Lightning": (
        "state_dict.model",
        lambda: {
            "state_dict": before_all("model.", state()) | {"loss.pos_weight": torch.ones(1)},
            "pytorch-lightning_version": "2.4.0",
            "optimizer_states": [ADAM],
            "callbacks": {"checkpoint": {"best": torch.tensor(0.9)}},
        },
    ),
    "net.": ("net", lambda: before_all("net.", state())),
    "module.": ("module", lambda: before_all("module.", state())),
    "_orig_mod.": ("_orig_mod", lambda: before_all("_orig_mod.", state())),
    "a.name.of.theirs.": ("a.name.of.theirs", lambda: before_all("a.name.of.theirs.", state())),
    "all at once": (
        "state_dict.model.module._orig_mod",
        lambda: {"state_dict": before_all("model.module._orig_mod.", state())},
    ),
    "layers compiled": (
        "",
        lambda: {n.replace(".double", "._orig_mod.double"): t for n, t in state().items()},
    ),
    "model and an optimiser": ("model", lambda: {"model": state(), "optimizer": ADAM, "epoch": 3}),
    "net": ("net", lambda: {"net": state(), "acc": 0.9}),
    "state_dict": ("state_dict", lambda: {"state_dict": state()}),
    "model_state_dict": ("model_state_dict", lambda: {"model_state_dict": state(), "loss": 0.1}),
    "ema": ("ema.module", lambda: {"ema": before_all("module.", state()), "ema_step": 7}),
    "weights within weights": ("a.b.c", lambda: {"a": {"b": {"c": state()}}}),
    "AveragedModel": ("module", lambda: averaged().state_dict()),
    "AveragedModel in a wrapper": ("swa.module", lambda: {"swa": averaged().state_dict()}),
    "parameters": (
        "model",
        lambda: {"model": {n: nn.Parameter(t, t.is_floating_point()) for n, t in state().items()}},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", PARTS)
def test_a_network_is_found_in_what_is_around_it(tmp_path: Path, kind: str) -> None:
    part, make = PARTS[kind]
    torch.save(make(), tmp_path / "net.pth")
    path, info = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs")
    assert answers_like(path, state())
    assert info.origin.get("part", "") == part
    assert info == read_info(path)


@pytest.mark.parametrize("prefix", ["", "model.", "module."])
def test_safetensors_of_a_known_network(tmp_path: Path, prefix: str) -> None:
    file = tmp_path / "net.safetensors"
    save_file(before_all(prefix, state()), file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"Pytorch-UNet.*python -m core import"):
        read_info(file)
    path, info = import_checkpoint(file, tmp_path / "theirs")
    assert answers_like(path, state())
    assert info.origin["file"] == "net.safetensors"


def test_safetensors_in_half_precision(tmp_path: Path) -> None:
    halved = {n: t.bfloat16() if t.is_floating_point() else t for n, t in state().items()}
    save_file(halved, tmp_path / "net.safetensors")
    path, _ = import_checkpoint(tmp_path / "net.safetensors", tmp_path / "theirs")
    whole = {n: t.float() if t.is_floating_point() else t for n, t in halved.items()}
    assert answers_like(path, whole)


@pytest.mark.slow
def test_of_several_networks_one_is_chosen_and_none_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "both.pth"
    torch.save({"model": state(1), "ema": before_all("module.", state(2))}, file)
    with pytest.raises(CheckpointError, match=r"'model', 'ema\.module'.*--part"):
        import_checkpoint(file, tmp_path / "none")
    with pytest.raises(CheckpointError, match="none of them is 'teacher'"):
        import_checkpoint(file, tmp_path / "none", ImportOptions(part="teacher"))
    assert not (tmp_path / "none").exists()
    for part, seed in (("model", 1), ("ema.module", 2)):
        out = tmp_path / part
        assert main(["import", str(file), "--out", str(out), "--part", part]) == 0
        assert repr(part) in capsys.readouterr().out
        assert answers_like(out / "checkpoints" / "best.safetensors", state(seed))


def test_one_network_under_two_names_is_no_question(tmp_path: Path) -> None:
    tensors = state()
    torch.save({"model": tensors, "state_dict": tensors}, tmp_path / "net.pth")
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs")
    assert answers_like(path, state())


def test_dictionaries_that_hold_themselves_end(tmp_path: Path) -> None:
    around: dict[str, Any] = {"model": state()}
    around |= {str(place): around for place in range(100)}
    torch.save(around, tmp_path / "net.pth")
    path, _ = import_checkpoint(tmp_path / "net.pth", tmp_path / "theirs")
    assert answers_like(path, state())


def script(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("net/data.pkl", "net/constants.pkl", "net/code/__torch__.py"):
            archive.writestr(name, b"x")


def packed(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/net.pth", b"x")


def own(path: Path) -> None:
    save_file({"final.bias": torch.zeros(1)}, path, metadata={"format": "carmask-checkpoint-1"})


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "TorchScript": (script, "TorchScript"),
    "a ZIP": (packed, "weights/net.pth"),
    "an empty ZIP": (lambda path: zipfile.ZipFile(path, "w").close(), "nothing in it"),
    "NumPy's arrays": (lambda path: np.savez(path.open("wb"), a=np.zeros(3)), "a.npy"),
    "a NumPy array": (lambda path: np.save(path.open("wb"), np.zeros(30)), "NumPy"),
    "Git LFS": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "Git LFS",
    ),
    "a web page": (lambda path: path.write_text("<!DOCTYPE html><html></html>"), "web page"),
    "Keras": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5"),
    "a checkpoint": (own, "checkpoint of Carmask already"),
    "other safetensors": (
        lambda path: save_file({"encoder.conv1.weight": torch.zeros(3, 3, 3, 3)}, path),
        "no known network",
    ),
    "another network in Lightning": (
        lambda path: torch.save(
            {
                "state_dict": {
                    "model.stem.weight": torch.zeros(3),
                    "model.head.weight": torch.zeros(3),
                }
            },
            path,
        ),
        "stem, head",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:unclosed file")
@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_is_named_and_not_to_be_copied_again(tmp_path: Path, kind: str) -> None:
    write, word = FILES[kind]
    file = tmp_path / "net.pth"
    write(file)
    with pytest.raises(CheckpointError, match=word) as raised:
        import_checkpoint(file, tmp_path / "out")
    assert "net.pth" in str(raised.value)
    assert "opy it again" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_truncated_safetensors_are_to_be_copied_again(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    save_file(state(), file)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"truncated.*opy it again"):
        import_checkpoint(file, tmp_path / "out")


SHAPES = [(), (1,), (3,), (2, 2), (2, 1, 1, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["Pytorch-UNet", "with bias", "encoders", "no norm"])
def test_any_tensor_of_a_wrong_shape_is_refused(tmp_path: Path, network: str) -> None:
    original = {
        "Pytorch-UNet": lambda: PytorchUNet(2),
        "with bias": lambda: PytorchUNet(2, bias=True),
        "encoders": lambda: CarSegmentation(2),
        "no norm": lambda: CarSegmentation(2, norm=False),
    }[network]()
    good = lived_in(original).state_dict()
    file = tmp_path / "net.pth"
    names = [name for name in good if not name.endswith("num_batches_tracked")]
    kinds = {}
    for name in names:  # one of each kind of layer and of tensor
        part, field = name.partition(".")[0], name.rpartition(".")[2]
        kinds[part.rstrip("0123456789"), field, good[name].ndim] = name
    for name, shape in itertools.product(kinds.values(), SHAPES):
        if good[name].shape == shape:
            continue
        torch.save(good | {name: torch.ones(shape)}, file)
        with pytest.raises(CheckpointError, match=r"net\.pth"):
            import_checkpoint(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()
