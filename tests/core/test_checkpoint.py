"""Checkpoints explain themselves; whatever else is refused by name, and nothing in it is run."""

import builtins
import json
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.architecture import UNetConfig
from core.checkpoint import (
    CheckpointEntry,
    CheckpointInfo,
    default_fallback,
    find_checkpoint,
    list_checkpoints,
    load_checkpoint,
    network_fingerprint,
    read_info,
    save_checkpoint,
    save_threshold,
)
from core.cli import main
from core.errors import CheckpointError, ConfigError
from core.model import UNet
from core.split_verdict import UNKNOWN, SplitVerdict

BEST = Path("checkpoints/best.safetensors")


def test_weights_and_facts_come_back(
    tiny_run: Path, tiny_model: UNet, tiny_info: CheckpointInfo
) -> None:
    model, info = load_checkpoint(tiny_run / BEST)
    assert info == tiny_info
    assert not model.training
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_half_the_bytes_are_nearly_the_same_network(
    tmp_path: Path, tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, info = load_checkpoint(find_checkpoint(tiny_run))
    assert main(["export", str(tiny_run), "--half", str(tmp_path / "half.safetensors")]) == 0
    assert "half.safetensors" in capsys.readouterr().out
    halved, same = load_checkpoint(tmp_path / "half.safetensors")
    assert same == info
    for name, tensor in model.state_dict().items():
        found = halved.state_dict()[name]
        assert found.dtype == tensor.dtype
        expected = tensor.half().float() if tensor.ndim > 1 else tensor
        assert torch.equal(found, expected)
    whole = UNet(UNetConfig(3, 1, width=16, depth=2))
    sizes = []
    for bits in (32, 16, 8):
        path = tmp_path / f"{bits}.safetensors"
        save_checkpoint(path, whole, replace(info, model=whole.config), bits=bits)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.55 * sizes[0] and sizes[2] < 0.32 * sizes[0]


def test_weights_of_8_bits_are_within_half_a_step_of_their_channel(
    tmp_path: Path, tiny_run: Path
) -> None:
    model, info = load_checkpoint(find_checkpoint(tiny_run))
    with torch.no_grad():
        model.final.weight.zero_()  # a channel of zeros has no scale of its own
    path = tmp_path / "whole.safetensors"
    save_checkpoint(path, model, info)
    assert main(["export", str(path), "--int8", str(tmp_path / "small.safetensors")]) == 0
    small, same = load_checkpoint(tmp_path / "small.safetensors")
    assert same == info
    for name, tensor in model.state_dict().items():
        found = small.state_dict()[name]
        assert found.dtype == tensor.dtype
        if tensor.ndim < 2:
            assert torch.equal(found, tensor)
        else:
            step = tensor.abs().flatten(1).amax(1) / 127
            assert ((found - tensor).abs().flatten(1).amax(1) <= 0.501 * step).all()


def test_weights_of_8_bits_without_their_scales_are_refused(
    tmp_path: Path, tiny_model: UNet, tiny_info: CheckpointInfo
) -> None:
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, tiny_model, tiny_info, bits=8)
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        facts = file.metadata()
    save_file({name: t for name, t in tensors.items() if ".scale" not in name}, path, facts)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(path)


def test_a_checkpoint_from_before_a_setting_existed_has_its_default(
    tiny_run: Path, tiny_info: CheckpointInfo
) -> None:
    path = tiny_run / BEST
    raw = path.read_bytes()
    header = struct.unpack("<Q", raw[:8])[0]
    facts = json.loads(raw[8 : 8 + header])
    older = json.loads(facts["__metadata__"]["info"])
    for name in ("upsampling", "narrowing", "odd_sides"):
        del older["model"][name]
    del older["origin"]
    facts["__metadata__"]["info"] = json.dumps(older)
    text = json.dumps(facts).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + header :])
    assert load_checkpoint(path)[1] == tiny_info


def test_listing_reads_no_tensor(tiny_run: Path, tmp_path: Path, tiny_info: CheckpointInfo) -> None:
    path = tiny_run / BEST
    raw = bytearray(path.read_bytes())
    header = struct.unpack("<Q", raw[:8])[0]
    raw[8 + header :] = bytes(len(raw) - 8 - header)
    path.write_bytes(raw)
    assert read_info(path) == tiny_info


