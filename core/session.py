"""One model for many callers: it predicts each photo once, and remembers what it can."""

from __future__ import annotations

import functools
import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from core.edit_facts import photo_digest
from core.edits import Accepted, EditStore
from core.errors import CheckpointError
from core.image import ReadPhoto, thumbnail
from core.masks import MaskSettings, mask_from_probability
from core.photos import Listing, PhotoSource, list_photos, list_uploads
from core.places import edits_folder
from core.preprocess import resize_mask
from core.public import is_public

if TYPE_CHECKING:
    from core.image_model import ImageModel, Prediction

CACHE_BYTES = 300_000_000
"""Most that predictions weigh together, and most that pictures do."""

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Values by key for all threads, bounded by what they weigh; the least recently used go.

    Not one that counts its entries: one photo can weigh a thousand times another's.
    """

    def __init__(self, limit: int) -> None:
        """Starts empty; `limit` is the most that the entries may weigh together, in bytes."""
        self._limit = limit
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._used: dict[str, float] = {}
        self._weight = 0

    def get(self, key: str) -> Value | None:
        """Returns the value of a key, which counts as used now; None if there is none."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            self._used[key] = time.monotonic()
            return self._entries[key][0]

    def put(self, key: str, value: Value, weight: int) -> None:
        """Stores a value of `weight` bytes; the least recently used go if need be."""
        with self._lock:
            if key in self._entries:
                self._weight -= self._entries.pop(key)[1]
            self._entries[key] = (value, weight)
            self._used[key] = time.monotonic()
            self._weight += weight
            while self._weight > self._limit and len(self._entries) > 1:
                self._drop_oldest()

    def forget(self, seconds: float) -> None:
        """Drops the entries that nobody used for so many seconds."""
        with self._lock:
            oldest = time.monotonic() - seconds
            while self._entries and self._used[next(iter(self._entries))] < oldest:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        key, (_, freed) = self._entries.popitem(last=False)
        del self._used[key]
        self._weight -= freed


@dataclass(frozen=True)
class Photo:
    """A photo that can be read, and the key of its results."""

    source: PhotoSource
    """Its name, its results' stem, and how it is read."""
    key: str
    """Made from the content of the upload and the place in it: the same photo, the same key."""
    copy: int = 0
    """Photos before it that are the same, with the same key: somebody brought one twice."""
    truth: Path | None = None
    """File of its true mask, where one is known."""


def uploaded_photos(files: Sequence[tuple[str, bytes | Path]]) -> Listing[Photo]:
    """Returns the photos among uploads; ZIPs are looked into.

    Names are made unique over all uploads, keys are not touched by what else was uploaded.

    Args:
        files: Each one's name, and its bytes or the file that they were stored in.
    """
    digests = [_digest(data) for _, data in files]
    sources = list_uploads(files)
    photos, copies = list[Photo](), Counter[str]()
    for source in sources:
        key = f"{digests[source.place[0]]}/{source.place[1]}"
        photos.append(Photo(source, key, copy=copies[key]))
        copies[key] += 1
    return Listing(photos, sources.left_out)


def _digest(data: bytes | Path) -> str:
    """Returns what tells one file's content from another's; raises OSError."""
    if isinstance(data, bytes):
        return hashlib.blake2b(data, digest_size=16).hexdigest()
    with data.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def local_photo(path: Path, truth: Path | None = None) -> Photo:
    """Returns the photo in a file of this machine."""
    (source,) = list_photos([path])
    return Photo(source, f"{path}/{source.stamp}", truth=truth)


