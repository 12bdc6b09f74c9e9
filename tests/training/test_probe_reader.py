"""Probes as the engine writes them are read back; what is missing or damaged is no surprise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import CarmaskError
from tests.pages.drawn import write_samples
from training.data.folder import open_dataset
from training.engine.probes import Probes
from training.runs.probes import read_probes
from training.runs.tail import last_lines


def test_what_the_engine_writes_is_read_back(tmp_path: Path) -> None:
    write_samples(tmp_path / "cars")
    (tmp_path / "run").mkdir()
    writer = Probes(tmp_path / "run" / "probes", open_dataset(tmp_path / "cars").samples)
    writer.describe()
    sample = writer.samples[0]
    for epoch in (2, 10):
        writer.write(epoch, writer.picture(sample, np.full((80, 120), 0.6, np.float32)))
    found = read_probes(tmp_path / "run")
    assert found is not None
    assert found.epochs == (2, 10)
    assert [probe.name for probe in found.probes] == [each.name for each in writer.samples]
    assert found.photo(1).shape == (80, 120, 3)
    assert found.truth(1).sum() == 60 * 40
    assert found.probability(2, 1) == pytest.approx(np.full((80, 120), 0.6), abs=1 / 255)
    with pytest.raises(CarmaskError, match="probes"):
        found.probability(2, 2)


@pytest.mark.parametrize("text", ["", "[]", '{"probes": [{"number": 1}]}', '{"probes": 3}'])
def test_a_damaged_list_is_no_probes(tmp_path: Path, text: str) -> None:
    assert read_probes(tmp_path) is None
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "probes.json").write_text(text)
    assert read_probes(tmp_path) is None


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert last_lines(path) == []
    path.write_text("".join(f"line {n} {'x' * 50}\n" for n in range(10_000)))
    lines = last_lines(path, 5)
    assert [line.split()[1] for line in lines] == ["9995", "9996", "9997", "9998", "9999"]
    path.write_bytes(b"one\n\xff two\nthree")
    assert last_lines(path) == ["one", "\N{REPLACEMENT CHARACTER} two", "three"]
