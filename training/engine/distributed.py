"""Training in several processes that torchrun started: DistributedDataParallel and what it lacks.

Each process works on its shard of a batch, the first one alone writes the run's folder. Only this
module knows torch.distributed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from core.device import resolve_device
from core.errors import ConfigError, DeviceError, RunError
from core.model import UNet

T = TypeVar("T")

_TIMEOUT = timedelta(minutes=10)
"""For a process that shows no sign of life; one that has ended is noticed at once."""
_FAILURE = "failure"
"""Key of the error message in the store that the processes share."""


class LostProcessError(RunError):
    """Another process of this training has ended."""

    def __init__(self, message: str, reported: bool) -> None:
        super().__init__(message)
        self.reported = reported
        """The other process has reported its error, and printed it."""


@dataclass(frozen=True)
class DistributedContext:
    """This process among those that train one network; by default there is no other.

    All processes must call the methods in the same order. An exchange raises LostProcessError
    where another process has ended.
    """

    rank: int = 0
    """Number of this process, from 0."""
    count: int = 1
    local_rank: int = 0
    """Number of this process on its machine, from 0."""
    local_count: int = 1
    """Processes on this machine."""
    store: Store | None = None

    @property
    def first(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.rank == 0

    @property
    def shard(self) -> slice:
        """The items of a shared sequence that are this process's: each `count`th."""
        return slice(self.rank, None, self.count)

    @property
    def command(self) -> str:
        """The start of a command line that runs as many processes."""
        if self.count == 1:
            return "python -m training"
        machines = -(-self.count // self.local_count)
        nodes = f"--nnodes {machines} " if machines > 1 else ""
        return f"torchrun {nodes}--nproc-per-node {self.local_count} -m training"

    def device(self, name: str) -> torch.device:
        """Returns this process's device; each of several processes has a graphics card of its own.

        Raises:
            ConfigError: The name is of one device that several processes can't share.
            DeviceError: There is no such device, or there are too few cards.
        """
        if self.count == 1:
            return resolve_device(name)
        if name.startswith("cuda:") or name == "mps":
            raise ConfigError(
                f"device is {name!r}, a single one for {self.count} processes; take 'cuda' for a "
                "card each, or 'cpu'."
            )
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        device = resolve_device(name)
        if device.type == "cpu":
            return device
        cards = torch.cuda.device_count()
        if self.local_count > cards:
            raise DeviceError(
                f"There are {self.local_count} processes on this machine and {cards} "
                f"graphics cards; start torchrun with --nproc-per-node {cards}."
            )
        device = torch.device("cuda", self.local_rank)
        torch.cuda.set_device(device)
        return device

    def total(self, number: float) -> float:
        """Returns the sum of all processes' numbers."""
        if self.count == 1:
            return number
        result = torch.tensor(number, dtype=torch.float64)
        with self._exchange():
            dist.all_reduce(result)
        return float(result)

    def gathered(self, value: T) -> list[T]:
        """Returns all processes' values, by rank."""
        values: list[T] = [value] * self.count
        if self.count > 1:
            with self._exchange():
                dist.all_gather_object(values, value)
        return values

    def from_first(self, make: Callable[[], T]) -> T:
        """Returns what the first process makes; if that raises, the others end, too."""
        values: list[Any] = [make() if self.first else None]
        if self.count > 1:
            with self._exchange():
                dist.broadcast_object_list(values, src=0)
        value: T = values[0]
        return value

    def joined(self, values: Sequence[T]) -> list[T]:
        """Returns the results of all shards, in the order of the sequence that was shared."""
        parts = self.gathered(values)
        return [parts[i % self.count][i // self.count] for i in range(sum(map(len, parts)))]

    def parallel(self, model: UNet) -> nn.Module:
        """Returns a module for training steps, from images (N, C, H, W) to logits (N, 1, H, W).

        The model's batch normalisations and dropouts are replaced by ones that span all
        processes; the names of its weights stay as they are.
        """
        network = _FullSize(model)
        if self.count == 1:
            return network
        _replace_layers(model, self)
        with self._exchange():
            return DistributedDataParallel(network, forward_sync_buffers=False)

    @contextmanager
    def accumulating(self, network: nn.Module, last: bool) -> Iterator[None]:
        """Forward and backward pass of a batch; the step's last batch averages the gradients."""
        if self.count == 1:
            yield
            return
        assert isinstance(network, DistributedDataParallel)
        with self._exchange(), nullcontext() if last else network.no_sync():
            yield

    def report_failure(self, error: Exception) -> bool:
        """Leaves the error's message for the other processes, who only notice that this one ended.

        Returns:
            Whether no other process has reported one.
        """
        assert self.store is not None
        try:
            if self.store.add(f"{_FAILURE}s", 1) > 1:
                return False
            self.store.set(_FAILURE, f"Process {self.rank + 1} of {self.count} failed: {error}")
        except RuntimeError:  # the store went with the process or the machine that kept it
            pass
        return True

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            if not isinstance(error, dist.DistError) and "gloo" not in str(error):
                raise
            failure = self._reported_failure()
            raise LostProcessError(
                failure
                or f"Another of the {self.count} processes of this training was killed, maybe for "
                "want of memory, or can't be reached. Go on with --resume from the last saved "
                "state, if need be with fewer --workers.",
                reported=bool(failure),
            ) from error

    def _reported_failure(self) -> str:
        assert self.store is not None
        try:
            return self.store.get(_FAILURE).decode() if self.store.check([_FAILURE]) else ""
        except RuntimeError:
            return ""


SINGLE = DistributedContext()


@contextmanager
def distributed_context() -> Iterator[DistributedContext]:
    """Gives the processes that torchrun started, once all are there; else this one alone.

    Raises:
        ConfigError: Variables of torchrun are missing or wrong.
        RunError: The other processes can't be reached.
    """
    processes = read_environment(os.environ)
    if processes.count == 1:
        yield SINGLE
        return
    processes = _connect(processes)
    try:
        yield processes
    except LostProcessError:
        raise
    except Exception as error:
        if processes.report_failure(error):
            raise
        raise LostProcessError(str(error), reported=True) from error
    else:
        dist.destroy_process_group()


def read_environment(environment: Mapping[str, str]) -> DistributedContext:
    """Returns what torchrun's variables say, not connected yet; SINGLE without any.

    Raises:
        ConfigError: Some are missing, or make no sense.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not any(environment.get(name) for name in names):
        return SINGLE
    needed = (*names, "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise ConfigError(
            f"The environment has variables of torchrun, but not {', '.join(missing)}. Start "
            f"several processes with torchrun; for a single one unset {', '.join(names)}."
        )
    try:
        rank, count, local_rank, local_count = (int(environment[name]) for name in names)
    except ValueError:
        rank, count, local_rank, local_count = -1, 0, -1, 0
    port = environment["MASTER_PORT"]
    fits = 0 <= rank < count and 0 <= local_rank < local_count <= count
    if not (fits and port.isdigit() and 0 < int(port) < 2**16):
        given = ", ".join(f"{name}={environment[name]!r}" for name in needed)
        raise ConfigError(
            f"The variables of torchrun make no sense: {given}. Start several processes with "
            f"torchrun; for a single one unset {', '.join(names)}."
        )
    return DistributedContext(rank, count, local_rank, local_count)


def _connect(processes: DistributedContext) -> DistributedContext:
    cards = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        store, _, _ = next(rendezvous("env://", timeout=_TIMEOUT))
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cards else "gloo",
            store=store,
            rank=processes.rank,
            world_size=processes.count,
            timeout=_TIMEOUT,
        )
    except RuntimeError as error:
        raise RunError(
            f"Process {processes.rank + 1} of {processes.count} can't reach the others at "
            f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}: {error}"
        ) from error
    return replace(processes, store=store)


class _FullSize(nn.Module):
    """The network as DistributedDataParallel wants it, a module that is called."""

    def __init__(self, model: UNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.whole(images)


def _replace_layers(model: UNet, processes: DistributedContext) -> None:
    """Makes batch normalisations and dropouts span all processes, in place."""
    on_cpu = next(model.parameters()).device.type == "cpu"
    if not on_cpu:
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if on_cpu and isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, CpuSyncBatchNorm(layer))
            elif isinstance(layer, nn.Dropout2d):
                setattr(parent, name, ShardedDropout(layer.p, processes))


class CpuSyncBatchNorm(nn.BatchNorm2d):
    """What torch's SyncBatchNorm does on graphics cards alone: statistics of all shards together.

    Source: Ioffe and Szegedy 2015, "Batch Normalization", algorithm 1.
    """

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.load_state_dict(layer.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        """Returns the features (N, C, H, W), normalised and scaled."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        wide = x.float()
        number = wide.new_tensor([x.numel() / x.shape[1]])
        sums: Tensor = _SumOfShards.apply(torch.cat([wide.sum((0, 2, 3)), number]))
        mean, count = sums[:-1] / sums[-1], sums[-1]
        centred = wide - mean[:, None, None]
        variance = _SumOfShards.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        result: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return result.to(x.dtype)


class _SumOfShards(torch.autograd.Function):
    """The sum of a tensor over all processes, differentiable."""

    @staticmethod
    def forward(_ctx: Any, part: Tensor) -> Tensor:
        total = part.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _SumOfShards.forward(ctx, gradients[0])


class ShardedDropout(nn.Dropout2d):
    """A dropout that draws for the whole batch, like one process, and takes its shard of that.

    All processes draw the same, so they share one random state.
    """

    def __init__(self, p: float, processes: DistributedContext) -> None:
        super().__init__(p)
        self._processes = processes

    def forward(self, x: Tensor) -> Tensor:
        """Returns the features (N, C, H, W) with some channels of each photo dropped."""
        if not self.training or not self.p:
            return x
        photos = int(self._processes.total(x.shape[0]))
        noise = x.new_empty((photos, x.shape[1], 1, 1)).bernoulli_(1 - self.p).div_(1 - self.p)
        return x * noise[self._processes.shard]
