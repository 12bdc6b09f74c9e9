from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.pages.drawn import write_samples

ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _same_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit makes the page the main module; processes of later tests would import it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(autouse=True)
def _empty_caches() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("CARMASK_RUNS", str(folder))
    return folder


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three cars of two views, 120 x 80 px, with true masks."""
    folder = tmp_path / "samples"
    write_samples(folder)
    monkeypatch.setenv("CARMASK_SAMPLES", str(folder))
    return folder


@pytest.fixture
def open_page(runs: Path, samples: Path) -> Open:
    """Opens a page, always from the entry point, with what its URL says."""

    def run(page: str | None = None, /, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=600).run()
        if page is not None:
            app.switch_page(page)
        elif not query:
            return app
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return run


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARMASK_RECIPES", str(tmp_path / "recipes"))
    return tmp_path / "recipes"


@pytest.fixture
def studio(open_page: Open, recipes: Path) -> Open:
    """Opens the Augment tab on six photos of three cars, at a small size."""

    def run(**query: str) -> AppTest:
        return open_page("pages/dataset.py", **{"tab": "Augment", "square": "128 px", **query})

    return run
