"""The survey of a data folder, measured in a thread beside a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.folder import Reading, open_dataset
from training.health import survey
from training.health.index import FactsIndex
from training.health.survey import Surveys


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(survey, "PATIENCE", 0)


def test_a_public_server_measures_without_a_process(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[int | None] = []
    update = FactsIndex.update

    def note(self: FactsIndex, *args: object, **words: int | None) -> None:
        workers.append(words["workers"])
        update(self, *args, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(FactsIndex, "update", note)
    monkeypatch.setenv("CARMASK_PUBLIC", "1")
    found = Surveys().of(open_dataset(tiny_data), Reading(), "key")
    assert found.report(None) is None
    found.start()
    assert found.thread is not None
    found.thread.join(60)
    assert (found.state, workers) == ("done", [0]) and found.measured
    assert found.table is not None and not any(found.table["error"])
    assert found.report(None) is not None


def test_a_new_listing_has_a_new_survey_and_the_old_one_stops(
    tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "PATIENCE", 1.0)  # it is stopped before it has begun
    surveys, dataset = Surveys(), open_dataset(tiny_data)
    first = surveys.of(dataset, Reading(), "one")
    assert surveys.of(dataset, Reading(), "one") is first
    first.start()
    assert surveys.of(dataset, Reading(), "two") is not first
    assert first.thread is not None
    first.thread.join(60)
    assert first.state == "stopped"
