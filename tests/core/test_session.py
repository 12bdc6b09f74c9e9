"""One model for many callers: a photo is predicted once, however many ask."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.edit_facts import Origin, photo_digest
from core.edits import EditStore
from core.errors import CarmaskError
from core.image import encode_jpeg
from core.image_model import ImageModel, Prediction
from core.masks import MaskSettings
from core.session import (
    BoundedCache,
    PredictionSession,
    local_photo,
    shared_session,
    uploaded_photos,
)
from tests.pages.untrained import write_checkpoint


def jpeg(height: int, width: int, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    return encode_jpeg(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    cache: BoundedCache[str] = BoundedCache(10)
    cache.put("a", "A", 4)
    cache.put("b", "B", 4)
    assert cache.get("a") == "A"
    cache.put("c", "C", 4)
    assert [cache.get(key) for key in "abc"] == ["A", None, "C"]
    cache.put("a", "large", 100)
    assert [cache.get(key) for key in "abc"] == ["large", None, None]


def test_the_cache_forgets_what_nobody_used_for_a_while() -> None:
    cache: BoundedCache[str] = BoundedCache(10)
    cache.put("a", "A", 4)
    cache.put("b", "B", 4)
    time.sleep(0.05)
    cache.get("a")
    cache.forget(0.04)
    assert [cache.get(key) for key in "ab"] == ["A", None]
    cache.put("c", "large", 6)
    assert [cache.get(key) for key in "ac"] == ["A", "large"]


def test_all_of_a_process_share_a_session(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, "a")
    session = shared_session(path)
    assert shared_session(path) is session
    other = write_checkpoint(tmp_path, "b")
    assert shared_session(path, other) is not session
    os.utime(path, ns=(1, 1))  # written anew
    assert shared_session(path) is not session
    path.unlink()
    with pytest.raises(CarmaskError, match="gone"):
        shared_session(path)


class SlowModel(ImageModel):
    """Predicts slowly enough for others to queue; counts the photos."""

    name = "slow"
    threshold = 0.5

    def __init__(self) -> None:
        self.predicted = 0

    def predict(self, image: np.ndarray) -> Prediction:
        self.predicted += 1
        time.sleep(0.2)
        return Prediction(np.full((4, 4), image.mean() / 255, np.float32), 0.0)


def test_racing_reruns_segment_a_photo_once() -> None:
    model = SlowModel()
    session = PredictionSession(model)
    photos = uploaded_photos([(f"{n}.jpg", jpeg(40, 60, n)) for n in range(2)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: session.prepare(photos[n % 2], 100).result, range(8)))
    assert model.predicted == 2
    assert all(result is found[n % 2] for n, result in enumerate(found))


def test_a_known_photo_is_not_read_again(tmp_path: Path) -> None:
    model = SlowModel()
    session = PredictionSession(model)
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg(40, 60))
    photo = local_photo(file)
    prepared = session.prepare(photo, 30)
    assert prepared.picture.shape == (20, 30, 3) and prepared.result.shape == (40, 60)
    assert prepared.result.mask(MaskSettings(0.0)).shape == (40, 60)
    file.write_bytes(b"no photo any more")
    assert session.prepare(photo, 30).result is prepared.result and model.predicted == 1
    with pytest.raises(CarmaskError):
        session.prepare(local_photo(file), 30)


def test_what_is_predicted_without_a_key_is_not_remembered() -> None:
    model = SlowModel()
    session = PredictionSession(model)
    (photo,) = uploaded_photos([("a.jpg", jpeg(40, 60))])
    read = photo.source.load()
    first, second = session.predict(read), session.predict(read)
    assert model.predicted == 2
    assert np.array_equal(first.prediction.probability, second.prediction.probability)


def test_it_waits_for_neither_torch_nor_streamlit() -> None:
    script = "import sys, core.session; print(sorted({'torch', 'streamlit'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_an_accepted_edited_mask_goes_before_the_predicted_one(tmp_path: Path) -> None:
    store, settings = EditStore(tmp_path / "edits"), MaskSettings(0.99)
    (photo,) = uploaded_photos([("a.jpg", jpeg(40, 60))])
    session = PredictionSession(SlowModel(), edits=store)
    result = session.prepare(photo, 100).result
    assert result.edit is None and not result.mask(settings).any()
    edited = np.zeros((40, 60), np.bool_)
    edited[8:24, 12:36] = True
    draft = store.begin(photo_digest(photo.source.read()), "a.jpg", edited, Origin())
    assert not result.mask(settings).any()
    draft.accept()
    assert result.edit and np.array_equal(result.mask(settings), edited)
    assert np.array_equal(result.mask(settings, (20, 30)), edited[::2, ::2])
    assert not result.predicted_mask(settings).any()
    store.withdraw(result.digest)
    assert not result.mask(settings).any()


def test_an_edited_mask_that_is_damaged_is_said_and_the_predicted_one_used(tmp_path: Path) -> None:
    store = EditStore(tmp_path / "edits")
    (photo,) = uploaded_photos([("a.jpg", jpeg(40, 60))])
    result = PredictionSession(SlowModel(), edits=store).prepare(photo, 100).result
    draft = store.begin(result.digest, "a.jpg", np.ones((40, 60), np.bool_), Origin())
    draft.accept()
    for name in ("mask.png", "start.png"):
        (store.path(draft.facts) / name).write_bytes(b"damaged")
    assert result.edit and result.edit.problem
    assert not result.mask(MaskSettings(0.99)).any()
