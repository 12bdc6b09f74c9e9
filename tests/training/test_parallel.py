"""A network in several processes computes for each shard what one process would have computed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.model import UNet
from training.engine.distributed import (
    SINGLE,
    CpuSyncBatchNorm,
    DistributedContext,
    distributed_context,
)

COUNT = 2
BATCHES = (5, 2)
"""Photos in the batches of one optimiser step."""

Pass = tuple[list[Tensor], dict[str, Tensor], dict[str, Tensor]]
"""Logits of each batch, gradients and buffers."""


def network() -> UNet:
    torch.manual_seed(0)
    return UNet(
        UNetConfig(in_channels=3, out_channels=1, width=4, depth=2, norm="batch", dropout=0.4)
    )


def passes(processes: DistributedContext, half: bool) -> Pass:
    """Returns what this process's shards of the batches give."""
    model, random = network(), torch.Generator().manual_seed(1)
    parallel = processes.parallel(model.train())
    torch.manual_seed(3)  # of the dropout
    logits = []
    for number, photos in enumerate(BATCHES, start=1):
        images = torch.randn(photos, 3, 16, 12, generator=random) * 2 + 1
        weights = torch.randn(photos, 1, 16, 12, generator=random)
        with (
            processes.accumulating(parallel, last=number == len(BATCHES)),
            torch.autocast("cpu", torch.bfloat16, enabled=half),
        ):
            result = parallel(images[processes.shard])
            loss = (result.float() * weights[processes.shard]).sum() * processes.count
            loss.backward()
        logits.append(result.detach())
    gradients = {name: each.grad for name, each in model.named_parameters()}
    return logits, gradients, dict(model.named_buffers())  # type: ignore[return-value]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[bool, Pass]]:
    """Returns what each of several processes got, with and without half precision."""
    folder = tmp_path_factory.mktemp("parts")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"WORLD_SIZE": COUNT, "LOCAL_WORLD_SIZE": COUNT, "MASTER_PORT": port}
    place |= {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": 1}
    command = [sys.executable, "-W", "error", "-m", "tests.training.test_parallel", str(folder)]
    children = [
        subprocess.Popen(
            command,
            env=os.environ
            | {name: str(each) for name, each in {**place, "RANK": r, "LOCAL_RANK": r}.items()},
        )
        for r in range(COUNT)
    ]
    assert [child.wait(120) for child in children] == [0] * COUNT
    return [torch.load(folder / f"{rank}.pt") for rank in range(COUNT)]


@pytest.mark.parametrize("half", [False, True])
def test_shards_together_give_what_one_process_gives(
    parts: list[dict[bool, Pass]], half: bool
) -> None:
    error = 0.05 if half else 1e-4
    logits, gradients, buffers = passes(SINGLE, half)
    for number, whole in enumerate(logits):
        for rank, part in enumerate(parts):
            torch.testing.assert_close(
                part[half][0][number], whole[rank::COUNT], rtol=error, atol=error
            )
    for part in parts:
        for name, expected in buffers.items():
            torch.testing.assert_close(part[half][2][name], expected, rtol=error, atol=error)
        for name, expected in gradients.items():
            assert torch.equal(part[half][1][name], parts[0][half][1][name])
            largest = error * max(1.0, float(expected.abs().max()))
            torch.testing.assert_close(part[half][1][name], expected, rtol=0, atol=largest)


def test_a_network_keeps_its_names_and_alone_its_layers() -> None:
    model = network()
    names, kinds = list(model.state_dict()), [type(each) for each in model.modules()]
    SINGLE.parallel(model)
    assert [type(each) for each in model.modules()] == kinds
    assert list(model.state_dict()) == names
    norm = nn.BatchNorm2d(3, eps=0.5, momentum=0.25)
    synced = CpuSyncBatchNorm(norm)
    assert (synced.eps, synced.momentum) == (0.5, 0.25)
    assert list(synced.state_dict()) == list(norm.state_dict())


if __name__ == "__main__":
    with distributed_context() as processes:
        torch.save(
            {half: passes(processes, half) for half in (False, True)},
            Path(sys.argv[1]) / f"{processes.rank}.pt",
        )
