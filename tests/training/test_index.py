import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import training.health.index
from training.data.folder import Dataset, Sample, open_dataset
from training.data.mask_source import CocoMask
from training.health.facts import ImageFacts, measure
from training.health.index import FactsIndex, default_index


@pytest.fixture
def dataset(tiny_data: Path) -> Dataset:
    return open_dataset(tiny_data)


@pytest.fixture
def index(tmp_path: Path) -> FactsIndex:
    return FactsIndex(tmp_path / "cache" / "facts.sqlite")


def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lists the names that are measured from now on in this process."""
    names: list[str] = []
    before = training.health.index.measure_with_picture

    def count(sample: Sample) -> tuple[ImageFacts, bytes]:
        names.append(sample.name)
        return before(sample)

    monkeypatch.setattr(training.health.index, "measure_with_picture", count)
    return names


def test_facts_are_those_of_measure(dataset: Dataset, index: FactsIndex) -> None:
    assert index.known(dataset.samples) == [None] * 15
    index.update(dataset.samples, workers=0)
    assert index.known(dataset.samples) == [measure(sample) for sample in dataset.samples]
    assert all(len(picture) == 48 * 48 for picture in index.pictures(dataset.samples))


@pytest.mark.slow
def test_processes_measure_the_same(
    dataset: Dataset, index: FactsIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.health.index, "CHUNK", 4)
    seen: list[tuple[int, int]] = []
    index.update(dataset.samples, workers=2, progress=lambda *at: seen.append(at))
    assert index.known(dataset.samples) == [measure(sample) for sample in dataset.samples]
    assert seen[0] == (0, 15)
    assert seen[-1] == (15, 15)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_only_what_changed_is_measured_again(
    dataset: Dataset, index: FactsIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.update(dataset.samples, workers=0)
    index.close()
    again = FactsIndex(index.path)
    names = counting(monkeypatch)
    again.update(dataset.samples, workers=0)
    assert names == []
    photo, mask = dataset.samples[2].image_path, dataset.samples[5].mask_path
    os.utime(photo, ns=(1, 1))  # same size, other time
    mask.write_bytes(mask.read_bytes() + b"0")
    assert [sample.name for sample in again.missing(dataset.samples)] == ["car0_03", "car1_03"]
    again.update(dataset.samples, workers=0)
    assert names == ["car0_03", "car1_03"]


def test_masks_in_one_file_are_told_apart(
    dataset: Dataset, index: FactsIndex, tmp_path: Path
) -> None:
    (tmp_path / "all.json").write_text("{}")
    outlines = "[[[0, 0, 32, 0, 32, 48, 0, 48]]]", "[[[0, 0, 16, 0, 16, 48, 0, 48]]]"
    samples = [
        replace(dataset.samples[0], mask=CocoMask(tmp_path / "all.json", "x", 48, 64, outline))
        for outline in outlines
    ]
    index.update(samples, workers=0)
    first, second = index.known(samples)
    assert first is not None
    assert second is not None
    assert first.share > 1.5 * second.share


def test_table_has_a_row_a_sample(dataset: Dataset, index: FactsIndex) -> None:
    index.update(dataset.samples[:4], workers=0)
    table = index.table(dataset)
    assert list(table.name) == [sample.name for sample in dataset.samples]
    assert list(table.car[:4]) == ["car0", "car0", "car0", "car1"]
    assert list(table.view[:4]) == ["01", "02", "03", "01"]
    assert table.share.dtype == table.width.dtype == np.float64
    assert table.share.notna().sum() == 4
    facts = measure(dataset.samples[1])
    assert table.share[1] == facts.share
    assert table.digest[1] == facts.digest
    assert table.digest[5] is None
    assert table.touches[1] == facts.touches


def test_table_of_an_empty_folder_has_its_columns(index: FactsIndex) -> None:
    empty = Dataset("none", Path("none"), "paired", (), (), ())
    assert len(index.table(empty)) == 0
    assert {"name", "car", "view", "share", "error"} <= set(index.table(empty).columns)


def test_unreadable_photos_are_known_too(dataset: Dataset, index: FactsIndex) -> None:
    dataset.samples[0].image_path.write_bytes(b"")
    index.update(dataset.samples[:1], workers=0)
    (facts,) = index.known(dataset.samples[:1])
    assert facts is not None
    assert facts.width == 0
    assert np.isnan(facts.brightness)
    assert "empty" in facts.error
    assert index.pictures(dataset.samples[:1]) == [b""]


def test_stop_keeps_what_is_measured(
    dataset: Dataset, index: FactsIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.health.index, "CHUNK", 4)
    asked = iter([False, False, True])
    index.update(dataset.samples, workers=0, stop=lambda: next(asked))
    assert sum(facts is not None for facts in index.known(dataset.samples)) == 8


@pytest.mark.slow
def test_a_killed_process_keeps_what_it_measured(dataset: Dataset, index: FactsIndex) -> None:
    code = (
        "import os, sys, training.health.index as m; m.CHUNK = 4\n"
        "from pathlib import Path\n"
        "from training.data.folder import open_dataset\n"
        "from training.health.index import FactsIndex\n"
        "kill = lambda done, total: done >= 8 and os.kill(os.getpid(), 9)\n"
        "samples = open_dataset(Path(sys.argv[1])).samples\n"
        "FactsIndex(Path(sys.argv[2])).update(samples, workers=0, progress=kill)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(dataset.root), str(index.path)])
    assert killed.returncode == -9
    assert sum(facts is not None for facts in index.known(dataset.samples)) == 8
    index.update(dataset.samples, workers=0)
    assert None not in index.known(dataset.samples)


def test_two_indexes_of_one_file_write_at_once(dataset: Dataset, index: FactsIndex) -> None:
    other = FactsIndex(index.path)
    threads = [
        threading.Thread(target=each.update, args=(dataset.samples,), kwargs={"workers": 0})
        for each in (index, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert index.notice == other.notice == ""
    assert None not in index.known(dataset.samples)
    assert index.known(dataset.samples) == other.known(dataset.samples)


def test_a_damaged_file_is_begun_anew(dataset: Dataset, index: FactsIndex) -> None:
    index.update(dataset.samples[:2], workers=0)
    index.close()
    index.path.write_bytes(b"no database" * 1000)
    again = FactsIndex(index.path)
    assert "was damaged" in again.notice
    assert again.known(dataset.samples[:2]) == [None, None]
    again.update(dataset.samples[:2], workers=0)
    again.close()
    third = FactsIndex(index.path)
    assert third.notice == ""
    assert None not in third.known(dataset.samples[:2])


def test_a_file_that_can_not_be_made_leaves_the_index_in_memory(
    dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    index = FactsIndex(tmp_path / "file" / "facts.sqlite")
    assert "can't be used" in index.notice
    assert "CARMASK_CACHE" in index.notice
    index.update(dataset.samples[:3], workers=0)
    assert None not in index.known(dataset.samples[:3])


def test_a_write_that_fails_goes_on_in_memory(dataset: Dataset, index: FactsIndex) -> None:
    index.update(dataset.samples[:2], workers=0)
    index._base.execute("PRAGMA query_only = 1")  # as a file that turned read-only
    index.update(dataset.samples, workers=0)
    assert "can't be used" in index.notice
    assert None not in index.known(dataset.samples)
    assert sum(f is not None for f in FactsIndex(index.path).known(dataset.samples)) == 2


def test_facts_of_another_version_are_forgotten(
    dataset: Dataset, index: FactsIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.update(dataset.samples[:2], workers=0)
    index.close()
    monkeypatch.setattr(training.health.index, "FACTS_VERSION", 999)
    assert FactsIndex(index.path).known(dataset.samples[:2]) == [None, None]
    with sqlite3.connect(index.path) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (999,)
    base.close()


@pytest.mark.slow
def test_a_photo_that_ends_its_process_is_a_fact_and_spares_the_others(
    dataset: Dataset, index: FactsIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A decoder that ends its process at one photo, loaded by each process through its environment.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def watch(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('car2_02.jpg'):\n"
        "        os._exit(7)\n"
        "if '-m' in sys.orig_argv:\n"
        "    sys.addaudithook(watch)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(training.health.index, "CHUNK", 4)
    index.update(dataset.samples, workers=1)
    facts = dict(zip([s.name for s in dataset.samples], index.known(dataset.samples), strict=True))
    assert facts["car2_02"] is not None
    assert "ended its process (status 7)" in facts["car2_02"].error
    assert [name for name, fact in facts.items() if fact and fact.error] == ["car2_02"]


def test_default_index_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path))
    assert default_index() == tmp_path / "facts.sqlite"
    monkeypatch.delenv("CARMASK_CACHE")
    assert default_index().name == "facts.sqlite"
    assert "carmask" in str(default_index())
