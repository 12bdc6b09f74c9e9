"""The drawings of one car together, and what colour they give to each place of its surface."""

from dataclasses import dataclass

from training.synthetic.carends import draw_front, draw_rear
from training.synthetic.carpaint import draw_side, draw_top, draw_wheel
from training.synthetic.mesh import Outline
from training.synthetic.sheet import Sheet
from training.synthetic.turntable import CarParameters


@dataclass(frozen=True)
class Drawings:
    """The drawings of one car."""

    side: Sheet
    """x and z."""
    front: Sheet
    """y and z."""
    rear: Sheet
    """y and z."""
    top: Sheet
    """x and y."""
    wheel: Sheet
    """A wheel seen from outside, hub in the middle."""


def draw_car(car: CarParameters, outline: Outline) -> Drawings:
    """Returns the drawings of a car."""
    return Drawings(
        side=draw_side(car, outline),
        front=draw_front(car, outline),
        rear=draw_rear(car, outline),
        top=draw_top(car, outline),
        wheel=draw_wheel(car),
    )
