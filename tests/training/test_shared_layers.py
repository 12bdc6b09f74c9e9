"""Layers that span processes give each share what one process would have computed."""

import copy
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.architecture import UNetConfig
from core.model import UNet
from training.engine.processes import ALONE, Processes
from training.engine.shared_layers import SharedBatchNorm, SharedDropout, share_layers


class Thread(Processes):
    """One of several threads that exchange tensors as processes would."""

    def __init__(self, rank: int, count: int, desk: dict[int, Any], barrier: threading.Barrier):
        self.rank, self.count = rank, count
        self._desk, self._barrier = desk, barrier

    def gathered(self, value: Any) -> list[Any]:
        self._desk[self.rank] = value
        self._barrier.wait(60)
        values = [self._desk[rank] for rank in range(self.count)]
        self._barrier.wait(60)
        return values

    def total(self, number: float) -> float:
        return float(sum(self.gathered(number)))

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        parts = self.gathered([tensor.clone() for tensor in tensors])
        for place, tensor in enumerate(tensors):
            tensor.copy_(sum(part[place] for part in parts))

    def stacked(self, tensor: Tensor) -> Tensor:
        return torch.stack(self.gathered(tensor))


def together(count: int, work: Callable[[Processes], Any]) -> list[Any]:
    """Returns what each of several threads makes."""
    results: dict[int, Any] = {}
    barrier, desk = threading.Barrier(count), dict[int, Any]()

    def run(rank: int) -> None:
        try:
            results[rank] = work(Thread(rank, count, desk, barrier))
        except BaseException:
            barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[rank] for rank in range(count)]


def put_together(parts: list[Tensor]) -> Tensor:
    """Returns the whole batch of which each process had every how manieth photo."""
    whole = torch.empty(sum(map(len, parts)), *parts[0].shape[1:], dtype=parts[0].dtype)
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part
    return whole


def step(layer: nn.Module, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the output and the gradient of x."""
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(gradient)
    assert x.grad is not None
    return y.detach(), x.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("photos", "count"), [(4, 2), (5, 2), (5, 3), (2, 2)])
def test_batch_normalisation(photos: int, count: int, dtype: torch.dtype) -> None:
    random = torch.Generator().manual_seed(photos)
    x = (torch.randn(photos, 3, 6, 5, generator=random) * 4 + 100).to(dtype)
    gradient = torch.randn(x.shape, generator=random).to(dtype)
    one = nn.BatchNorm2d(3)
    with torch.no_grad():
        one.weight.copy_(torch.tensor([0.5, 2.0, -1.0]))
        one.bias.copy_(torch.tensor([1.0, 0.0, 3.0]))
    several = [copy.deepcopy(one) for _ in range(count)]

    def work(processes: Processes) -> tuple[Tensor, Tensor]:
        layer = SharedBatchNorm(several[processes.rank], processes)
        return step(layer, x[processes.share], gradient[processes.share])

    close = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 0.02, "atol": 0.05}
    parts = together(count, work)
    for place, expected in enumerate(step(one, x, gradient)):
        got = put_together([part[place] for part in parts])
        torch.testing.assert_close(got, expected, **close)
    for name in ("weight", "bias"):
        gradients = [getattr(layer, name).grad for layer in several]
        torch.testing.assert_close(sum(gradients), getattr(one, name).grad, **close)
    for layer in several:
        assert layer.num_batches_tracked == 1
        for name in ("running_mean", "running_var"):
            torch.testing.assert_close(getattr(layer, name), getattr(one, name))


def test_its_own_mean_and_variance_take_part_in_the_gradient() -> None:
    x = torch.randn(3, 2, 2, 2, generator=torch.Generator().manual_seed(0))

    def value(x: Tensor) -> Tensor:
        layer = SharedBatchNorm(nn.BatchNorm2d(2), ALONE)
        total: Tensor = (layer(x) ** 3).sum()
        return total

    leaf = x.clone().requires_grad_()
    value(leaf).backward()
    assert leaf.grad is not None
    nudge = torch.zeros_like(x)
    nudge[1, 1, 0, 1] = 1e-2
    slope = (value(x + nudge) - value(x - nudge)) / 2e-2
    assert float(leaf.grad[1, 1, 0, 1]) == pytest.approx(float(slope.detach()), rel=1e-2)


def test_dropout_drops_what_one_process_would_drop() -> None:
    x = torch.ones(5, 40, 2, 2)
    torch.manual_seed(3)
    whole = nn.Dropout2d(0.4)(x)
    state = torch.get_rng_state()
    lock = threading.Lock()

    def work(processes: Processes) -> Tensor:
        layer = SharedDropout(nn.Dropout2d(0.4), processes)
        layer._processes = Counted(processes, len(x))
        with lock:  # threads share what processes have each for itself: the generator
            torch.manual_seed(3)
            part = layer(x[processes.share])
            assert torch.equal(torch.get_rng_state(), state)
        return part

    assert torch.equal(put_together(together(2, work)), whole)


class Counted(Processes):
    """Knows the sum beforehand, so that nobody waits in it."""

    def __init__(self, inner: Processes, photos: int) -> None:
        self.rank, self.count, self._photos = inner.rank, inner.count, photos

    def total(self, number: float) -> float:
        return self._photos


def test_a_network_keeps_its_names_and_alone_its_layers() -> None:
    model = UNet(
        UNetConfig(in_channels=3, out_channels=1, width=2, depth=2, norm="batch", dropout=0.5)
    )
    names, kinds = list(model.state_dict()), [type(each) for each in model.modules()]
    weights = [parameter.data_ptr() for parameter in model.parameters()]
    share_layers(model, ALONE)
    assert [type(each) for each in model.modules()] == kinds
    share_layers(model, Thread(0, 2, {}, threading.Barrier(2)))
    found = [type(each) for each in model.modules()]
    assert found.count(SharedBatchNorm) == kinds.count(nn.BatchNorm2d) > 0
    assert found.count(SharedDropout) == 1 and nn.BatchNorm2d not in found
    assert list(model.state_dict()) == names
    assert [parameter.data_ptr() for parameter in model.parameters()] == weights
