"""Masks in and out: PNG and COCO's RLE, bit for bit at the photo's size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco

from core.cli import main
from core.edit_facts import Origin, photo_digest
from core.edits import EditStore
from core.errors import MaskError
from core.image import encode_png
from core.mask_files import mask_bytes, read_mask_file, rle_file

RNG = np.random.default_rng(0)
MASK = RNG.random((40, 60)) < 0.5
PHOTO = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["m.png", "M.PNG", "m.json"])
@pytest.mark.parametrize("mask", [MASK, np.zeros((40, 60), bool), np.ones((40, 60), bool)])
def test_a_mask_comes_back_bit_for_bit(name: str, mask: np.ndarray) -> None:
    assert np.array_equal(read_mask_file(mask_bytes(mask, name), name, (40, 60)), mask)


def test_an_rle_of_cocos_own_tools_is_read() -> None:
    theirs = coco.encode(np.asfortranarray(MASK.astype(np.uint8)))
    rle = {"size": theirs["size"], "counts": theirs["counts"].decode()}
    for value in (rle, {"id": 1, "segmentation": rle}):
        data = json.dumps(value).encode()
        assert np.array_equal(read_mask_file(data, "m.json", (40, 60)), MASK)
    assert json.loads(rle_file(MASK)) == rle


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.png", mask_bytes(MASK.T, "m.png")),
        ("m.json", mask_bytes(MASK.T, "m.json")),
        ("m.png", b"no picture"),
        ("m.json", b"{"),
        ("m.json", b"[[1, 2]]"),
        ("m.json", b'{"segmentation": [[0, 0, 1, 1, 2, 0]]}'),
        ("m.json", b'{"size": [40, 60], "counts": "zz"}'),
        ("m.json", b'{"size": [40, 60], "counts": 7}'),
        ("m.png", encode_png(PHOTO)),
    ],
)
def test_what_is_no_mask_of_the_photo_is_refused_by_name(name: str, data: bytes) -> None:
    with pytest.raises(MaskError, match=name):
        read_mask_file(data, name, (40, 60))


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARMASK_EDITS", str(tmp_path / "edits"))
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(PHOTO))
    return path


def test_the_command_takes_a_mask_in_and_out(photo: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.json"
    given.write_bytes(rle_file(MASK))
    assert main(["mask", str(photo), "--import", str(given)]) == 0
    accepted = EditStore(tmp_path / "edits").accepted(photo_digest(PHOTO), (40, 60))
    assert accepted is not None and accepted.mask is not None
    assert np.array_equal(accepted.mask, MASK) and accepted.facts.origin.kind == "imported"
    out = [tmp_path / "out.png", tmp_path / "out.json"]
    assert main(["mask", str(photo), "--out", *map(str, out)]) == 0
    for path in out:
        assert np.array_equal(read_mask_file(path.read_bytes(), path.name, (40, 60)), MASK)
    second = tmp_path / "second.png"
    second.write_bytes(mask_bytes(~MASK, "second.png"))
    assert main(["mask", str(photo), "--import", str(second)]) == 0
    assert len(EditStore(tmp_path / "edits").edits(photo_digest(PHOTO))) == 2  # nothing is lost


def test_the_command_refuses_what_does_not_fit(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mask", str(photo), "--out", str(tmp_path / "o.png")]) == 2
    assert "no accepted edited mask" in capsys.readouterr().err
    small = tmp_path / "small.png"
    small.write_bytes(mask_bytes(MASK[:20], "small.png"))
    assert main(["mask", str(photo), "--import", str(small)]) == 2
    assert "small.png" in capsys.readouterr().err
    assert not (tmp_path / "edits").exists()
    EditStore(tmp_path / "edits").begin(photo_digest(PHOTO), "p", MASK, Origin()).accept()
    assert main(["mask", str(photo), "--out", str(tmp_path / "o.gif")]) == 2
    assert main(["mask", str(tmp_path), "--out", str(tmp_path / "o.png")]) == 2
    assert main(["mask", str(tmp_path / "gone.png"), "--out", str(tmp_path / "o.png")]) == 2
    assert not (tmp_path / "o.png").exists()
