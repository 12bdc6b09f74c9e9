"""The summary of a run of ours; only files that changed are read again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from core.architecture import Norm, Padding, Stem, UNetConfig
from core.errors import CarmaskError, reason
from core.facts import Count
from core.files import Facts, Found, read_facts
from core.split_verdict import read_verdict
from training.config import TrainConfig
from training.runs.runlog import StateFile, is_locked
from training.runs.summary import ALIVE, RunSummary, Scores, finite
from training.runs.tail import Tail, parse_lines

T = TypeVar("T", bound=Facts)

Files = Mapping[str, os.stat_result]
"""The files of a run's folder by name, as they are now."""

_CRASHED = "The trainer ended without saying why; the end of log.txt shows what it did last."


class OwnRun:
    """One run's summary, kept up to date."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._config = _JsonFile(folder / "config.json", _ConfigFile, _config_facts)
        self._environment = _JsonFile(
            folder / "environment.json", _EnvironmentFile, _environment_facts
        )
        self._split = _JsonFile(folder / "split.json", _SplitFile, _split_facts)
        self._state = _JsonFile(folder / "state.json", StateFile, _state_facts)
        self._metrics = _Metrics(folder / "metrics.jsonl")
        self._started: datetime | None = None
        self._stamp: object = None
        self._summary = RunSummary(name, folder)

    def read(self, files: Files) -> RunSummary:
        """Returns the run as it is now.

        Args:
            files: The folder's files, as just seen; a file unchanged since is not opened.
        """
        names = ("config.json", "environment.json", "split.json", "state.json", "metrics.jsonl")
        stamp = tuple(_stamp(files.get(name)) for name in names)
        if stamp != self._stamp:
            self._summary = self._read(files)
            self._stamp = stamp
        summary = self._summary
        if summary.status in ALIVE and not is_locked(self._folder):
            # A trainer that ended well between both looks has written how by now.
            state = self._state.read_again()
            if state.get("status", summary.status) in ALIVE:
                message = summary.message or _CRASHED
                return replace(summary, status="crashed", message=message)
            return replace(summary, **state)
        if "lock" in files and "state.json" not in files:
            if is_locked(self._folder):
                return replace(summary, status="starting")
            return replace(summary, status="crashed", message=_CRASHED)
        return summary

    def _read(self, files: Files) -> RunSummary:
        values: dict[str, Any] = {}
        errors: list[str] = []
        for part in (self._config, self._environment, self._split, self._state):
            values |= part.read(files.get(part.path.name))
            errors += [part.error] if part.error else []
        metrics = self._metrics
        error = metrics.update()
        if error:
            errors.append(error)
        if self._started is None:
            self._started = _first_time(self._folder / "log.txt")
        values["started"] = self._started
        values["best"], values["last"] = metrics.best, metrics.last
        for name in ("epoch", "step", "images"):
            values[name] = max(values.get(name, 0), metrics.reached.get(name, 0))
        values["seconds"] = metrics.seconds
        if values.get("status", "running") == "running" and "metrics.jsonl" in files:
            written = datetime.fromtimestamp(files["metrics.jsonl"].st_mtime, UTC)
            values["updated"] = max(written, values.get("updated") or written)
        return RunSummary(self._name, self._folder, **values, error=" ".join(errors))


class _JsonFile(Generic[T]):
    """What matters of one JSON file."""

    def __init__(
        self, path: Path, schema: type[T], facts: Callable[[Found[T]], dict[str, Any]]
    ) -> None:
        self.path = path
        self.error = ""
        self.known: dict[str, Any] = {}
        self._schema = schema
        self._facts = facts
        self._stamp: tuple[int, ...] | None = None

    def read(self, found: os.stat_result | None) -> dict[str, Any]:
        """Returns the facts, from memory where the file did not change."""
        stamp = _stamp(found)
        if stamp != self._stamp:
            self._stamp = stamp
            self.error, self.known = "", {}
            if found is not None:
                self.read_again()
        return self.known

    def read_again(self) -> dict[str, Any]:
        """Returns the facts, read now."""
        found = read_facts(self.path, self._schema)
        self.error = found.error(self.path.name)
        self.known = {} if "" in found.broken else self._facts(found)
        return self.known


class _Metrics:
    """What a list shows of a metrics.jsonl; of ten thousand lines it takes apart a few."""

    def __init__(self, path: Path) -> None:
        self._tail = Tail(path)
        self._forget()

    def _forget(self) -> None:
        self.best: Scores | None = None
        self.last: Scores | None = None
        self.reached: dict[str, int] = {}
        self.seconds: float | None = None

    def update(self) -> str:
        """Reads what was appended; returns why not, else nothing."""
        try:
            appended = self._tail.read()
        except OSError as error:
            return f"metrics.jsonl can't be read: {reason(error)}."
        if appended.afresh:
            self._forget()
        data = appended.data
        place = data.find(b'"val"')
        while place >= 0:
            start, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
            end = len(data) if end < 0 else end
            for line in parse_lines(data[start:end]):
                self._take(line)
            place = data.find(b'"val"', end)
        self._take_end(data)
        return ""

    def _take(self, line: dict[str, Any]) -> None:
        values = line.get("val")
        if not isinstance(values, dict):
            return
        self.last = Scores.read(line.get("epoch", 0), values)
        if self.best is None or self.last.rank > self.best.rank:
            self.best = self.last

    def _take_end(self, data: bytes) -> None:
        """Notes how far the run came, from its last whole line."""
        end = len(data)
        while end > 0:
            start = data.rfind(b"\n", 0, end) + 1
            lines = parse_lines(data[start:end])
            if lines:
                self.reached = {name: lines[0].get(name, 0) for name in ("step", "images")}
                self.seconds = finite(lines[0].get("seconds"))
                break
            end = start - 1
        if self.last:
            self.reached["epoch"] = self.last.epoch


class _ConfigFile(Facts):
    """What matters of config.json; an older run's missing settings are the defaults."""

    data: tuple[str, ...] = ()
    seed: Count | None = None
    epochs: Count = 0
    width: Annotated[int, Field(ge=1, le=512)] = TrainConfig.width
    depth: Annotated[int, Field(ge=1, le=8)] = TrainConfig.depth
    widest: Annotated[int, Field(ge=0, le=65_536)] = TrainConfig.widest
    norm: Norm = TrainConfig.norm
    stem: Stem = TrainConfig.stem
    padding: Padding = TrainConfig.padding