def test_listing_is_best_first_and_keeps_broken_ones(
    tmp_path: Path, tiny_model: UNet, tiny_info: CheckpointInfo
) -> None:
    metrics = {"low": 0.7, "high": 0.9, "silent": 0.95, "leaky": 0.99}
    verdicts = {"leaky": SplitVerdict("leaky", 1, 2, "car"), "silent": UNKNOWN}
    for run, dice in metrics.items():
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        verdict = verdicts.get(run, SplitVerdict("clean", 0, 2, "car")).to_json()
        info = replace(tiny_info, run=run, metrics={"dice": dice}, split={"verdict": verdict})
        save_checkpoint(tmp_path / run / BEST, tiny_model, info)
    (tmp_path / "broken" / "checkpoints").mkdir(parents=True)
    (tmp_path / "broken" / BEST).write_bytes(b"nothing")
    entries = list_checkpoints(tmp_path)
    assert [e.path.parts[-3] for e in entries] == ["high", "low", "silent", "leaky", "broken"]
    assert entries[-1].info is None and "not a whole" in str(entries[-1].error)


@pytest.mark.parametrize(
    ("first", "expected"),
    [("studio", "all"), ("one", "all"), ("other", None), ("all", None), ("silent", None)],
)
def test_the_default_fallback_was_trained_on_the_largest_superset(
    tiny_info: CheckpointInfo, first: str, expected: str | None
) -> None:
    kinds = {
        "studio": ("a", "b"),
        "all": ("a", "b", "c"),
        "leaky": ("a", "b", "c", "d"),
        "unknown": ("a", "b", "c", "d"),
        "one": ("a",),
        "other": ("x",),
        "silent": (),
    }
    verdicts = {"leaky": SplitVerdict("leaky", 1, 2, "car"), "unknown": UNKNOWN}
    clean = SplitVerdict("clean", 0, 2, "car")
    entries = {
        name: CheckpointEntry(
            Path(name),
            replace(
                tiny_info,
                data=dict.fromkeys(known),
                split={"verdict": verdicts.get(name, clean).to_json()},
            ),
        )
        for name, known in kinds.items()
    }
    broken = CheckpointEntry(Path("broken"), error="It is damaged.")
    found = default_fallback(entries[first], [*entries.values(), broken])
    assert (found.path.name if found else None) == expected


def test_a_pickle_is_refused_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(builtins, "carmask_trap", ran.append, raising=False)

    class Trap:
        def __reduce__(self) -> Any:
            return eval, ("__import__('builtins').carmask_trap('ran')",)

    pickle.loads(pickle.dumps(Trap()))
    assert ran == ["ran"], "the trap must work, or this test proves nothing"
    plain, zipped = tmp_path / "plain.safetensors", tmp_path / "zipped.pt"
    plain.write_bytes(pickle.dumps(Trap()))
    torch.save({"weights": Trap()}, zipped)
    for path in (plain, zipped):
        with pytest.raises(CheckpointError, match="pickle"):
            load_checkpoint(path)
    assert ran == ["ran"]


