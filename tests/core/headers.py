"""Checkpoints whose headers say what no trainer writes."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any


def parts_of(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the bytes of the tensors."""
    raw = path.read_bytes()
    end = 8 + struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:end]), raw[end:]


def write_parts(path: Path, header: bytes, tensors: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(header)) + header + tensors)


def change_header(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    header, tensors = parts_of(path)
    change(header)
    write_parts(path, json.dumps(header).encode(), tensors)


def facts_of(path: Path) -> dict[str, Any]:
    return json.loads(parts_of(path)[0]["__metadata__"]["info"])


def change_facts(path: Path, **facts: Any) -> None:
    """Replaces some facts, whatever they are."""
    text = json.dumps(facts_of(path) | facts)
    change_header(path, lambda header: header["__metadata__"].update(info=text))


WRONG: dict[str, list[Any]] = {
    "model": [None, [], "unet", {"width": "2"}, {"width": 2.5}, {"width": True}, {"depth": 0}],
    "preprocessing": [None, [], {"mean": 5}, {"mean": [0, 0]}, {"std": [1, 1, float("nan")]}],
    "title": [["a"], None, 7, {"a": 1}, True, "a" * 100_000],
    "run": [["a"], None, 7],
    "epoch": ["3", 2.5, -1, None, True, 10**30],
    "images_seen": ["3", 2.5, -1, None, [], 10**30],
    "threshold": ["0.5", float("nan"), float("inf"), 7, -0.1, None, True, [0.5]],
    "metrics": [
        None,
        [],
        "good",
        {"dice": "0.9"},
        {"dice": 7},
        {"dice": [0.9]},
        {"dice": None},
        {"dice": float("nan")},
        {"hd95": -1},
        {"images": "many"},
        {"images": 1.5},
        {"sources": 3},
        {"sources": {"a": 3}},
        {"sources": {"a": {"dice": "0.9"}}},
    ],
    "data": ["cars", [], None, 3, {"a": 3}, {"a": []}, {"a": {"images": "many"}}],
    "split": ["by car", 3, None, [], {"verdict": ["LEAKY: 1 of 2"]}, {"val_images": "2"}],
    "code": ["abc", 3, None, [], {"versions": [1]}, {"fingerprint": 3}],
    "origin": ["abc", 3, None, [], {"program": 3}, {"classes": "two"}],
    "created": [5, None, [], {}],
    "limits": [None, [], 0.02, {"check": "0.02"}, {"check": 2}, {"no_car": float("nan")}, {"a": 1}],
    "familiar": [
        "studio",
        [],
        {},
        {"mean": [0.0], "precision": [[1.0]], "limit": 3.0},
        {"mean": [0.0] * 16, "precision": [[1.0] * 16] * 15, "limit": 3.0},
        {"mean": [0.0] * 16, "precision": [[1e300] * 16] * 16, "limit": 3.0},
        {"mean": ["0"] * 16, "precision": [[1.0] * 16] * 16, "limit": 3.0},
        {"mean": [0.0] * 16, "precision": [[1.0] * 16] * 16, "limit": float("inf")},
    ],
    "detail": ["1024", 31, 5000, 64.5, True, []],
}
"""Facts of wrong types and out of their ranges, by the fact's name."""
