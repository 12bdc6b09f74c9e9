"""The colour space that a PNG, HEIC or AVIF file names by numbers, which Pillow does not read."""

import struct
from typing import BinaryIO, NamedTuple

_HEAD_BYTES = 1 << 16
_FIRST_CHUNK = 8


class CodePoints(NamedTuple):
    """How a PNG's cICP chunk or a HEIC's or AVIF's nclx box names a colour space.

    Source: ITU-T H.273, tables 2 and 3.
    """

    primaries: int
    """Colour primaries, such as 1 of sRGB, 12 of Display P3."""
    transfer: int
    """Transfer characteristics, such as 13 of sRGB, 16 and 18 of HDR."""


def code_points(stream: BinaryIO, kind: str) -> CodePoints | None:
    """Return what a file says of its colour space by numbers; None where it says nothing.

    Args:
        stream: The file; its position does not matter.
        kind: Its format.

    Source: PNG, third edition, 11.3.2.6 (cICP); ISO/IEC 14496-12, 12.1.5 (colr).
    """
    if kind == "PNG":
        return _of_png(stream)
    if kind in {"HEIC", "AVIF"}:
        stream.seek(0)
        head = stream.read(_HEAD_BYTES)
        at = head.find(b"colrnclx") + 8
        if 8 <= at <= len(head) - 4:
            return CodePoints(*struct.unpack_from(">HH", head, at))
    return None


def _of_png(stream: BinaryIO) -> CodePoints | None:
    at = _FIRST_CHUNK
    while True:
        stream.seek(at)
        header = stream.read(12)
        if len(header) < 12 or header[4:8] in {b"IDAT", b"IEND"}:
            return None
        if header[4:8] == b"cICP":
            return CodePoints(header[8], header[9])
        at += 12 + int.from_bytes(header[:4], "big")