def damaged(raw: bytes) -> dict[str, bytes]:
    header = struct.unpack("<Q", raw[:8])[0]
    facts = json.loads(raw[8 : 8 + header])
    newer = json.loads(facts["__metadata__"]["info"])
    newer["model"]["attention"] = True
    facts["__metadata__"]["info"] = json.dumps(newer)
    text = json.dumps(facts).encode()
    return {
        "empty": b"",
        "three bytes": raw[:3],
        "half a header": raw[: header // 2],
        "truncated": raw[:-100],
        "longer": raw + b"0000",
        "text": b"this is no checkpoint, it is a text of some length",
        "huge header": struct.pack("<Q", 2**60) + raw[8:],
        "list for a header": struct.pack("<Q", 2) + b"[]",
        "newer architecture": struct.pack("<Q", len(text)) + text + raw[8 + header :],
    }


DAMAGES = [
    "empty",
    "three bytes",
    "half a header",
    "truncated",
    "longer",
    "text",
    "huge header",
    "list for a header",
    "newer architecture",
]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_named_errors(tiny_run: Path, kind: str) -> None:
    path = tiny_run / BEST
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(CheckpointError, match=r"best\.safetensors"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError):
        read_info(path)


def test_foreign_safetensors_are_named(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="without Carmask's facts"):
        load_checkpoint(path)


def test_weights_that_do_not_fit_are_named(tiny_run: Path, tiny_info: CheckpointInfo) -> None:
    path = tiny_run / BEST
    raw = path.read_bytes()
    header = struct.unpack("<Q", raw[:8])[0]
    text = raw[8 : 8 + header].replace(rb"\"width\": 2", rb"\"width\": 3")
    assert text != raw[8 : 8 + header]
    path.write_bytes(raw[:8] + text + raw[8 + header :])
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(path)


def test_facts_must_describe_the_weights(
    tmp_path: Path, tiny_model: UNet, tiny_info: CheckpointInfo
) -> None:
    path = tmp_path / "wrong.safetensors"
    with pytest.raises(CheckpointError, match="The facts say"):
        save_checkpoint(path, tiny_model, replace(tiny_info, model=UNetConfig()))
    assert not path.exists()


def test_a_failed_write_leaves_the_old_file(
    tiny_run: Path, tiny_model: UNet, tiny_info: CheckpointInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (tiny_run / BEST).read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tiny_run / BEST, tiny_model, tiny_info)
    assert (tiny_run / BEST).read_bytes() == before
    assert [p.name for p in (tiny_run / "checkpoints").iterdir()] == ["best.safetensors"]


def test_find_prefers_the_best_of_a_run(tiny_run: Path) -> None:
    best = tiny_run / BEST
    last = best.with_name("last.safetensors")
    last.write_bytes(best.read_bytes())
    assert find_checkpoint(tiny_run) == best
    best.unlink()
    assert find_checkpoint(tiny_run) == last
    assert find_checkpoint(last) == last
    last.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        find_checkpoint(tiny_run)
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        find_checkpoint(tiny_run / "nowhere")


def test_a_threshold_is_saved_and_nothing_else_changes(
    tiny_run: Path, tiny_info: CheckpointInfo, tiny_model: UNet
) -> None:
    path = tiny_run / BEST
    before = path.read_bytes()
    weights = before[8 + struct.unpack("<Q", before[:8])[0] :]
    for threshold in (0.123456789, 0.5, 1):
        changed = save_threshold(path, threshold)
        assert changed == replace(tiny_info, threshold=float(threshold)) == read_info(path)
        raw = path.read_bytes()
        start = 8 + struct.unpack("<Q", raw[:8])[0]
        assert raw[start:] == weights and start % 8 == 0
    save_threshold(path, tiny_info.threshold)
    assert path.read_bytes() == before
    model, _ = load_checkpoint(path)
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_a_threshold_keeps_facts_of_newer_versions(tiny_run: Path) -> None:
    path = tiny_run / BEST
    raw = path.read_bytes()
    end = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:end])
    facts = json.loads(header["__metadata__"]["info"]) | {"of_tomorrow": [1, 2]}
    header["__metadata__"] |= {"info": json.dumps(facts), "mine": "yes"}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[end:])
    save_threshold(path, 0.25)
    raw = path.read_bytes()
    metadata = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])["__metadata__"]
    assert json.loads(metadata["info"]) == facts | {"threshold": 0.25}
    assert metadata["mine"] == "yes"


def test_a_threshold_out_of_range_or_a_damaged_file_changes_nothing(tiny_run: Path) -> None:
    path = tiny_run / BEST
    before = path.read_bytes()
    for wrong in (1.01, -0.1, float("nan")):
        with pytest.raises(ConfigError, match="threshold"):
            save_threshold(path, wrong)
    path.write_bytes(before[:-1])
    with pytest.raises(CheckpointError, match="truncated"):
        save_threshold(path, 0.4)
    assert path.read_bytes() == before[:-1]


def test_a_network_keeps_its_fingerprint_when_its_facts_change(
    tiny_run: Path, tiny_model: UNet, tiny_info: CheckpointInfo, tmp_path: Path
) -> None:
    path = tiny_run / BEST
    before = network_fingerprint(path)
    save_threshold(path, 0.25)
    assert network_fingerprint(path) == before

    other = tmp_path / "other.safetensors"
    save_checkpoint(other, tiny_model, replace(tiny_info, title="another", epoch=9))
    assert network_fingerprint(other) == before
    preprocessing = replace(tiny_info.preprocessing, mean=(0.1, 0.2, 0.3))
    save_checkpoint(other, tiny_model, replace(tiny_info, preprocessing=preprocessing))
    assert network_fingerprint(other) != before
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert network_fingerprint(path) != before
