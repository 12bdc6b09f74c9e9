"""The command `carmask`, and the wheel that brings it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core import places
from core.places import PACKAGES
from dashboard import command


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["carmask", *arguments])
    return command.main()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*command.CORE, *dict(command.TRAINING)])
def test_each_command_is_one_of_an_existing_command_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")  # a training sets it; it is put back
    assert call(monkeypatch, name, "--help") == 0
    assert dict(command.TRAINING).get(name, name) in capsys.readouterr().out.split()


def test_statuses_and_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch) == call(monkeypatch, "--help") == 0
    assert "synthetic" in capsys.readouterr().out
    assert call(monkeypatch, "nonsense") == 2
    assert call(monkeypatch, "info", "no such file") == 2
    assert call(monkeypatch, "check", "no such folder") == 2


def test_its_help_waits_for_no_heavy_library() -> None:
    script = (
        "import sys; sys.argv = ['carmask']; from dashboard.command import main; main();"
        "print([n for n in ('torch', 'streamlit', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGES, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_shipped_runs_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CARMASK_RUNS", raising=False)
    for run in ("a", "b"):
        (tmp_path / "site/carmask_app/runs" / run).mkdir(parents=True)
        (tmp_path / "site/carmask_app/runs" / run / "config.json").write_text("{}")
    (tmp_path / "here").mkdir()
    monkeypatch.setattr(places, "PACKAGES", tmp_path / "site")
    monkeypatch.chdir(tmp_path / "here")
    command.add_shipped_runs()
    assert sorted(path.name for path in Path("runs").iterdir()) == ["a", "b"]
    assert str(Path("runs").resolve()) in capsys.readouterr().out
    (Path("runs/a/config.json")).unlink()
    Path("runs/a").rmdir()
    command.add_shipped_runs()  # what a user deleted stays deleted
    assert not Path("runs/a").exists()
    monkeypatch.setenv("CARMASK_RUNS", str(tmp_path / "mine"))
    command.add_shipped_runs()
    assert not (tmp_path / "mine").exists()


@pytest.mark.slow
def test_the_wheel_holds_what_the_app_needs(tmp_path: Path) -> None:
    build = ["egg_info", "--egg-base", tmp_path, "build", "--build-base", tmp_path / "build"]
    script = [sys.executable, "setup.py", "-q", *build, "bdist_wheel", "--dist-dir", tmp_path]
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    subprocess.run([*map(str, script)], cwd=PACKAGES, env=environment, check=True)
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 60e6
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {path.name: path for path in (PACKAGES / "samples" / "images").iterdir()}
    assert {f"carmask_app/samples/images/{name}" for name in expected} <= names
    for name in (
        "core/py.typed",
        "core/listing/presets/ebay.json",
        "carmask_app/.streamlit/config.toml",
        "training/__main__.py",
    ):
        assert name in names
    for run in ("carmask-outside", "carmask-fast", "carmask-studio-5"):
        assert f"carmask_app/runs/{run}/checkpoints/best.safetensors" in names
    doors = {f"carmask_app/pages/{path.name}" for path in (PACKAGES / "pages").glob("*.py")}
    assert doors | {"carmask_app/streamlit_app.py"} <= names
    styles = {path.name for path in PACKAGES.glob("*/**/*.css") if ".venv" not in path.parts}
    assert styles <= {Path(name).name for name in names}
    assert not [name for name in names if name.split("/")[0] in ("tests", "benchmarks", "build")]
