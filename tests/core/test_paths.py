from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.files import read_bytes_within
from core.paths import to_path


def test_what_is_typed_becomes_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert to_path("~/cars") == tmp_path / "cars"
    assert to_path(f'  "{tmp_path}" ') == tmp_path
    assert to_path("below", tmp_path) == tmp_path / "below"
    assert to_path("/elsewhere", tmp_path) == Path("/elsewhere")
    (tmp_path / "file").touch()
    assert to_path("file/below", tmp_path) == tmp_path / "file" / "below"


@pytest.mark.parametrize(
    "text", ["a\0b", "x" * 300, "/y" * 3000, "~nobody-of-this-name/x", "lone \ud800", "circle"]
)
def test_what_can_be_no_path_is_a_short_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(ConfigError) as caught:
        to_path(text, tmp_path)
    assert len(str(caught.value)) < 300


def test_only_a_regular_file_of_a_bounded_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_bytes_within(file, 5) == b"12345"
    with pytest.raises(OSError) as caught:
        read_bytes_within(file, 4)
    assert caught.value.errno == errno.EFBIG
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "gone", Path("a\0b")):
        with pytest.raises(OSError):
            read_bytes_within(path)
