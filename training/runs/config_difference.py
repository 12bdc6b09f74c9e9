"""How the settings of runs differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from core.files import read_json


def config_difference(runs: Sequence[Path]) -> pd.DataFrame:
    """Returns the settings in which runs differ: a row a setting, a column a run, texts in cells.

    A setting that a run's version does not know is None. A run whose config.json is missing or
    damaged has a column of None and makes no row differ.

    Args:
        runs: Run folders; of two with one name the columns are called by their whole paths.
    """
    configs = [settings_of(run / "config.json") for run in runs]
    readable = [config for config in configs if config]
    names = list(dict.fromkeys(chain.from_iterable(readable)))
    rows = [name for name in names if len({config.get(name) for config in readable}) > 1]
    short = len({run.name for run in runs}) == len(runs)
    return pd.DataFrame(
        [[config.get(name) for config in configs] for name in rows],
        index=pd.Index(rows, name="setting", dtype=object),
        columns=pd.Index([run.name if short else str(run) for run in runs], dtype=object),
        dtype=object,
    )


def settings_of(path: Path) -> dict[str, str]:
    """Returns every setting of a JSON file as text, also those that this version does not know.

    A setting inside another is called "outer.inner"; a missing or damaged file has none.
    """
    try:
        values = read_json(path)
    except (OSError, ValueError):
        return {}
    return dict(_flat(values)) if isinstance(values, dict) else {}


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    settings = []
    for name, value in values.items():
        if isinstance(value, dict):
            settings += _flat(value, f"{before}{name}.")
        else:
            settings.append((before + name, _text(value)))
    return settings


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, float) and value.is_integer():  # 5 and 5.0 are one setting
        return str(int(value))
    return json.dumps(value)
