from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.settings import ServeSettings
from tests.pages.untrained import write_checkpoint
from tests.serving.running import Running, running

SMALL = {"page": False, "max_body_bytes": 200_000, "max_pixels": 40_000, "max_photos": 4}


@pytest.fixture(scope="module")
def runs_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs with a tiny network each; CARMASK_RUNS names their folder."""
    runs = tmp_path_factory.mktemp("serving") / "runs"
    write_checkpoint(runs, "best")
    write_checkpoint(runs, "other", dice=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARMASK_RUNS", str(runs))
        patch.delenv("CARMASK_PUBLIC", raising=False)
        yield runs


@pytest.fixture(scope="module")
def server(runs_of_module: Path) -> Iterator[Running]:
    """A local server with small limits."""
    with running(ServeSettings(**SMALL)) as found:
        yield found
