from __future__ import annotations

import gc
import io
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageError
from core.session import uploaded_photos
from core.uploads import Uploads, UploadStore


def jpeg(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for seed, name in enumerate(names):
            archive.writestr(name, jpeg(seed))
    return stream.getvalue()


def test_stored_files_give_the_photos_that_their_bytes_give() -> None:
    files = [
        ("a.jpg", jpeg()), ("b.zip", zipped("x.jpg", "y.jpg")), ("a.jpg", jpeg(5)),
        ("bad.jpg", b"text"), ("../../etc/passwd.jpg", jpeg(6)), ("empty.png", b""),
    ]  # fmt: skip
    uploads, plain = Uploads(), uploaded_photos(files)
    assert uploads.add(files[:2]) == [] and uploads.add(files[2:]) == []
    facts = [(photo.key, photo.copy, photo.source.name, photo.source.stem) for photo in plain]
    found = uploads.photos
    assert [(each.key, each.copy, each.source.name, each.source.stem) for each in found] == facts
    for stored, direct in zip(found, plain, strict=True):
        try:
            wanted = direct.source.read()
        except ImageError as error:
            with pytest.raises(ImageError) as raised:
                stored.source.read()
            assert str(raised.value) == str(error)
        else:
            assert np.array_equal(stored.source.read(), wanted)


def test_what_has_no_room_is_named_and_the_rest_is_stored() -> None:
    data = jpeg()
    uploads = Uploads(limit=2 * len(data))
    assert uploads.add([("a.jpg", data), ("b.jpg", data), ("c.jpg", data)]) == ["c.jpg"]
    assert [photo.source.name for photo in uploads.photos] == ["a.jpg", "b.jpg"]


def test_a_key_finds_its_files_and_no_other_does() -> None:
    store = UploadStore()
    one, other = store.create(), store.create()
    assert one.key != other.key and len(one.key) >= 32
    assert store.find(one.key) is one
    for guess in ("", "../..", "/etc/passwd", one.key[:-1], one.key + "x"):
        assert store.find(guess) is None
    store.discard(one.key)
    assert store.find(one.key) is None and store.find(other.key) is other


def folders(root: Path) -> set[Path]:
    return set(root.glob("carmask-uploads-*"))


def test_discarded_files_leave_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = UploadStore()
    uploads = store.create()
    uploads.add([("a.jpg", jpeg())])
    assert len(folders(tmp_path)) == 1
    store.discard(uploads.key)
    del uploads
    gc.collect()
    assert not folders(tmp_path)


def test_idle_files_go() -> None:
    store = UploadStore(idle=0.05)
    uploads = store.create()
    assert store.find(uploads.key) is uploads
    time.sleep(0.1)
    assert store.find(uploads.key) is None


def test_over_the_limit_of_all_the_least_recently_used_go() -> None:
    data = jpeg()
    store = UploadStore(limit=2 * len(data))
    old, used, new = store.create(), store.create(), store.create()
    for uploads in (old, used, new):
        time.sleep(0.01)
        uploads.add([("a.jpg", data)])
        store.find(uploads.key)
    time.sleep(0.01)
    assert store.find(used.key) is used
    assert store.find(old.key) is None
    assert store.find(new.key) is new
