"""The layouts of data folders: how each is recognised and which files it pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from training.data.layouts import augmented, carvana, coco, paired, voc
from training.data.layouts.listing import Listing


@dataclass(frozen=True)
class Layout:
    """One way to arrange a data folder."""

    name: str
    needs: str
    """What a folder of it holds, for a message."""
    recognise: Callable[[Path], bool]
    """Whether a folder is one; quick, for it looks at names and heads of files alone."""
    suggests: Callable[[Path], bool]
    """Whether a folder seems to be meant as one, of which a part is missing."""
    read: Callable[[Path, tuple[str, ...]], Listing]
    """What is in it; takes the folder and the classes wanted."""


def _layout(name: str, module: ModuleType, needs: str) -> Layout:
    suggests = getattr(module, "suggests", module.recognise)
    return Layout(name, needs, module.recognise, suggests, module.read)


LAYOUTS = (
    _layout("augmented", augmented, "augment.json and manifest.jsonl, as training augment writes"),
    _layout("carvana", carvana, "train/x.jpg and train_masks/x_mask.gif"),
    _layout("voc", voc, "JPEGImages/x.jpg and SegmentationClass/x.png"),
    _layout("paired", paired, "images/x.jpg and masks/x.png"),
    _layout("coco", coco, "photos and annotations/*.json"),
)
"""All layouts, in the order in which they are tried."""
