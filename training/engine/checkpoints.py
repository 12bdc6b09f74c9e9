"""Which checkpoints a run keeps: the last, the best, and one every few epochs."""

from __future__ import annotations

from typing import Any

from core.checkpoint import CheckpointInfo, save_checkpoint
from core.model import UNet
from training.engine.material import Material
from training.engine.position import Position
from training.environment import code_facts
from training.runs.runlog import RunLog, now


class Keeper:
    """Writes a run's checkpoints."""

    def __init__(self, log: RunLog, material: Material) -> None:
        self._log = log
        self._material = material
        self._code = code_facts()  # once: the files may change while a run goes on

    def keep(self, model: UNet, at: Position, metrics: dict[str, Any], best: bool) -> None:
        """Writes the checkpoints of an epoch.

        Args:
            model: The weights to keep.
            at: The epoch that has just ended.
            metrics: Its validation figures; empty where it was not validated.
            best: It has the highest figure so far.

        Raises:
            OSError: They can't be written.
        """
        config = self._log.config
        info = CheckpointInfo(
            model=config.model,
            preprocessing=config.preprocessing,
            title=self._log.folder.name,
            run=self._log.folder.name,
            epoch=at.epoch,
            images_seen=at.images,
            metrics=metrics,
            data=self._material.facts,
            split=self._material.split_facts,
            code=self._code,
            created=now(),
        )
        names = ["last"]
        if best:
            names.append("best")
        if config.checkpoint_every and at.epoch % config.checkpoint_every == 0:
            names.append(f"epoch_{at.epoch:04}")
        for name in names:
            save_checkpoint(self._log.checkpoint(name), model, info)
