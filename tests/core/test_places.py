from pathlib import Path

import pytest

from core import places


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages' folder of an installed Carmask; the current folder is another one."""
    for name in ("CARMASK_RUNS", "CARMASK_SAMPLES"):
        monkeypatch.delenv(name, raising=False)
    packages, current = tmp_path / "site-packages", tmp_path / "current"
    (packages / "carmask_app").mkdir(parents=True)
    current.mkdir()
    monkeypatch.setattr(places, "PACKAGES", packages)
    monkeypatch.chdir(current)
    return packages


def test_a_checkout_holds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARMASK_RUNS", raising=False)
    monkeypatch.delenv("CARMASK_SAMPLES", raising=False)
    monkeypatch.chdir(tmp_path)
    assert (places.app_folder() / "streamlit_app.py").is_file()
    assert places.workspace() == places.app_folder() == places.PACKAGES
    assert places.runs_folder() == places.shipped_runs()
    assert places.short_path(places.shipped_runs() / "carmask") == "runs/carmask"
    assert places.short_path(tmp_path / "photos") == str(tmp_path / "photos")
    assert (places.samples_folder() / "images").is_dir()


def test_installed_the_user_writes_to_the_current_folder(installed: Path) -> None:
    shipped, current = installed / "carmask_app", Path.cwd()
    assert places.samples_folder() == shipped / "samples"
    assert places.shipped_runs() == shipped / "runs"
    assert places.runs_folder() == current / "runs"
    assert places.data_folder() == current / "data"
    assert places.short_path(Path("runs/mine")) == "runs/mine"
    assert places.short_path(places.shipped_runs() / "a") == str(shipped / "runs" / "a")


def test_the_environment_decides(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_RUNS", "/elsewhere")
    assert places.runs_folder() == places.current_runs() == Path("/elsewhere")


def test_a_child_process_finds_the_packages(installed: Path) -> None:
    assert places.with_packages({"A": "1"}) == {"A": "1", "PYTHONPATH": str(installed)}
    assert places.with_packages({"PYTHONPATH": "/mine"})["PYTHONPATH"] == f"{installed}:/mine"
