"""The queue of runs: who waits for which device, as files, so that it outlives every process.

runs/.queue/ holds <run>.waiting (a start that was asked for), <run>.begun (the one that a worker
has taken), <run>.failed (why one ended that could not say it itself), <run>.txt (what it prints)
and <device>.lock (held by the device's worker for life, see `training.jobs.launch`).
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from core.errors import RunError, reason

_WAITING, _BEGUN, _FAILED = ".waiting", ".begun", ".failed"


@dataclass(frozen=True)
class Entry:
    """One start that was asked for."""

    run: Annotated[str, Field(pattern=r"^\w[\w.-]{0,79}$")]
    """The run's name."""
    device: str
    """"cpu", "cuda", "cuda:1", "mps": runs of one device wait for each other."""
    arguments: tuple[str, ...]
    """The command line after `python -m training`."""
    asked: Annotated[float, Field(allow_inf_nan=False)]
    """When, in seconds since 1970; the oldest comes first."""


_ENTRY = TypeAdapter(Entry)


class Queue:
    """The starts that wait in one folder of runs."""

    def __init__(self, runs: Path) -> None:
        self.folder = runs / ".queue"

    def add(self, run: str, device: str, arguments: list[str]) -> None:
        """Puts a run at the end.

        Raises:
            RunError: It is in the queue already, or the folder can't be written.
        """
        entry = Entry(run, device, tuple(arguments), time.time())
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._path(run, _BEGUN).exists():
                raise FileExistsError
            with self._path(run, _WAITING).open("x", encoding="utf-8") as file:
                file.write(json.dumps(asdict(entry)))
            self._path(run, _FAILED).unlink(missing_ok=True)
        except FileExistsError as error:
            raise RunError(f"The run {run} is in the queue already.") from error
        except OSError as error:
            raise RunError(
                f"The folder of runs {self.folder.parent} can't be written: {reason(error)}. "
                "Make room or give yourself the right to write there, then start again."
            ) from error

    def waiting(self, device: str = "") -> list[Entry]:
        """Returns what waits, the oldest first; for one device, or for all."""
        return self._entries(_WAITING, device)

    def begun(self, device: str = "") -> list[Entry]:
        """Returns what a worker has taken and not finished."""
        return self._entries(_BEGUN, device)

    def remove(self, run: str) -> bool:
        """Returns whether a waiting run was taken out; one that has begun can't be."""
        try:
            self._path(run, _WAITING).unlink()
        except OSError:
            return False
        return True

    def take(self, device: str) -> Entry | None:
        """Returns the oldest entry of a device, which from now on has begun."""
        for entry in self.waiting(device):
            with suppress(FileNotFoundError):  # it was removed at this moment
                self._path(entry.run, _WAITING).rename(self._path(entry.run, _BEGUN))
                return entry
        return None

    def done(self, run: str, failure: str = "") -> None:
        """Forgets a run that has ended; keeps why, where it failed."""
        with suppress(OSError):
            if failure:
                self._path(run, _FAILED).write_text(failure, encoding="utf-8")
        self._path(run, _BEGUN).unlink(missing_ok=True)

    def put_back(self, device: str) -> None:
        """Lets those wait again that a killed worker had taken and that never began."""
        for entry in self.begun(device):
            if (self.folder.parent / entry.run).exists():
                self.done(entry.run)
            else:
                self._path(entry.run, _BEGUN).rename(self._path(entry.run, _WAITING))

    def failure(self, run: str) -> str:
        """Returns why the last start of a run failed; "" where it did not."""
        try:
            return self._path(run, _FAILED).read_text(encoding="utf-8")
        except OSError:
            return ""

    def failed(self) -> list[str]:
        """Returns the runs whose last start failed."""
        return sorted(path.name.removesuffix(_FAILED) for path in self._files(_FAILED))

    def console(self, run: str) -> Path:
        """The file that a run's trainer prints to."""
        return self.folder / f"{run}.txt"

    def lock(self, device: str) -> Path:
        """The file that a device's worker holds for life."""
        return self.folder / f"{device}.lock"

    def _path(self, run: str, kind: str) -> Path:
        return self.folder / f"{run}{kind}"

    def _files(self, kind: str) -> list[Path]:
        return list(self.folder.glob(f"*{kind}"))

    def _entries(self, kind: str, device: str) -> list[Entry]:
        found = (_read(path) for path in self._files(kind))
        entries = [each for each in found if each and device in ("", each.device)]
        return sorted(entries, key=lambda each: (each.asked, each.run))


def device_of(setting: str) -> str:
    """Returns which device's queue a run stands in, from its setting; asks no driver.

    Of "auto" it says what torch would most likely choose; a wrong guess changes only whom a run
    waits for.
    """
    if setting == "auto":
        if shutil.which("nvidia-smi"):
            return "cuda"
        apple = sys.platform == "darwin" and platform.machine() == "arm64"
        return "mps" if apple else "cpu"
    return "cuda" if setting == "cuda:0" else setting


def _read(path: Path) -> Entry | None:
    """Returns an entry; None where its file is gone, or being written just now."""
    try:
        return _ENTRY.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):
        return None
