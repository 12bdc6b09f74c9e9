"""The folder of an augmented set: its manifest, and who writes it.

out/augment.json says what the set is made from and how, out/manifest.jsonl has one line a picture
in the source's order, out/images/ and out/masks/ hold the pictures. The same command makes these
byte for byte the same, interrupted or not. Beside them stand the files of a job (see
`training.jobs.job`) and, if a page started it, recipe.json; these are no part of the set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import DataError, reason
from core.files import parse_json, write_bytes_atomically
from training.augment.written.settings import (
    IMAGES,
    MANIFEST,
    MASKS,
    SETTINGS,
    AugmentJob,
    is_temporary,
)
from training.data.folder import Sample


@dataclass(frozen=True)
class Part:
    """What stands already of a set: the pictures of the first photos, whole."""

    photos: int = 0
    """Photos that are done."""
    images: int = 0
    """Pictures in the folder."""
    unreadable: tuple[str, ...] = ()
    """Photos that could not be read."""
    size: int = 0
    """Length of their manifest lines in bytes."""


class AugmentedFolder:
    """An augmented set's folder, held by its writer."""

    def __init__(self, job: AugmentJob, settings: dict[str, Any]) -> None:
        """Writes augment.json where there is none; raises a DataError where it can't."""
        self.out = job.out
        self.versions = job.versions
        self.manifest = job.out / MANIFEST
        text = json.dumps(settings, indent=1) + "\n"
        try:
            if not (job.out / SETTINGS).exists():
                write_bytes_atomically(job.out / SETTINGS, text.encode())
        except OSError as error:
            raise DataError(f"{job.out} can't be written ({reason(error)}).") from error

    def prepare(self, samples: Sequence[Sample]) -> Part:
        """Returns what stands already, and removes what an interrupted writer left behind it.

        A photo counts if the manifest names all its pictures and all of their files are there.
        """
        for folder in (IMAGES, MASKS):
            (self.out / folder).mkdir(exist_ok=True)
        present = self._present()
        part = self._complete(samples, present) if self.manifest.exists() else Part()
        with self.manifest.open("ab") as file:
            file.truncate(part.size)
        return part

    def append(self, lines: Sequence[str]) -> None:
        """Appends the lines of one photo to the manifest, all of them or none.

        Raises:
            OSError: The disk is full, or fails.
        """
        data = "".join(f"{line}\n" for line in lines).encode()
        with self.manifest.open("ab", buffering=0) as file:
            start = file.tell()
            try:
                while data:
                    data = data[file.write(data) :]
            except OSError:
                with suppress(OSError):
                    file.truncate(start)
                raise

    def _present(self) -> set[str]:
        """Returns the paths of all pictures that are not empty; removes temporary files."""
        found = set()
        for folder in (self.out, self.out / IMAGES, self.out / MASKS):
            for root, folders, names in os.walk(folder):
                place = Path(root).relative_to(self.out).as_posix()
                for name in names:
                    path = f"{root}/{name}"
                    if is_temporary(name):
                        Path(path).unlink(missing_ok=True)
                    elif os.stat(path).st_size:  # noqa: PTH116 - a hundred thousand times
                        found.add(f"{place}/{name}")
                if folder == self.out:
                    folders.clear()
        return found

    def _complete(self, samples: Sequence[Sample], present: set[str]) -> Part:
        photos = images = size = 0
        unreadable = []
        with self.manifest.open("rb") as file:
            for index, sample in enumerate(samples):
                group = self._group(file, index, sample, present)
                if not group:
                    break
                photos += 1
                size += sum(map(len, group))
                if is_failure(group[0]):
                    unreadable.append(sample.name)
                else:
                    images += len(group)
        return Part(photos, images, tuple(unreadable), size)

    def _group(self, file: IO[bytes], index: int, sample: Sample, present: set[str]) -> list[bytes]:
        """Returns the next lines of the manifest if they are all of one photo's, else none."""
        group = []
        for number in self.versions:
            raw = file.readline()
            line = _parsed(raw)
            if line.get("source") != sample.name or line.get("index") != index:
                return []
            if is_failure(raw):
                return [raw]
            if line.get("version") != number or not {line["image"], line["mask"]} <= present:
                return []
            group.append(raw)
        return group


def is_failure(line: str | bytes) -> bool:
    """Returns whether a manifest's line tells of a photo that can't be read, not of a picture."""
    start = '{"source"'  # a picture's line starts with its image
    return line.startswith(start) if isinstance(line, str) else line.startswith(start.encode())


def _parsed(raw: bytes) -> dict[str, Any]:
    """Returns a line of the manifest; an empty one where it is torn or foreign."""
    try:
        line = parse_json(raw) if raw.endswith(b"\n") else {}
    except ValueError:
        return {}
    known = isinstance(line, dict) and (is_failure(raw) or {"image", "mask"} <= line.keys())
    return line if known else {}
