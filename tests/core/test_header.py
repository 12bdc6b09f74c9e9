"""A header of any origin is understood or refused with its reason; others go on."""

import json
import math
import struct
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.architecture import UNetConfig
from core.checkpoint import (
    CheckpointInfo,
    list_checkpoints,
    load_checkpoint,
    network_fingerprint,
    read_info,
    save_checkpoint,
    save_threshold,
)
from core.errors import CheckpointError
from core.header import read_header
from tests.core.headers import (
    WRONG,
    change_facts,
    change_header,
    facts_of,
    parts_of,
    write_parts,
)

BEST = Path("checkpoints/best.safetensors")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def checkpoint(tiny_run: Path) -> Path:
    return tiny_run / BEST


def test_every_fact_has_wrong_values_to_try() -> None:
    assert WRONG.keys() == {field.name for field in fields(CheckpointInfo)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_fact_is_named(checkpoint: Path, name: str, value: Any) -> None:
    good = facts_of(checkpoint)
    if isinstance(value, dict) and name in ("model", "preprocessing"):
        value = good[name] | value
    change_facts(checkpoint, **{name: value})
    with pytest.raises(CheckpointError, match=r"best\.safetensors") as raised:
        read_info(checkpoint)
    assert len(str(raised.value)) < 500
    (entry,) = list_checkpoints(checkpoint.parents[2])
    assert entry.info is None and entry.error == str(raised.value)


def test_a_text_in_a_wrong_place_is_not_repeated(checkpoint: Path) -> None:
    for facts in (
        {"threshold": "hunter2"},
        {"model": "hunter2"},
        {"split": {"verdict": ["hunter2"]}},
    ):
        change_facts(checkpoint, **facts)
        with pytest.raises(CheckpointError) as raised:
            read_info(checkpoint)
        assert "hunter2" not in str(raised.value)


def test_facts_of_newer_versions_are_left_out(checkpoint: Path, tiny_info: CheckpointInfo) -> None:
    change_facts(checkpoint, of_tomorrow=[1, {"a": None}], metrics=tiny_info.metrics | {"new": []})
    found = read_info(checkpoint)
    assert found.metrics == {"dice": 0.5, "images": 4, "new": []}
    change_facts(checkpoint, data={"of a newer kind": None})
    assert read_info(checkpoint).data == {"of a newer kind": None}


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    facts=st.dictionaries(st.sampled_from([*WRONG, "of_tomorrow"]), JSON, min_size=1, max_size=3),
    inner=st.dictionaries(
        st.sampled_from(["width", "depth", "widest", "norm", "size", "mean", "std", "dropout"]),
        JSON,
        max_size=2,
    ),
)
def test_any_facts_are_read_or_refused(
    tiny_run: Path, facts: dict[str, Any], inner: dict[str, Any]
) -> None:
    path = tiny_run / BEST
    before = path.read_bytes()
    try:
        good = facts_of(path)
        for name in ("model", "preprocessing"):
            facts = {name: good[name] | {k: v for k, v in inner.items() if k in good[name]}} | facts
        change_facts(path, **facts)
        (entry,) = list_checkpoints(tiny_run.parent)
        if entry.info is None:
            assert entry.error
        else:
            assert 0 <= entry.info.threshold <= 1 and entry.info.epoch >= 0
            assert isinstance(entry.info.title, str) and isinstance(entry.info.verdict.label, str)
            network_fingerprint(path)
    finally:
        path.write_bytes(before)


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(header=JSON | st.dictionaries(st.sampled_from(["__metadata__", "final.bias"]), JSON))
def test_any_json_is_a_header_or_refused(tmp_path: Path, header: Any) -> None:
    path = tmp_path / "any.safetensors"
    write_parts(path, json.dumps(header).encode(), bytes(4))
    with pytest.raises(CheckpointError, match=r"any\.safetensors"):
        read_info(path)


