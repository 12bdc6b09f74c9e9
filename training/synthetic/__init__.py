"""Made-up cars on a turntable, with exact masks: the data that everybody has."""

from training.synthetic.generate import (
    SyntheticPicture,
    SyntheticSet,
    generate_set,
    render_view,
)
from training.synthetic.turntable import VIEWS, CarParameters, sample_car

__all__ = [
    "VIEWS",
    "CarParameters",
    "SyntheticPicture",
    "SyntheticSet",
    "generate_set",
    "render_view",
    "sample_car",
]
