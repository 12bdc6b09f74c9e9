"""A tiny data folder: five cars, three views each."""

from pathlib import Path

import pytest

from tests.training.pairs import write_pair


@pytest.fixture
def tiny_data(tmp_path: Path) -> Path:
    root = tmp_path / "tiny"
    for car in range(5):
        for view in range(1, 4):
            write_pair(root, f"car{car}_{view:02}", 10 * car + view)
    return root