@pytest.mark.slow
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0), byte=st.integers(0, 255))
def test_any_damaged_byte_of_a_header_is_no_other_error(
    tiny_run: Path, place: int, byte: int
) -> None:
    path = tiny_run / BEST
    before = path.read_bytes()
    raw = bytearray(before)
    raw[place % (8 + struct.unpack("<Q", before[:8])[0])] = byte
    path.write_bytes(raw)
    try:
        load_checkpoint(path)
    except CheckpointError:
        pass
    finally:
        path.write_bytes(before)


NESTED = b"[" * 100_000 + b"]" * 100_000


def hostile(path: Path, kind: str) -> None:
    header, tensors = parts_of(path)
    text = json.dumps(header).encode()
    facts = header["__metadata__"]["info"]
    quoted = json.dumps(facts)
    inner = {
        "nested facts": facts[:-1] + ', "more": ' + NESTED.decode() + "}",
        "a number of 5,000 digits": facts.replace('"epoch": 2', f'"epoch": {"9" * 5000}'),
        "facts twice": facts[:-1] + ', "threshold": 0.9}',
        "not a number": facts.replace('"threshold": 0.5', '"threshold": NaN'),
        "no facts": "",
        "a list of facts": "[]",
    }
    outer = {
        "nested header": NESTED,
        "nested tensor": text[:-1] + b', "more": ' + NESTED + b"}",
        "metadata twice": text[:-1] + b', "__metadata__": {"format": "x"}}',
        "metadata is a list": text.replace(json.dumps(header["__metadata__"]).encode(), b"[]"),
        "facts are an object": text.replace(quoted.encode(), facts.encode()),
        "half a character in a name": text[:-1] + b', "\\ud800": {"dtype": "F32"}}',
        "no UTF-8": text[:-1] + b', "\xff": 1}',
        "no dtype": text.replace(b'"dtype": "F32"', b'"dtype": 3'),
        "a negative shape": text.replace(b'"shape": [2]', b'"shape": [-2]'),
        "a long header": text + b" " * 2_000_000,
        "a header of one byte": b"1",
    }
    if kind in inner:
        change_header(path, lambda header: header["__metadata__"].update(info=inner[kind]))
    else:
        write_parts(path, outer[kind], tensors)


@pytest.mark.parametrize(
    "kind",
    [
        "nested facts",
        "a number of 5,000 digits",
        "facts twice",
        "not a number",
        "no facts",
        "a list of facts",
        "nested header",
        "nested tensor",
        "metadata twice",
        "metadata is a list",
        "facts are an object",
        "half a character in a name",
        "no UTF-8",
        "no dtype",
        "a negative shape",
        "a long header",
        "a header of one byte",
    ],
)
def test_a_hostile_header_is_refused_at_once(checkpoint: Path, kind: str) -> None:
    hostile(checkpoint, kind)
    started = time.process_time()
    for use in (read_info, load_checkpoint, network_fingerprint):
        with pytest.raises(CheckpointError, match=r"best\.safetensors") as raised:
            use(checkpoint)
        assert len(str(raised.value)) < 500
    assert time.process_time() - started < 2


def test_half_a_character_in_a_name_is_replaced(
    checkpoint: Path, tiny_info: CheckpointInfo
) -> None:
    model, _ = load_checkpoint(checkpoint)
    save_checkpoint(checkpoint, model, replace(tiny_info, title="caf\udce9", run="Straße"))
    assert read_info(checkpoint) == replace(
        tiny_info, title="caf\N{REPLACEMENT CHARACTER}", run="Straße"
    )
    with pytest.raises(CheckpointError, match="threshold"):
        save_checkpoint(checkpoint, model, replace(tiny_info, threshold=7))
    assert read_info(checkpoint).title.startswith("caf")


