"""A tiny untrained network with the facts of a trained one, for pages that need a checkpoint."""

from pathlib import Path

import torch

from core.architecture import UNetConfig
from core.checkpoint import CheckpointInfo, save_checkpoint
from core.model import UNet
from core.preprocess import Preprocessing
from core.split_verdict import SplitVerdict

HONEST = SplitVerdict("clean", 0, 2, "car")


def write_checkpoint(
    runs: Path,
    run: str,
    *,
    dice: float = 0.9,
    verdict: SplitVerdict = HONEST,
    kinds: tuple[str, ...] = (),
) -> Path:
    torch.manual_seed(0)
    config = UNetConfig(
        in_channels=3, out_channels=1, width=2, depth=2, padding="same", norm="batch"
    )
    scores = {"dice": dice, "iou": 0.8, "boundary_iou": 0.7, "boundary_iou_3px": 0.6}
    info = CheckpointInfo(
        model=config,
        preprocessing=Preprocessing(size=64),
        run=run,
        epoch=3,
        images_seen=1234,
        metrics={"images": 32, "cars": 2, **scores},
        data={kind: {} for kind in kinds},
        split={"verdict": verdict.to_json()},
    )
    path = runs / run / "checkpoints" / "best.safetensors"
    path.parent.mkdir(parents=True)
    save_checkpoint(path, UNet(config), info)
    return path