@dataclass(frozen=True)
class PhotoResult:
    """What a model predicted for a photo; small, and all that a mask needs.

    A mask that a person edited and accepted goes before the predicted one wherever `mask` is used.
    """

    prediction: Prediction
    """Probability on the network's grid, uncertainty, and which checkpoint predicted."""
    shape: tuple[int, int]
    """Height and width of the upright photo in px."""
    seconds: float
    """Time of the prediction, that of the mirrored photo included."""
    note: str
    """What was guessed or left aside when the photo was read; "" for most photos."""
    digest: str = ""
    """Of the photo's pixels; see `core.edit_facts.photo_digest`."""
    edits: EditStore | None = field(default=None, repr=False, compare=False)
    """Where its edited masks lie; None to ignore them."""

    @property
    def edit(self) -> Accepted | None:
        """The photo's accepted mask, or why it can't be used; None where there is none."""
        return self.edits.accepted(self.digest, self.shape) if self.edits else None

    def mask(
        self, settings: MaskSettings, shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Returns the mask, bool, at the photo's own size or at `shape` (height, width).

        It is the accepted edited mask where there is one, to which no setting applies; else the
        predicted one.
        """
        edit = self.edit
        if edit is not None and edit.mask is not None:
            return resize_mask(edit.mask, *(shape or self.shape))
        return self.predicted_mask(settings, shape)

    @property
    def edited(self) -> bool:
        """Whether `mask` is one that a person edited and accepted."""
        edit = self.edit
        return edit is not None and edit.mask is not None

    @property
    def edge_probability(self) -> NDArray[np.float32] | None:
        """What tells how exactly the edge of `mask` is known; None where a person drew it."""
        return None if self.edited else self.prediction.probability

    def predicted_mask(
        self, settings: MaskSettings, shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Returns the mask as `mask` does, but the predicted one in any case."""
        return mask_from_probability(self.prediction.at_size(*(shape or self.shape)), settings)


@dataclass(frozen=True)
class Prepared:
    """A photo that is ready to be shown: changing a setting touches neither file nor model."""

    photo: Photo
    """Where it comes from."""
    picture: NDArray[np.uint8]
    """The photo at the size of a screen, uint8 (h, w, 3)."""
    result: PhotoResult
    """What was predicted for it."""


class PredictionSession:
    """A model with the results so far, shared by all threads."""

    def __init__(
        self,
        model: ImageModel,
        cache_bytes: int = CACHE_BYTES,
        *,
        edits: EditStore | None = None,
    ) -> None:
        """Takes a model over; nothing else may call it.

        Args:
            model: One with an uncertainty; see `core.predict.load_model`.
            cache_bytes: Most that predictions weigh together, and most that pictures do.
            edits: Where edited masks lie, which go before predicted ones; None to ignore them.
        """
        self.model = model
        self._edits = edits
        self._one_at_a_time = Lock()  # two networks at once on a CPU take longer than in turn
        self._results: BoundedCache[PhotoResult] = BoundedCache(cache_bytes)
        self._pictures: BoundedCache[NDArray[np.uint8]] = BoundedCache(cache_bytes)

    @classmethod
    def load(
        cls, path: Path, fallback: Path | None = None, *, edits: EditStore | None = None
    ) -> PredictionSession:
        """Returns the session of a checkpoint file; imports torch, which takes seconds.

        Args:
            path: The checkpoint.
            fallback: Predicts where the first one is uncertain; loaded when that happens.
            edits: Where edited masks lie; None to ignore them.

        Raises:
            CheckpointError: The file can't be used.
        """
        from core.predict import load_model

        return cls(load_model(path, fallback), edits=edits)

    def edits_state(self) -> str:
        """Returns a text that changes whenever an edited mask is accepted or withdrawn."""
        return self._edits.state() if self._edits else ""

    def forget(self, seconds: float) -> None:
        """Drops what nobody looked at for so many seconds: photos of people who have left."""
        self._results.forget(seconds)
        self._pictures.forget(seconds)

    def prepare(
        self, photo: Photo, longest: int, read: Callable[[], ReadPhoto] | None = None
    ) -> Prepared:
        """Returns a photo with its result, from the caches where they have them.

        Args:
            photo: The photo; it is read at most once, and not at all if both are known.
            longest: Longest side of the picture to show, in px.
            read: How the photo is read, by a caller that needs it read too.

        Raises:
            CarmaskError: The photo can't be read.
        """
        read = read or functools.cache(photo.source.load)
        key = f"{longest}/{photo.key}"
        picture = self._pictures.get(key)
        if picture is None:
            picture = thumbnail(read().pixels, longest)
            self._pictures.put(key, picture, picture.nbytes)
        return Prepared(photo, picture, self.result(photo.key, read))

    def result(self, key: str, read: Callable[[], ReadPhoto]) -> PhotoResult:
        """Returns the result of the photo with a key; `read` is called only if that isn't known.

        Raises:
            CarmaskError: The photo can't be read.
        """
        result = self._results.get(key)
        if result is None:
            photo = read()
            with self._one_at_a_time:
                result = self._results.get(key)  # who held the lock may have had this photo
                if result is None:
                    result = self._predict(photo)
                    self._results.put(key, result, result.prediction.probability.nbytes)
        return result

    def predict(self, photo: ReadPhoto) -> PhotoResult:
        """Returns the result of a photo that was read; it is not remembered."""
        with self._one_at_a_time:
            return self._predict(photo)

    def _predict(self, photo: ReadPhoto) -> PhotoResult:
        started = time.perf_counter()
        prediction = self.model.predict(photo.pixels)
        seconds = time.perf_counter() - started
        shape, digest = photo.pixels.shape[:2], photo_digest(photo.pixels) if self._edits else ""
        return PhotoResult(prediction, shape, seconds, photo.note, digest, self._edits)


def shared_session(path: Path, fallback: Path | None = None) -> PredictionSession:
    """Returns the session of checkpoint files that all of this process share; see `load`.

    A file that was written anew is loaded anew; the two that were used last stay loaded.

    Raises:
        CheckpointError: A file can't be used.
    """
    with _LOADING:
        return _shared(_as_it_is(path), _as_it_is(fallback) if fallback else None)


def shared_sessions() -> list[PredictionSession]:
    """Returns the sessions that were shared so far."""
    return list(_SHARED)


_LOADING = Lock()
_SHARED: WeakSet[PredictionSession] = WeakSet()


def _as_it_is(file: Path) -> tuple[Path, int, int]:
    """Returns a file with its time (ns) and size (bytes): it is another one when they change."""
    try:
        facts = file.stat()
    except OSError as error:
        text = f"{file.name} is gone ({error.strerror}). Choose another checkpoint."
        raise CheckpointError(text) from error
    return file, facts.st_mtime_ns, facts.st_size


@functools.lru_cache(maxsize=2)
def _shared(
    first: tuple[Path, int, int], fallback: tuple[Path, int, int] | None
) -> PredictionSession:
    edits = None if is_public() else EditStore(edits_folder())
    session = PredictionSession.load(first[0], fallback[0] if fallback else None, edits=edits)
    _SHARED.add(session)
    return session