def test_tensors_fill_the_file_and_share_no_byte(checkpoint: Path) -> None:
    header, tensors = parts_of(checkpoint)
    names = [name for name in header if name != "__metadata__"]
    ends = [header[name]["data_offsets"][1] for name in names]
    before = checkpoint.read_bytes()
    for name in names:
        entry = header[name]
        begin, end = entry["data_offsets"]
        for changed in (
            {"data_offsets": [begin, end + 4]},
            {"data_offsets": [end, begin]} if end > begin else {"data_offsets": [begin, 10**18]},
            {"data_offsets": [begin, begin]},
            {"shape": [*entry["shape"], 2**40]},
            {"dtype": "F64"},
        ):
            text = json.dumps(header | {name: entry | changed}).encode()
            write_parts(checkpoint, text, tensors)
            with pytest.raises(CheckpointError, match=r"damaged|fit"):
                read_info(checkpoint)
    checkpoint.write_bytes(before)
    assert max(ends) == len(tensors) and read_header(checkpoint).end == len(before) - len(tensors)


@pytest.mark.parametrize(
    "model",
    [
        {"width": 512, "depth": 4},
        {"width": 512, "depth": 6},
        {"width": 4, "depth": 8},
        {"width": 100_000, "depth": 1},
        {"width": 2, "depth": 1_000_000},
        {"width": 2, "depth": 4, "in_channels": 10**9},
        {"widest": 10**9},
    ],
)
def test_a_small_file_of_a_large_network_is_refused_from_its_header(
    checkpoint: Path, model: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_facts(checkpoint, model=facts_of(checkpoint)["model"] | model)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a tensor was read, or the network built")

    monkeypatch.setattr("core.model.UNet", never)
    monkeypatch.setattr("safetensors.torch.load_file", never)
    with pytest.raises(CheckpointError):
        load_checkpoint(checkpoint)
    with pytest.raises(CheckpointError):
        save_threshold(checkpoint, 0.4)


def test_a_large_network_without_weights_is_refused(tmp_path: Path, tiny_run: Path) -> None:
    path = tiny_run / BEST
    model = facts_of(path)["model"] | {"width": 64, "depth": 5, "stem": "plain", "norm": "none"}
    header, _ = parts_of(path)
    facts = json.dumps(facts_of(path) | {"model": model})
    entries = {
        name: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]}
        for name, shape in UNetConfig(**model).tensor_shapes().items()
    }
    metadata = header["__metadata__"] | {"info": facts}
    write_parts(path, json.dumps({"__metadata__": metadata} | entries).encode(), b"")
    assert path.stat().st_size < 20_000
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


def test_weights_that_are_no_numbers_are_named(checkpoint: Path) -> None:
    header, tensors = parts_of(checkpoint)
    begin, _ = header["final.bias"]["data_offsets"]
    broken = tensors[:begin] + struct.pack("<f", math.nan) + tensors[begin + 4 :]
    write_parts(checkpoint, json.dumps(header).encode(), broken)
    read_info(checkpoint)
    with pytest.raises(CheckpointError, match="NaN"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n", "Git LFS"),
        (b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5"),
        (b"\x08\x08\x12\x07pytorch\x1a" + bytes(90), "ONNX"),
        (b"\x1f\x8b\x08" + bytes(90), "packed"),
    ],
)
def test_another_kind_of_file_is_named_as_what_it_is(
    tmp_path: Path, start: bytes, word: str
) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(start)
    with pytest.raises(CheckpointError, match=word) as raised:
        read_info(path)
    assert "copy it again" not in str(raised.value)


def test_a_file_that_can_t_be_opened_is_one_broken_checkpoint(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    (entry,) = list_checkpoints(checkpoint.parents[2])
    assert entry.info is None and "Permission denied" in str(entry.error)


def test_a_hundred_checkpoints_are_listed_in_no_time(checkpoint: Path, tmp_path: Path) -> None:
    for place in range(100):
        folder = tmp_path / "many" / f"run{place}" / "checkpoints"
        folder.mkdir(parents=True)
        (folder / "best.safetensors").symlink_to(checkpoint)
    list_checkpoints(tmp_path / "many")
    started = time.process_time()
    assert sum(entry.info is not None for entry in list_checkpoints(tmp_path / "many")) == 100
    assert time.process_time() - started < 1
