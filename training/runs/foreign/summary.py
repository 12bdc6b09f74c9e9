"""What a list of runs shows of a foreign log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import CarmaskError, reason
from core.metric_table import METRICS
from training.runs.foreign import LogFiles, read_foreign
from training.runs.summary import RunSummary, Scores, finite


def summarise(name: str, folder: Path, log: LogFiles) -> RunSummary:
    """Returns the summary of a foreign log, with the error where it can't be read."""
    try:
        found = read_foreign(log)
        written = max(path.stat().st_mtime for path in log.paths)
    except (CarmaskError, OSError) as error:
        text = str(error) if isinstance(error, CarmaskError) else reason(error)
        return RunSummary(name, folder, log.format, error=text)
    epochs, steps = found.curves.epochs, found.curves.steps
    scores = [each for row in epochs.to_dict("records") if (each := _scores(row))]
    both = pd.concat([part[["time", "seconds"]] for part in (steps, epochs)])
    start = both["time"].min()
    return RunSummary(
        name,
        folder,
        log.format,
        epoch=int(epochs["epoch"].max()) if len(epochs) else 0,
        epochs=found.epochs,
        step=int(max(part["step"].max() if len(part) else 0 for part in (steps, epochs))),
        started=None if pd.isna(start) else start.to_pydatetime(),
        updated=datetime.fromtimestamp(written, UTC),
        seconds=finite(both["seconds"].max()),
        best=max(scores, key=lambda each: each.rank, default=None),
        last=scores[-1] if scores else None,
        remark=found.remark,
    )


def _scores(row: dict[Any, Any]) -> Scores | None:
    """Returns the validation figures of an epoch; None where it has none."""
    scores = Scores.read(
        int(row["epoch"]), {metric.name: row.get(f"val_{metric.name}") for metric in METRICS}
    )
    return scores if scores.figures else None
