"""The wall of a public server, tried in a process of its own: an audit hook stays for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.public import is_public

ROOT = Path(__file__).resolve().parents[2]
TRIES = {
    "read": "open(outside)",
    "read bytes": "Path(outside).read_bytes()",
    "read by a link": "Path(link).read_text()",
    "list": "os.listdir(folder)",
    "glob": "list(Path(folder).iterdir())",
    "environment": "open('/proc/self/environ')",
    "passwords": "open('/etc/passwd')",
    "up": "open(runs + '/../outside.txt')",
    "write": "open(new, 'w')",
    "append to a run": "open(runs + '/a.txt', 'a')",
    "write at a low level": "os.open(new, os.O_CREAT | os.O_WRONLY)",
    "change": "open(runs + '/a.txt', 'r+')",
    "make a folder": "os.mkdir(new)",
    "delete": "os.remove(runs + '/a.txt')",
    "delete a tree": "shutil.rmtree(runs)",
    "rename": "os.rename(runs + '/a.txt', runs + '/b.txt')",
    "move out": "os.replace(own, new)",
    "link": "os.symlink(own, new)",
    "start": "subprocess.Popen(['true'])",
    "shell": "os.system('true')",
    "fork": "os.fork()",
    "signal": "os.kill(os.getppid(), 15)",
}
ALLOWED = {
    "a run": "open(runs + '/a.txt').read()",
    "a sample's folder": "os.listdir(str(samples_folder()))",
    "the program": "import core.masks, xml.dom.minidom",
    "a temporary file": "open(tempfile.mkstemp()[1], 'w').close()",
    "the cache": "open(cache + '/x', 'w').close(); os.remove(cache + '/x')",
    "what is not there": "(Path(folder) / '.streamlit/secrets.toml').exists() or open_missing()",
    "whether a process lives": "os.kill(os.getpid(), 0)",
}
SCRIPT = """
import json, os, shutil, subprocess, sys, tempfile
from pathlib import Path
from core.places import samples_folder
from core.public import protect
outside, folder, link, runs, new, cache, tries = sys.argv[1:]
protect()
own = tempfile.mkstemp()[1]
found = {}
def open_missing():
    try:
        open(folder + "/missing.toml")
    except FileNotFoundError:
        return
    raise AssertionError
for name, code in json.loads(tries).items():
    try:
        exec(code)
    except PermissionError as error:
        found[name] = "refused" if "public" in str(error) else repr(error)
    else:
        found[name] = "done"
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each try, by its name."""
    folder = tmp_path_factory.mktemp("public")
    for name in ("runs", "cache"):
        (folder / name).mkdir()
    (folder / "runs" / "a.txt").write_text("a run")
    (folder / "outside.txt").write_text("a secret")
    (folder / "runs" / "link.txt").symlink_to(folder / "outside.txt")
    environment = os.environ | {
        "CARMASK_PUBLIC": "1",
        "CARMASK_RUNS": str(folder / "runs"),
        "CARMASK_CACHE": str(folder / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    words = ("outside.txt", "", "runs/link.txt", "runs", "new", "cache")
    arguments = [*(str(folder / word) for word in words), json.dumps(TRIES | ALLOWED)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    found["left"] = ",".join(sorted(path.name for path in folder.iterdir()))
    found["run"] = (folder / "runs" / "a.txt").read_text()
    return found


@pytest.mark.slow
def test_nothing_outside_is_touched(results: dict[str, str]) -> None:
    assert {name: results[name] for name in TRIES} == dict.fromkeys(TRIES, "refused")
    assert results["left"] == "cache,outside.txt,runs"
    assert results["run"] == "a run"


@pytest.mark.slow
def test_what_the_server_needs_goes_on(results: dict[str, str]) -> None:
    assert {name: results[name] for name in ALLOWED} == dict.fromkeys(ALLOWED, "done")


@pytest.mark.parametrize(("value", "public"), [("1", True), ("true", True), ("0", False)])
def test_the_environment_says_who_is_served(
    value: str, public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARMASK_PUBLIC", value)
    assert is_public() is public
    monkeypatch.delenv("CARMASK_PUBLIC")
    assert not is_public()
