"""Digests of photos, by which a photo is known under whatever name and in whatever folder."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from training.data.folder import Sample

_WHOLE = 1 << 20
"""Longest file in bytes that is read whole."""
_BLOCKS, _BLOCK = 16, 1 << 16
"""Of a longer file: how many blocks, evenly spread from its first byte to its last, of so many
bytes."""


def photo_digests(samples: Iterable[Sample]) -> dict[str, tuple[str, ...]]:
    """Returns the digests of photos by the cars that they show, sorted, each once.

    Equal files have equal digests. A copy that was encoded anew or resized has another one. A photo
    that can't be read has none.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        try:
            facts = sample.image_path.stat()
            digest = _digest(sample.image_path, facts.st_size, facts.st_mtime_ns)
        except OSError:
            continue
        found[sample.car].add(digest)
    return {car: tuple(sorted(digests)) for car, digests in sorted(found.items())}


@lru_cache(maxsize=200_000)
def _digest(path: Path, size: int, changed: int) -> str:
    """Returns the digest of a file, 16 hexadecimal digits; it is read again only once changed.

    Args:
        path: The file.
        size: Its size in bytes.
        changed: When it was last changed, in ns; part of the cache's key.
    """
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=8)
    with path.open("rb") as file:
        if size <= _WHOLE:
            digest.update(file.read())
        else:
            for block in range(_BLOCKS):
                file.seek((size - _BLOCK) * block // (_BLOCKS - 1), os.SEEK_SET)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()
