"""Many photos on many machines: Ray's workers segment them as one process does.

Ray is an extra (`pip install "carmask[ray]"`) and imported only where somebody asks for it. The
workers read photos and write results themselves, so that only a line a photo travels.
"""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from core.edits import EditStore
from core.errors import ConfigError
from core.own_results import OwnResults
from core.predict import load_model
from core.results import ResultRow
from core.segment import Indexed, SegmentOptions, segment_one
from core.session import PredictionSession

TOGETHER = 8
"""Photos that a worker is given at a time: as many are done again when it is killed."""
STORE_BYTES = 100_000_000
"""Memory of a local cluster for what travels between its processes."""
_TRIES = 3
"""How often a photo may take its worker down before it is given up."""
_ROW = TypeAdapter(ResultRow)
Batch = Mapping[str, Any]
"""Columns of a part of a data set, each an array."""


class RayEngine:
    """An engine for `core.segment.segment_photos`."""

    def __init__(
        self,
        paths: tuple[Path, Path | None],
        edits: EditStore | None,
        *,
        device: str = "auto",
        workers: int | None = None,
    ) -> None:
        """Imports Ray and starts nothing.

        Args:
            paths: The checkpoint and its fallback.
            edits: Where edited masks lie; None to ignore them.
            device: As for `core.device.resolve_device`; with "cuda" each worker gets a card.
            workers: How many; None for one a core of the cluster.

        Raises:
            ConfigError: Ray is not installed, or there would be no worker.
        """
        try:
            import ray  # noqa: F401
        except ImportError as error:
            text = 'Ray is not installed; run `pip install "carmask[ray]"` for --engine ray.'
            raise ConfigError(text) from error
        if workers is not None and workers < 1:
            raise ConfigError(f"--workers is {workers}; it must be at least 1.")
        self._given = {
            "paths": [path and path.absolute() for path in paths],
            "edits": edits and edits.folder.absolute(),
            "device": device,
            "here": Path.cwd(),
        }
        self._on_card = device.startswith("cuda")
        self._workers = workers

    def __call__(
        self, photos: Indexed, out: Path, options: SegmentOptions
    ) -> Iterator[tuple[int, ResultRow]]:
        """Yields each photo's index and line, once each, when its files are written.

        A worker that dies is started anew with the photos that it was at. A photo that takes its
        worker down again and again gets a line with that as its error.

        Raises:
            OSError: A result can't be written.
        """
        import ray

        own_cluster = bool(photos) and not ray.is_initialized()
        if own_cluster:
            _start(self._workers)
        try:
            left = dict(photos)
            for together in chain((TOGETHER,), repeat(1)):  # alone if a worker died beside another
                before = len(left)
                for index, row in self._rows(list(left.items()), out, options, together):
                    del left[index]
                    yield index, row
                if together == 1 and len(left) == before:
                    break
            for index, source in left.items():
                error = f"{source.name}: its worker ended before it was done, at every try."
                yield index, ResultRow(source.name, error=error)
        finally:
            if own_cluster:
                ray.shutdown()

    def _rows(
        self, photos: Indexed, out: Path, options: SegmentOptions, together: int
    ) -> Iterator[tuple[int, ResultRow]]:
        import ray.data

        if not photos:
            return
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # the command draws its own
        context.max_errored_blocks = -1
        items = [{"index": index, "source": pickle.dumps(each)} for index, each in photos]
        workers = self._workers or int(ray.cluster_resources().get("CPU", 1))
        count = -(-len(items) // together)
        blocks = ray.data.from_items(items, override_num_blocks=count)
        with warnings.catch_warnings():  # the retries have no other name yet
            warnings.simplefilter("ignore")
            found = blocks.map_batches(
                _Worker,
                fn_constructor_args=(self._given, out.absolute(), options),
                batch_size=None,
                compute=ray.data.ActorPoolStrategy(size=min(workers, count)),
                num_cpus=1,
                num_gpus=1 if self._on_card else None,
                max_task_retries=_TRIES,
            )
        for each in found.iter_rows():
            if each["os_error"]:
                raise OSError(*pickle.loads(each["os_error"]))
            yield int(each["index"]), _ROW.validate_json(each["row"])


class _Worker:
    """One of Ray's processes: it loads the networks once and is given photos, some at a time."""

    def __init__(self, given: Mapping[str, Any], out: Path, options: SegmentOptions) -> None:
        if given["here"].is_dir():
            os.chdir(given["here"])  # names of photos may start there
        edits = EditStore(given["edits"]) if given["edits"] else None
        first, fallback = given["paths"]
        model = load_model(first, fallback, given["device"])
        self._session = PredictionSession(model, edits=edits)
        self._out, self._options, self._own = out, options, OwnResults()

    def __call__(self, batch: Batch) -> dict[str, Any]:
        """Returns the columns index, row (JSON) and os_error: why a result can't be written."""
        rows, errors = [], []
        for source in map(pickle.loads, batch["source"]):
            row, error = ResultRow(source.name), b""
            try:
                row = segment_one(self._session, source, self._out, self._own, self._options)
            except OSError as problem:
                name = problem.filename2 or problem.filename
                error = pickle.dumps((problem.errno, problem.strerror, name and str(name)))
            rows.append(_ROW.dump_json(row))
            errors.append(error)
        return {"index": np.asarray(batch["index"]), "row": rows, "os_error": errors}


def _start(workers: int | None) -> None:
    """Joins the cluster of RAY_ADDRESS, or starts one on this machine; nothing is reported home."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if "RAY_ADDRESS" in os.environ:
        ray.init(**quiet)
        return
    ray.init(
        num_cpus=workers,
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        **quiet,
    )