_NETWORK = ("width", "depth", "widest", "norm", "stem", "padding")


def _config_facts(found: Found[_ConfigFile]) -> dict[str, Any]:
    config = found.facts
    return {
        "data": tuple(re.split(r"[/\\]", folder.rstrip("/\\"))[-1] for folder in config.data),
        "seed": config.seed,
        "epochs": config.epochs,
        "parameters": None if found.broken.keys() & set(_NETWORK) else _parameters(config),
    }


def _parameters(config: _ConfigFile) -> int | None:
    """Returns the size of the network; None for one that can't be."""
    chosen = config.model_dump(include=set(_NETWORK))
    try:
        return UNetConfig(in_channels=3, out_channels=1, **chosen).parameter_count()
    except CarmaskError:
        return None


class _EnvironmentFile(Facts):
    """What matters of environment.json."""

    device: str = ""
    device_name: str = ""


def _environment_facts(found: Found[_EnvironmentFile]) -> dict[str, Any]:
    return found.facts.model_dump()


class _SplitFile(Facts):
    """What matters of split.json."""

    verdict: str | dict[str, Any] | None = None


def _split_facts(found: Found[_SplitFile]) -> dict[str, Any]:
    return {"verdict": read_verdict(found.facts.verdict)}


def _state_facts(found: Found[StateFile]) -> dict[str, Any]:
    state = found.facts
    return {
        **state.model_dump(exclude_none=True),
        "status": state.status or "unknown",
        "updated": _time(state.updated),
    }


def _stamp(found: os.stat_result | None) -> tuple[int, ...] | None:
    return (found.st_size, found.st_mtime_ns, found.st_ino) if found else None


def _first_time(path: Path) -> datetime | None:
    """Returns when a log's first line was written."""
    try:
        with path.open("rb") as file:
            words = file.readline(200).split()
    except OSError:
        return None
    return _time(words[0].decode("utf-8", "replace")) if words else None


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
