"""The files of containers agree with the program; building one is `deploy/build.sh`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from serving.gate import ALIVE, READY

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"


def wanted(path: Path) -> dict[str, str]:
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    found = [re.fullmatch(r"([\w-]+)(.*)", line) for line in lines if line]
    return {each[1]: each[2] for each in found if each}


def test_the_api_takes_the_versions_of_the_whole() -> None:
    whole = wanted(ROOT / "requirements.txt") | wanted(ROOT / "requirements-dev.txt")
    api = wanted(DEPLOY / "requirements-api.txt")
    assert len(api) > 10 and api.items() <= whole.items()
    assert not {"streamlit", "pandas", "torch"} & api.keys()


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_shell(script: Path) -> None:
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


def test_a_wrong_kind_builds_nothing(tmp_path: Path) -> None:
    command = ["sh", str(DEPLOY / "build.sh"), str(tmp_path / "image"), "half"]
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 2
    assert not (tmp_path / "image").exists()


def test_probes_are_there_and_nothing_runs_as_root() -> None:
    manifest = (DEPLOY / "kubernetes.yaml").read_text()
    assert f"path: {READY}" in manifest and f"path: {ALIVE}" in manifest
    assert "runAsNonRoot: true" in manifest and "readOnlyRootFilesystem: true" in manifest
    assert "sessionAffinity: ClientIP" in manifest
    image = (DEPLOY / "Dockerfile").read_text()
    assert image.index("USER 10001") < image.index("\nCMD") and "HEALTHCHECK" in image
    assert "read_only: true" in (DEPLOY / "compose.yaml").read_text()


def test_the_copied_folders_are_all_packages() -> None:
    script = (DEPLOY / "build.sh").read_text()
    for package in ("core", "dashboard", "pages", "serving", "training"):
        assert re.search(rf"\b{package}\b", script.split("tar -cf")[1])


def test_the_job_segments_a_folder_a_pod_and_stays_harmless() -> None:
    job = (DEPLOY / "job.yaml").read_text()
    assert "runAsNonRoot: true" in job and "readOnlyRootFilesystem: true" in job
    assert "completionMode: Indexed" in job
    lists = re.findall(r"(?:command|args): (\[.*\])", job)
    program, command, source, option, target = [word for each in lists for word in json.loads(each)]
    assert program == "/opt/carmask/venv/bin/carmask" and (command, option) == ("segment", "--out")
    assert source != target and all(
        each.endswith("/$(JOB_COMPLETION_INDEX)") for each in (source, target)
    )
