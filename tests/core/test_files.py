"""Writing a file whole or not at all."""

import pytest

from core import files as files_module
from core.files import append_line, write_bytes_atomically


def test_atomic_write(tmp_path):
    path = tmp_path / ("ü" * 120 + ".png")
    write_bytes_atomically(path, b"old")
    write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    beside = tmp_path / "beside"
    beside.write_bytes(b"")
    assert path.stat().st_mode == beside.stat().st_mode


def test_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    path.write_bytes(b"old")

    def full(descriptor):
        assert path.read_bytes() == b"old"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_bytes_atomically(tmp_path / "no folder" / "x", b"new")


def test_an_added_line_stands_alone_whatever_was_cut_short(tmp_path):
    path = tmp_path / "lines"
    append_line(path, b"one")
    append_line(path, b"two")
    with path.open("ab") as file:
        file.write(b"cut sho")
    append_line(path, b"three")
    assert path.read_bytes() == b"one\ntwo\ncut sho\nthree\n"
