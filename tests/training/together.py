"""Runs command lines in several processes each, as torchrun would; a process of its own.

Everything is imported once, then each process of a group is a fork of this one, which itself never
computes anything. One of a group can be sent a signal at a given moment.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

# Once here, not in every fork; the first is what an optimiser's first step imports.
import torch._dynamo
import torch.utils.tensorboard  # noqa: F401
from torch.distributed import TCPStore

import training.engine.loop  # noqa: F401
from training.commands.cli import main
from training.engine import failures
from training.engine.learner import Learner
from training.engine.probes import Probes


def run_all(folder: Path, groups: list[dict[str, Any]]) -> None:
    """Runs one group after the other; writes folder/ends.json and what each process prints.

    A group is its name, the command line, the count of processes and, if one is to get a signal,
    [rank, "step" or "photo", the how manieth, signal]. Its end is each process's wait status and
    the seconds from the first one's end to the last one's.
    """
    ends = {}
    for group in groups:
        agent, port = start_agent()
        children = start(folder, port, **group)
        statuses, times = {}, []
        while len(statuses) < len(children):
            child, status = os.wait()
            statuses[child] = status
            times.append(time.monotonic())
            if is_stop(group["moment"]) and len(times) == 1:
                os.kill(children[1], signal.SIGKILL)
        os.kill(agent, signal.SIGKILL), os.waitpid(agent, 0)
        ends[group["name"]] = [[statuses[child] for child in children], times[-1] - times[0]]
    (folder / "ends.json").write_text(json.dumps(ends))


def start_agent() -> tuple[int, int]:
    """Returns the id and the port of a process that keeps a group's store, like torchrun's."""
    told, tell = os.pipe()
    agent = os.fork()
    if agent == 0:
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        os.write(tell, str(store.port).encode())
        while True:
            signal.pause()
    port = int(os.read(told, 10))
    os.close(told), os.close(tell)
    return agent, port


def start(
    folder: Path, port: int, name: str, arguments: str, count: int, moment: list[Any] | None = None
) -> list[int]:
    """Returns the process ids of a group that has begun."""
    children = []
    for rank in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                out = os.open(folder / f"{name}.{rank}.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
                os.dup2(out, 1), os.dup2(out, 2)
                place = {"RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
                place |= {"LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1"}
                place["TORCHELASTIC_USE_AGENT_STORE"] = True
                os.environ.update({name: str(value) for name, value in place.items()})
                if is_stop(moment):
                    failures._TIMEOUT = 1.0
                if moment and moment[0] == rank:
                    send(*moment[1:], others=children)
                sys.argv = ["training", *shlex.split(arguments)]
                code = main(sys.argv[1:])
            finally:
                sys.stdout.flush(), sys.stderr.flush()
                os._exit(code)
        children.append(child)
    return children


def is_stop(moment: list[Any] | None) -> bool:
    """Tells whether a process is to hang, and the first one to be told to stop meanwhile."""
    return moment is not None and moment[3] == signal.SIGSTOP


def send(what: str, number: int, sent: int, others: list[int]) -> None:
    """Has this process get a signal before its step, or its probe's picture, of this number."""
    place, name = {"step": (Learner, "step"), "photo": (Probes, "picture")}[what]
    inner, left = getattr(place, name), [number]

    def counted(*given: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            if sent == signal.SIGSTOP:
                os.kill(others[0], signal.SIGTERM)
            os.kill(os.getpid(), signal.Signals(sent))
        return inner(*given)

    setattr(place, name, counted)


if __name__ == "__main__":
    run_all(Path(sys.argv[1]), json.loads(sys.argv[2]))
