"""What checkpoints say of single photos: computed once, in a thread of its own, and kept.

The newest wish is served first, so that somebody who walks through photos quickly waits for the one
that is looked at and not for those that were passed.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.errors import StreamlitAPIException

from core.errors import CarmaskError, reason
from core.image import read_image
from core.masks import Mask, MaskSettings, mask_from_probability
from core.session import BoundedCache
from dashboard.compare.measured import subject_for
from dashboard.compare.rows import Row
from dashboard.ui.words import duration
from training.data.folder import Sample

KEPT_BYTES = 200_000_000
"""Most that predictions weigh together."""
_NETWORKS = 4
"""Networks that are kept loaded."""
_LOOK = 0.15
"""Seconds between two looks whether somebody did something else."""
_WAITING = 48
"""Wishes that wait at most; of more, the oldest are dropped."""

Probability = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a row says of one photo, as small as it can be kept."""

    key: str
    """What tells it from others: row, photo and settings, as their files are now."""
    shape: tuple[int, int] = (0, 0)
    """Height and width of the photo in px."""
    bits: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """The mask, eight pixels a byte."""
    error: str = ""
    """Why there is no mask: the photo or the checkpoint can't be read."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, bool (H, W)."""
        height, width = self.shape
        return np.unpackbits(self.bits, count=height * width).reshape(self.shape).view(np.bool_)


class Predictions:
    """Predictions of all sessions."""

    def __init__(self, load: Callable[[Row], Probability], kept_bytes: int = KEPT_BYTES) -> None:
        """Starts empty.

        Args:
            load: Returns the function from a photo to its probability that a row stands for.
            kept_bytes: Most that predictions weigh together.
        """
        self._load = load
        self._kept: BoundedCache[Prediction] = BoundedCache(kept_bytes)
        self._networks: OrderedDict[str, Probability] = OrderedDict()  # of the thread alone
        self._waiting: OrderedDict[str, tuple[Callable[[], Prediction], Future[Prediction]]]
        self._waiting = OrderedDict()
        self._served: tuple[str, Future[Prediction]] | None = None  # what is being looked at now
        self._lock = Lock()
        # One at a time: two networks at once on a CPU take longer than in turn.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="carmask-compare")

    def ask(self, row: Row, sample: Sample, settings: MaskSettings) -> Future[Prediction]:
        """Returns what a row says of a photo, at once where it is known; the newest goes first.

        The future is cancelled where too many newer wishes came: then ask again.

        Args:
            row: Checkpoint, ensemble or cascade.
            sample: The photo.
            settings: Threshold and clean-up.
        """
        network = f"{row.flips} {row.cascade}\0" + "\0".join(_as_it_is(path) for path in row.paths)
        key = f"{network}\0{settings!r}\0{_as_it_is(sample.image_path)}"
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                done: Future[Prediction] = Future()
                done.set_result(known)
                return done
            if self._served is not None and self._served[0] == key:
                return self._served[1]
            if key in self._waiting:
                self._waiting.move_to_end(key)
                return self._waiting[key][1]
            future: Future[Prediction] = Future()
            make = partial(self._make, key, network, row, sample, settings)
            self._waiting[key] = make, future
            while len(self._waiting) > _WAITING:
                self._waiting.popitem(last=False)[1][1].cancel()
        self._thread.submit(self._serve)
        return future

    def mask(self, row: Row, sample: Sample, settings: MaskSettings) -> Mask:
        """Returns what a row says of a photo, bool (H, W); waits for it.

        Raises:
            CarmaskError: The photo or the checkpoint can't be read.
        """
        while True:
            with suppress(CancelledError):  # newer wishes came; so it is one again
                said = self.ask(row, sample, settings).result()
                if said.error:
                    raise CarmaskError(said.error)
                return said.mask

    def _serve(self) -> None:
        """Serves the newest wish."""
        with self._lock:
            if not self._waiting:
                return  # it was dropped
            key, (make, future) = self._waiting.popitem()
            if not future.set_running_or_notify_cancel():
                return
            self._served = key, future
        try:
            future.set_result(make())
        except Exception as error:  # whoever waits is told; the thread goes on
            future.set_exception(error)

    def _make(
        self, key: str, network: str, row: Row, sample: Sample, settings: MaskSettings
    ) -> Prediction:
        try:
            image = read_image(sample.image_path)
            mask = mask_from_probability(self._network(network, row)(image), settings)
        except (CarmaskError, OSError) as error:
            made = Prediction(key, error=reason(error))
        else:
            made = Prediction(key, (image.shape[0], image.shape[1]), np.packbits(mask))
        self._kept.put(key, made, made.bits.nbytes + 500)
        return made

    def _network(self, key: str, row: Row) -> Probability:
        if key not in self._networks:
            self._networks[key] = self._load(row)
            while len(self._networks) > _NETWORKS:
                self._networks.popitem(last=False)
        self._networks.move_to_end(key)
        return self._networks[key]


@st.cache_resource(show_spinner=False)
def predictions() -> Predictions:
    """Returns the predictions of all sessions."""
    return Predictions(_load)


def redraw_when_known(asked: Sequence[Future[Prediction]], waiting: str = "") -> None:
    """Waits for predictions and draws again; returns at once where all are known.

    The last thing that a page does, with everything else drawn: whatever a person does meanwhile
    ends the wait. (A clock that looks for them would send choices that are old by then.)

    Args:
        asked: What was asked for.
        waiting: What is said meanwhile.
    """
    if all(each.done() and not each.cancelled() for each in asked):
        return
    said, began = st.empty(), time.monotonic()
    while not all(each.done() for each in asked):
        wait(asked, timeout=_LOOK)
        doing = waiting or "The networks look at this photo …"
        said.caption(f"{doing} {duration(time.monotonic() - began)}")  # here a wait can end
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is being drawn
        st.rerun()


def _load(row: Row) -> Probability:
    return subject_for(row).load()


def _as_it_is(path: Path) -> str:
    """Returns a file's path with its size and time: another text when the file is another."""
    try:
        stat = path.stat()
    except OSError:
        return f"{path}, missing"
    return f"{path}, {stat.st_size}, {stat.st_mtime_ns}"
