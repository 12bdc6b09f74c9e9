"""The command `carmask`: the app, and the command lines of core and training by one name."""

from __future__ import annotations

import os
import runpy
import shutil
import sys

from core.errors import reason
from core.places import app_folder, runs_folder, shipped_runs

SERVING = ("serve", "watch")
"""Commands of `python -m serving`."""
CORE = ("segment", "cutout", "mask", "info", "import", "export")
"""Commands of `python -m core`."""
TRAINING = (
    ("train", "fit"),
    ("fit", "fit"),
    ("teach", "teach"),
    ("evaluate", "evaluate"),
    ("compare", "compare"),
    ("calibrate", "calibrate"),
    ("check", "check"),
    ("review", "review"),
    ("split", "split"),
    ("augment", "augment"),
    ("report", "report"),
    ("card", "card"),
    ("doctor", "doctor"),
    ("synthetic", "synthetic"),
    ("queue", "queue"),
    ("trial", "trial"),
)
"""Commands of `python -m training`: their name here, and there."""
USAGE = 2


def main() -> int:
    """Run a command and return its exit status; its options are those of its own command line."""
    name, arguments = (sys.argv[1] if sys.argv[1:] else "--help"), sys.argv[2:]
    if name == "app":
        return _run_app(arguments)
    if name in CORE:
        return _run_module("core", name, arguments)
    if name in SERVING:
        return _run_module("serving", name, arguments)
    if name in dict(TRAINING):
        return _run_module("training", dict(TRAINING)[name], arguments)
    wrong = name not in ("-h", "--help")
    print(_help(), file=sys.stderr if wrong else sys.stdout)
    return USAGE if wrong else 0


def _help() -> str:
    names = ", ".join(("app", *SERVING, *CORE, *dict(TRAINING)))
    return (
        "usage: carmask COMMAND ...\n\n"
        "Cut cars out of photos, and train, inspect and compare the networks that do it.\n\n"
        f"COMMAND is one of: {names}.\n"
        "carmask COMMAND --help explains a command. carmask app takes the options of "
        "`streamlit run`, and after -- those of the app: carmask app -- --data DIR"
    )


def _run_module(package: str, command: str, arguments: list[str]) -> int:
    """Run `python -m package command` in this process, with all that its main file sets up."""
    sys.argv = [sys.argv[0], command, *arguments]
    try:
        runpy.run_module(package, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        raise
    return 0


def _run_app(arguments: list[str]) -> int:
    """Start the app's server; it ends with Ctrl-C."""
    script = app_folder() / "streamlit_app.py"
    try:
        add_shipped_runs()
    except OSError as error:
        print(
            f"error: The shipped runs can't be copied to {runs_folder()} ({reason(error)}). "
            "Start in a folder that can be written, or set CARMASK_RUNS.",
            file=sys.stderr,
        )
        return USAGE
    from streamlit.web.cli import main as streamlit

    streamlit(["run", str(script), *arguments], prog_name="carmask")
    return 0


def add_shipped_runs() -> None:
    """Copy the shipped runs to the folder of runs, where an installed app has none of them there.

    A checkout has them in place; a folder that CARMASK_RUNS names is left as it is.

    Raises:
        OSError: The folder can't be written, or the disk is full.
    """
    folder = runs_folder()
    if shipped_runs() == folder or os.environ.get("CARMASK_RUNS"):
        return
    shipped = sorted(each for each in shipped_runs().iterdir() if each.is_dir())
    if any((folder / each.name).exists() for each in shipped):
        return
    folder.mkdir(parents=True, exist_ok=True)
    for each in shipped:
        part = folder / f".{each.name}.part"  # a copy that is cut short is no run
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(each, part)
        part.rename(folder / each.name)
    print(f"The {len(shipped)} shipped runs were copied to {folder}.")


if __name__ == "__main__":
    sys.exit(main())
