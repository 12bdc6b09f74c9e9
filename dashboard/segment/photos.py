"""The photos a person brings to a page, each with a key by which results are kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.photos import Listing, PhotoSource, list_photos, list_uploads


@dataclass(frozen=True)
class Photo:
    """A photo that can be read, and what tells it from all others."""

    source: PhotoSource
    """Its name, its results' stem, and how it is read."""
    key: str
    """Made from the content of the upload and the place in it: the same photo, the same key."""
    copy: int = 0
    """Photos before it that are the same, with the same key: somebody brought one twice."""
    truth: Path | None = None
    """File of its true mask, where one is known."""


def uploaded_photos(files: Sequence[tuple[str, bytes]]) -> Listing[Photo]:
    """Returns the photos among uploads, (name, bytes) each; ZIPs are looked into.

    Names are made unique over all uploads, keys are not touched by what else was uploaded.
    """
    digests = [hashlib.blake2b(data, digest_size=16).hexdigest() for _, data in files]
    sources = list_uploads(files)
    photos, copies = list[Photo](), Counter[str]()
    for source in sources:
        key = f"{digests[source.place[0]]}/{source.place[1]}"
        photos.append(Photo(source, key, copy=copies[key]))
        copies[key] += 1
    return Listing(photos, sources.left_out)


def sample_photo(path: Path, truth: Path | None) -> Photo:
    """Returns the photo in a file of this machine."""
    (source,) = list_photos([path])
    facts = path.stat()
    return Photo(source, f"{path}/{facts.st_mtime_ns}/{facts.st_size}", truth=truth)
