"""The wall of a public server, tried in a process of its own: an audit hook stays for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import ImageError
from core.image import encode_png
from core.listing.pictures import read_picture
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
    "delete in an open folder": "os.remove('a.txt', dir_fd=os.open(runs, os.O_RDONLY))",
    "rename in an open folder": "os.rename('a.txt', own, src_dir_fd=os.open(runs, os.O_RDONLY))",
    "make in an open folder": "os.mkdir('new', dir_fd=os.open(runs, os.O_RDONLY))",
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
    "a temporary folder": "make_and_remove()",
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
def make_and_remove():
    with tempfile.TemporaryDirectory() as made:
        for name in ("x/y", "z"):
            os.makedirs(os.path.join(made, name))
            open(os.path.join(made, name, "file"), "w").close()
    assert not os.path.exists(made)
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
    for name in ("runs", "cache", "tmp"):
        (folder / name).mkdir()
    (folder / "runs" / "a.txt").write_text("a run")
    (folder / "outside.txt").write_text("a secret")
    (folder / "runs" / "link.txt").symlink_to(folder / "outside.txt")
    environment = os.environ | {
        "CARMASK_PUBLIC": "1",
        "CARMASK_RUNS": str(folder / "runs"),
        "CARMASK_CACHE": str(folder / "cache"),
        "TMPDIR": str(folder / "tmp"),
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
    assert not list((folder / "tmp").iterdir())  # the server's own folder is gone, too
    found: dict[str, str] = json.loads(done.stdout)
    found["left"] = ",".join(sorted(path.name for path in folder.iterdir()))
    found["run"] = (folder / "runs" / "a.txt").read_text()
    return found


@pytest.mark.slow
def test_nothing_outside_is_touched(results: dict[str, str]) -> None:
    assert {name: results[name] for name in TRIES} == dict.fromkeys(TRIES, "refused")
    assert results["left"] == "cache,outside.txt,runs,tmp"
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


def test_a_recipe_names_no_picture_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(np.zeros((20, 20), np.bool_)))
    assert read_picture(str(path)).shape == (20, 20, 3)
    monkeypatch.setenv("CARMASK_PUBLIC", "1")
    for name in (str(path), "/etc/passwd", "../photo.png"):
        with pytest.raises(ImageError, match="public"):
            read_picture(name)
