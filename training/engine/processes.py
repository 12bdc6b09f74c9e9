"""The processes that train one network together: one, or those that torchrun started.

Each works on its share of a batch, the first one alone writes the run's folder. Only this module
knows torch.distributed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from core.device import resolve_device
from core.errors import ConfigError, DeviceError, RunError

T = TypeVar("T")

_PATIENCE = timedelta(minutes=10)
"""How long one process waits for another that gives no sign of life; one that ended is noticed
at once."""
_FAILURE = "failure"
"""Where the processes' common store keeps why one of them failed."""


class LostProcessError(RunError):
    """Another process of this training has ended."""

    def __init__(self, message: str, told: bool) -> None:
        super().__init__(message)
        self.told = told
        """The other one said why, and has shown it."""


class Processes:
    """One process alone; `Group` is one of several. What several would exchange comes back."""

    rank = 0
    """This one's number, from 0."""
    count = 1
    command = "python -m training"
    """What starts the command line in as many processes."""

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """What this process takes of things that all share: each `count`th from its own on."""
        return slice(self.rank, None, self.count)

    def device(self, name: str) -> torch.device:
        """Returns this process's device for a name; raises as `resolve_device`."""
        return resolve_device(name)

    def total(self, number: float) -> float:
        """Returns the sum of all processes' numbers."""
        return number

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each float32 tensor by its sum over the processes."""

    def stacked(self, tensor: Tensor) -> Tensor:
        """Returns all processes' tensors (...) of one shape as (count, ...)."""
        return tensor[None]

    def gathered(self, value: T) -> list[T]:
        """Returns all processes' values, in their order."""
        return [value]

    def from_first(self, make: Callable[[], T]) -> T:
        """Returns what the first process makes."""
        return make()

    def joined(self, values: Sequence[T]) -> list[T]:
        """Returns the results of all shares in the order of the things that were shared."""
        parts = self.gathered(values)
        return [parts[i % self.count][i // self.count] for i in range(sum(map(len, parts)))]


ALONE = Processes()


@dataclass(frozen=True)
class Place:
    """This process among the others, as torchrun tells it."""

    rank: int
    count: int
    local_rank: int
    """Its number on this machine, from 0."""
    local_count: int
    """Processes on this machine."""


class Group(Processes):
    """One of several processes; what it asks for, all of them must ask for in the same order.

    Raises:
        LostProcessError: By each exchange, where another process has ended.
    """

    def __init__(self, place: Place, store: Store) -> None:
        self._place = place
        self._store = store
        self.rank, self.count = place.rank, place.count
        machines = -(-place.count // place.local_count)
        nodes = f"--nnodes {machines} " if machines > 1 else ""
        self.command = f"torchrun {nodes}--nproc-per-node {place.local_count} -m training"

    def device(self, name: str) -> torch.device:
        """Returns this process's device; of graphics cards, each process has its own.

        Raises:
            ConfigError: The name is of one device that several processes can't share.
            DeviceError: There are not enough cards.
        """
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
        if self._place.local_count > cards:
            raise DeviceError(
                f"There are {self._place.local_count} processes on this machine and {cards} "
                f"graphics cards; start torchrun with --nproc-per-node {cards}."
            )
        device = torch.device("cuda", self._place.local_rank)
        torch.cuda.set_device(device)
        return device

    def total(self, number: float) -> float:
        """Returns the sum of all processes' numbers."""
        sum_of_all = torch.tensor(number, dtype=torch.float64)
        with self._exchange():
            dist.all_reduce(sum_of_all)
        return float(sum_of_all)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each float32 tensor by its sum over the processes."""
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with self._exchange():
            dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def stacked(self, tensor: Tensor) -> Tensor:
        """Returns all processes' tensors (...) of one shape as (count, ...)."""
        parts = [torch.empty_like(tensor) for _ in range(self.count)]
        with self._exchange():
            dist.all_gather(parts, tensor)
        return torch.stack(parts)

    def gathered(self, value: T) -> list[T]:
        """Returns all processes' values, in their order."""
        values: list[T] = [value] * self.count
        with self._exchange():
            dist.all_gather_object(values, value)
        return values

    def from_first(self, make: Callable[[], T]) -> T:
        """Returns what the first process makes; what it raises ends the others, too."""
        values: list[Any] = [make() if self.first else None]
        with self._exchange():
            dist.broadcast_object_list(values, src=0)
        value: T = values[0]
        return value

    def tell_failure(self, error: Exception) -> bool:
        """Leaves word for the others, which will notice only that this process has ended.

        Returns:
            Whether it is the first to do so; what all meet, one tells.
        """
        try:
            if self._store.add(f"{_FAILURE}s", 1) > 1:
                return False
            self._store.set(_FAILURE, f"Process {self.rank + 1} of {self.count} failed: {error}")
        except RuntimeError:  # the store went with the process or the machine that kept it
            pass
        return True

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if "DataLoader worker" in str(error):  # raised by a signal, wherever that falls
                raise
            told = self._told_failure()
            raise LostProcessError(
                told
                or f"Another of the {self.count} processes of this training was killed, maybe for "
                "want of memory, or can't be reached. Go on with --resume from the last saved "
                "state, if need be with fewer --workers.",
                told=bool(told),
            ) from error

    def _told_failure(self) -> str:
        try:
            return self._store.get(_FAILURE).decode() if self._store.check([_FAILURE]) else ""
        except RuntimeError:
            return ""


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Gives the processes that torchrun started, once all are there; else this one alone.

    Raises:
        ConfigError: The environment says only half of what torchrun would have said.
        RunError: The others don't answer.
    """
    place = find_place(os.environ)
    if place.count == 1:
        yield ALONE
        return
    group = _join(place)
    try:
        yield group
    except LostProcessError:
        raise
    except Exception as error:
        if group.tell_failure(error):
            raise
        raise LostProcessError(str(error), told=True) from error
    else:
        dist.destroy_process_group()


def find_place(environment: Mapping[str, str]) -> Place:
    """Returns this process's place as the variables of torchrun say it; alone without any.

    Raises:
        ConfigError: Some are missing, or make no sense.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    if not any(environment.get(name) for name in names):
        return Place(0, 1, 0, 1)
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
        said = ", ".join(f"{name}={environment[name]!r}" for name in needed)
        raise ConfigError(
            f"The variables of torchrun make no sense: {said}. Start several processes with "
            f"torchrun; for a single one unset {', '.join(names)}."
        )
    return Place(rank, count, local_rank, local_count)


def _join(place: Place) -> Group:
    cards = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        store, _, _ = next(rendezvous("env://", timeout=_PATIENCE))
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cards else "gloo",
            store=store,
            rank=place.rank,
            world_size=place.count,
            timeout=_PATIENCE,
        )
    except RuntimeError as error:
        raise RunError(
            f"Process {place.rank + 1} of {place.count} can't reach the others at "
            f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}: {error}"
        ) from error
    return Group(place, store)
