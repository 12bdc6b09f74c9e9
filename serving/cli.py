"""The command line: python -m serving serve | watch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.exits import ended
from core.places import runs_folder, shipped_runs
from serving.settings import MEGABYTE, ServeSettings, from_environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its status: 0 good, 1 some failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    if not runs_folder().is_dir():  # nothing was trained here: serve what ships, where it lies
        os.environ.setdefault("CARMASK_RUNS", str(shipped_runs()))
    return ended(partial(options.command, options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="carmask", description="Serve Carmask, or watch a folder of photos."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_watch(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    usual = ServeSettings()
    serve = commands.add_parser(
        "serve",
        help="serve the dashboard and an HTTP API",
        description="Serves the dashboard and an HTTP API on one port; /api/v1/docs describes the "
        "API. CARMASK_API_KEY sets the key of the API, which any address but this machine's own "
        "needs; CARMASK_HOSTS the names that the server answers to; CARMASK_RUNS the runs.",
    )
    serve.add_argument("--host", default=usual.host, help="address to listen on")
    serve.add_argument("--port", type=int, default=usual.port)
    serve.add_argument(
        "--public",
        action="store_true",
        default=None,
        help="for strangers: they segment their own photos and look at runs, samples and "
        "comparisons, and nothing more; the same as CARMASK_PUBLIC=1",
    )
    serve.add_argument(
        "--api-only", action="store_true", help="no dashboard; Streamlit need not be installed"
    )
    serve.add_argument(
        "--workers", type=int, default=usual.workers, help="photos worked on at a time"
    )
    serve.add_argument(
        "--queue", type=int, default=usual.max_waiting, help="requests that may wait"
    )
    serve.add_argument("--max-mb", type=float, default=usual.max_body_bytes / MEGABYTE)
    serve.add_argument("--max-megapixels", type=float, default=usual.max_pixels / 1e6)
    serve.add_argument("--max-photos", type=int, default=usual.max_photos, help="in a batch")
    serve.add_argument(
        "--seconds", type=float, default=usual.answer_seconds, help="longest time for an answer"
    )
    serve.set_defaults(command=_serve)


def _add_watch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    watch = commands.add_parser(
        "watch",
        help="segment what comes into a folder",
        description="Segments each photo that is, or comes, into a folder and its sub-folders, "
        "into another one. It goes on where it was stopped, and does a photo again that changed.",
    )
    watch.add_argument("source", type=Path, metavar="IN")
    watch.add_argument("target", type=Path, metavar="OUT")
    watch.add_argument("--checkpoint", default="", help="a name such as carmask-studio-5/best")
    watch.add_argument("--fallback", default="", help="a name, or none")
    watch.add_argument("--cutout", choices=("soft", "hard"), help="also write cut-outs")
    watch.add_argument("--every", type=float, default=2.0, metavar="SECONDS")
    watch.add_argument("--once", action="store_true", help="end when nothing is left to do")
    watch.set_defaults(command=_watch)


def _serve(options: argparse.Namespace) -> int:
    given: dict[str, object] = {"public": True} if options.public else {}
    settings = from_environment(
        host=options.host,
        port=options.port,
        page=not options.api_only,
        workers=options.workers,
        max_waiting=options.queue,
        max_body_bytes=int(options.max_mb * MEGABYTE),
        max_pixels=int(options.max_megapixels * 1e6),
        max_photos=options.max_photos,
        answer_seconds=options.seconds,
        **given,
    )
    from serving.server import serve

    if not settings.api_is_open:
        print("The API is closed: set CARMASK_API_KEY to open it.", file=sys.stderr)
    print(f"http://{options.host}:{options.port}", file=sys.stderr)
    return serve(settings)


def _watch(options: argparse.Namespace) -> int:
    from serving.watch import Watch

    watch = Watch(
        options.source,
        options.target,
        checkpoint=options.checkpoint,
        fallback=options.fallback,
        cutout=options.cutout,
    )
    return watch.run(options.every, once=options.once)
