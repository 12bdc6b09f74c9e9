"""Reads the summary of a run that `training.runlog` wrote; looks again at what changed only."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.architecture import UNetConfig
from core.errors import CarmaskError, reason
from core.split_verdict import read_verdict
from training.config import TrainConfig
from training.logs.statuses import ALIVE
from training.logs.summary import RunSummary, Scores
from training.logs.tail import Tail
from training.runlog import is_locked

Files = Mapping[str, os.stat_result]
"""The files of a run's folder by name, as they are now."""

_CRASHED = "The trainer ended without saying why; the end of log.txt shows what it did last."


class OwnRun:
    """One run's summary, kept up to date."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._config = _JsonFile(folder / "config.json", _config_facts)
        self._environment = _JsonFile(folder / "environment.json", _environment_facts)
        self._split = _JsonFile(folder / "split.json", _split_facts)
        self._state = _JsonFile(folder / "state.json", _state_facts)
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
        parts = (self._config, self._environment, self._split, self._state)
        values: dict[str, Any] = {}
        for part in parts:
            values |= part.read(files.get(part.path.name))
        errors = [part.error for part in parts if part.error]
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


class _JsonFile:
    """What matters of one JSON file."""

    def __init__(self, path: Path, facts: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.path = path
        self.error = ""
        self.known: dict[str, Any] = {}
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
        try:
            values = json.loads(self.path.read_bytes())
            if not isinstance(values, dict):
                raise ValueError("it holds no settings by name")
            self.known = self._facts(values)
        except FileNotFoundError:
            self.known = {}
        except (OSError, ValueError, RecursionError) as error:
            self.error = f"{self.path.name} can't be read: {reason(error)}."
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
            self._take(_line(data[start:end]))
            place = data.find(b'"val"', end)
        self._take_end(data)
        return ""

    def _take(self, line: dict[str, Any]) -> None:
        values = line.get("val")
        if not isinstance(values, dict) or "step" not in line:
            return
        names = [field.name for field in fields(Scores) if field.name != "epoch"]
        figures = {name: _figure(values, name) for name in names}
        self.last = Scores(_whole(line, "epoch") or 0, **figures)
        if self.best is None or self.last.rank > self.best.rank:
            self.best = self.last

    def _take_end(self, data: bytes) -> None:
        """Notes how far the run came, from its last whole line."""
        end = len(data)
        while end > 0:
            start = data.rfind(b"\n", 0, end) + 1
            line = _line(data[start:end])
            if "step" in line:
                names = ("step", "images")
                self.reached = {name: _whole(line, name) or 0 for name in names}
                self.seconds = _figure(line, "seconds")
                break
            end = start - 1
        if self.last:
            self.reached["epoch"] = self.last.epoch


def _config_facts(values: dict[str, Any]) -> dict[str, Any]:
    data = values.get("data")
    folders = data if isinstance(data, list) else []
    return {
        "data": tuple(re.split(r"[/\\]", str(folder).rstrip("/\\"))[-1] for folder in folders),
        "seed": _whole(values, "seed"),
        "epochs": _whole(values, "epochs") or 0,
        "parameters": _parameters(values),
    }


def _parameters(values: dict[str, Any]) -> int | None:
    """Returns the size of the network; an older run's missing settings are the defaults."""
    names = ("width", "depth", "widest", "norm", "stem", "padding")
    chosen = {name: values.get(name, getattr(TrainConfig, name)) for name in names}
    try:
        return UNetConfig(in_channels=3, out_channels=1, **chosen).parameter_count()
    except (CarmaskError, TypeError):
        return None


def _environment_facts(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _text(values, name) for name in ("device", "device_name")}


def _split_facts(values: dict[str, Any]) -> dict[str, Any]:
    return {"verdict": read_verdict(values.get("verdict"))}


def _state_facts(values: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "status": _text(values, "status") or "unknown",
        "message": _text(values, "message"),
        "cause": _text(values, "cause"),
        "updated": _time(_text(values, "updated")),
    }
    for name in ("epoch", "epochs", "step", "images"):
        number = _whole(values, name)
        if number is not None:
            facts[name] = number
    facts["share"] = _figure(values, "share") or 0.0
    return facts


def _stamp(found: os.stat_result | None) -> tuple[int, ...] | None:
    return (found.st_size, found.st_mtime_ns, found.st_ino) if found else None


def _line(text: bytes) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return line if isinstance(line, dict) else {}


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


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def _whole(values: dict[str, Any], name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) else None


def _figure(values: dict[str, Any], name: str) -> float | None:
    value = values.get(name)
    known = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if known and value is not None else None
