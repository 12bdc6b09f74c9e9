"""What the commands on photos share: the choice of networks, and the progress."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.checkpoint import default_fallback, find_checkpoint, list_checkpoints
from core.edits import EditStore
from core.errors import CheckpointError
from core.names import counted, first_few
from core.photos import Listing, PhotoSource
from core.places import current_edits, current_runs, shipped_runs
from core.results import ResultRow


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which networks predict, and on what."""
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE_OR_RUN",
        help="default: the best checkpoint below --runs",
    )
    parser.add_argument(
        "--fallback",
        "--second",  # its name before
        metavar="FILE_OR_RUN",
        help="predicts where the checkpoint is uncertain, or none; default: the checkpoint below "
        "--runs that was trained on the same data sets and most others; none where --checkpoint "
        "is given",
    )
    parser.add_argument(
        "--runs", type=Path, default=_default_runs(), help="where the best checkpoint is looked for"
    )
    parser.add_argument(
        "--ignore-edits",
        action="store_true",
        help="predict also where there is an accepted edited mask of the photo (in edits/, or the "
        "folder CARMASK_EDITS)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")


def _default_runs() -> Path:
    """Returns CARMASK_RUNS, else runs/ here, or where there is none the runs that ship."""
    here = current_runs()
    return here if here.is_dir() or "CARMASK_RUNS" in os.environ else shipped_runs()


def chosen_checkpoints(options: argparse.Namespace) -> tuple[Path, Path | None]:
    """Returns the checkpoint, and its fallback."""
    wanted = None if options.fallback in (None, "none") else Path(options.fallback)
    if options.checkpoint:
        return options.checkpoint, wanted
    entries = [entry for entry in list_checkpoints(options.runs) if entry.info is not None]
    if not entries:
        raise CheckpointError(
            f"There is no checkpoint below {options.runs}; give one with --checkpoint, or train "
            "one."
        )
    usual = default_fallback(entries[0], entries) if options.fallback is None else None
    return entries[0].path, usual.path if usual else wanted


def chosen_edits(options: argparse.Namespace) -> EditStore | None:
    """Returns where the edited masks lie that go before predicted ones; None to ignore them."""
    return None if options.ignore_edits else EditStore(current_edits())


def networks_state(paths: Iterable[Path | None], edits: EditStore | None) -> str:
    """Returns a text that changes whenever a checkpoint, or an accepted edited mask, does."""
    found = []
    for path in filter(None, paths):
        file = find_checkpoint(path)
        facts = file.stat()
        found.append(f"{file.resolve()}/{facts.st_mtime_ns}/{facts.st_size}")
    return " ".join([*found, edits.state()] if edits else found)


def name_edited(rows: Sequence[ResultRow]) -> None:
    """Prints which masks are edited ones; nothing where none is."""
    if edited := [row.file for row in rows if row.edited]:
        print(
            f"{len(edited)} of them by an edited mask ({first_few(edited, 5)}); --ignore-edits "
            "takes the predicted ones."
        )


class PhotoProgress:
    """A bar on stderr, and a line above it for each photo of which there is something to say."""

    def __init__(self, bar: Progress, title: str, total: int) -> None:
        """Adds a task to a bar."""
        self._bar, self._title = bar, title
        self._task = bar.add_task(title, total=total)

    def prepared(self, done: int) -> None:
        """Shows how many photos were measured before the work begins."""
        self._bar.update(self._task, completed=done, description="measure")

    def resumed(self, count: int) -> None:
        """Says how many photos an interrupted call had finished."""
        text = f"{counted(count, 'photo')} finished before; --anew makes their files again."
        self._bar.console.print(text, highlight=False, markup=False)
        self._bar.update(self._task, completed=count)

    def show(self, done: int, row: ResultRow) -> None:
        """Shows that so many photos are done, and the last one's row."""
        write = self._bar.console.print
        if row.error:
            write(row.error, style="red", highlight=False, markup=False)
        elif row.note:
            write(f"{row.file}: {row.note}", highlight=False, markup=False)
        self._bar.update(self._task, completed=done, description=self._title)


@contextmanager
def photo_progress(title: str, sources: Listing[PhotoSource]) -> Iterator[PhotoProgress]:
    """Draws a bar while photos are worked on.

    Args:
        title: What is being done.
        sources: The photos; what was left out is said first.
    """
    console = Console(stderr=True)
    for sentence in sources.left_out:
        console.print(sentence, highlight=False, markup=False)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        yield PhotoProgress(bar, title, len(sources))
