from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import CarmaskError
from tests.training.faulty_folder import write_faulty_folder
from training.data.folder import Reading, open_dataset
from training.health.check import Asked, look, look_apart
from training.health.index import FactsIndex


@pytest.mark.slow
def test_a_process_of_its_own_finds_the_same(tmp_path: Path) -> None:
    write_faulty_folder(tmp_path / "data")
    dataset = open_dataset(tmp_path / "data")
    index = FactsIndex(tmp_path / "facts.sqlite")
    index.update(dataset.samples, workers=0)
    here = look(dataset, index, None, with_mean=True)
    index.close()
    asked = Asked(tmp_path / "data", Reading(), tmp_path / "facts.sqlite", None, True)
    apart = look_apart(asked)
    assert apart.report.findings == here.report.findings
    assert apart.mean_mask is not None and here.mean_mask is not None
    assert (apart.mean_mask.share == here.mean_mask.share).all()


@pytest.mark.slow
def test_a_process_without_an_answer_is_told(tmp_path: Path) -> None:
    asked = Asked(tmp_path / "gone", Reading(), tmp_path / "facts.sqlite", None, False)
    with pytest.raises(CarmaskError, match="gone"):
        look_apart(asked)
