"""Settings that need less memory."""

from __future__ import annotations

from training.config import TrainConfig
from training.presets import less_memory, memory_advice


def test_the_mildest_keeps_the_step() -> None:
    config = TrainConfig(batch=5, accumulate=2, size=256, width=16)
    first, second, third = less_memory(config)
    assert (first.config.batch, first.config.accumulate) == (2, 5)
    assert first.config.step_images == config.step_images
    assert (second.config.size, third.config.width) == (128, 8)
    assert [each.options for each in (first, second, third)] == [
        "--batch 2 --accumulate 5",
        "--size 128",
        "--width 8",
    ]
    assert memory_advice(config) == (
        "Start again with --batch 2 --accumulate 5, --size 128 or --width 8."
    )


def test_what_can_not_be_is_not_proposed() -> None:
    small = TrainConfig(batch=1, size=64, width=4)
    assert less_memory(small) == []
    assert "more memory" in memory_advice(small)
    (only,) = less_memory(TrainConfig(batch=2, size=64, width=8))
    assert (
        memory_advice(TrainConfig(batch=2, size=64, width=8)) == f"Start again with {only.options}."
    )
    deep = TrainConfig(batch=1, size=512, width=8, depth=8)  # half of 512 px has no place for it
    assert all(each.config.size == 256 for each in less_memory(deep))
