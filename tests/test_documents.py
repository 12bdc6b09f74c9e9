"""The command blocks of README.md and CONTRIBUTING.md run as they stand, on small data."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.places import PACKAGES
from dashboard.command import CORE, TRAINING
from tests.core.foreign_networks import PytorchUNet

DOCUMENTS = ("README.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"[A-Z]{2,}|\.\.\.|N|.*\b(before|after)\b.*")
SMALLER = {
    "synthetic": "--cars 4 --views 2",
    "fit": "--minutes 0 --epochs 1 --size 32 --threads 1 --workers 0",
    "augment": "--per-image 1",
}
"""Options that come last and so win: what a reader waits for takes seconds here."""


def command_lines(document: str) -> list[list[str]]:
    """Returns package, command and options of each line that calls one of our command lines."""
    text = (PACKAGES / document).read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in (line for block in BLOCK.findall(text) for line in block.splitlines()):
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:  # a command's answer
            continue
        if words[:2] == ["python", "-m"] and words[2] in ("core", "training"):
            found.append(words[2:])
        elif words[:1] == ["carmask"] and words[1] in CORE:
            found.append(["core", *words[1:]])
        elif words[:1] == ["carmask"] and words[1] in dict(TRAINING):
            found.append(["training", dict(TRAINING)[words[1]], *words[2:]])
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with what the documents' reader has: runs, samples, photos, a data folder."""
    (tmp_path / "runs").mkdir()
    for run in (PACKAGES / "runs").glob("carmask*"):
        (tmp_path / "runs" / run.name).symlink_to(run)
    few = sorted((PACKAGES / "samples" / "images").iterdir())
    for folder in ("samples", "data/mine"):
        for photo in few[:: len(few) // 8]:
            mask = PACKAGES / "samples" / "masks" / f"{photo.stem}.png"
            for file in (photo, mask):
                target = tmp_path / folder / file.parent.name / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    (tmp_path / "photos").mkdir()
    shutil.copy(few[0], tmp_path / "photos")
    shutil.make_archive(str(tmp_path / "more"), "zip", tmp_path / "photos")
    torch.save(PytorchUNet(width=4).state_dict(), tmp_path / "unet_carvana.pth")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS)
def test_command_blocks_run(document: str, workspace: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(PACKAGES), "OMP_NUM_THREADS": "1"}
    environment["CARMASK_CACHE"] = str(workspace / "cache")
    environment.pop("CARMASK_RUNS", None)
    for words in command_lines(document):
        if any(PLACEHOLDER.fullmatch(word) for word in words):
            words = [*words[:2], "--help"]
        elif words[1] in SMALLER:
            words = [*words, *SMALLER[words[1]].split()]
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=workspace, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{shlex.join(words)}:\n{done.stderr[-2000:]}"


def test_documents_name_commands() -> None:
    assert len(command_lines("README.md")) > 8
