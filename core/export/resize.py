"""A photo to the network's grid and back inside an ONNX graph, as OpenCV does it.

ONNX's own Resize knows no averaging over areas, and it places pixels in float32, which is too
coarse for a large photo. So a resize along one axis is written out as what it is: a sum of taps,
each a row (or column) of the source times a weight. Places and weights are computed in the graph
from the photo's size, in float64. A photo that shrinks comes out level for level as from OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.export.graph import Graph, Value
from core.preprocess import LONGEST_SIDES, Preprocessing

_SLIVER = 1e-3
"""Share of a pixel below which OpenCV leaves it out of an area."""
_CUBIC = -0.75
"""OpenCV's coefficient of the cubic kernel."""


@dataclass(frozen=True)
class Size:
    """Height and width in px, int64 scalars."""

    height: Value
    width: Value

    def area(self) -> Value:
        """Returns the number of pixels."""
        return self.height * self.width

    def within(self, graph: Graph) -> Size:
        """Returns it for use in the graph of a branch."""
        return Size(self.height.within(graph), self.width.within(graph))


@dataclass(frozen=True)
class Taps:
    """Which pixels of a source each of m pixels is made of: K places and weights for each."""

    places: Value
    """int64 (K, m)."""
    weights: Value
    """float32 (K, m)."""


def grid_size(graph: Graph, photo: Size, preprocessing: Preprocessing) -> Size:
    """Returns the grid's size for a photo's, as `Preprocessing.grid_shape` does."""
    height, width = photo.height.cast(np.float64), photo.width.cast(np.float64)
    size = graph.constant(preprocessing.size, np.float64)
    scale = size / graph.add("Sqrt", height * width)
    scale = scale.at_most(size * LONGEST_SIDES / height.at_least(width))
    sides = [graph.add("Round", side * scale).cast(np.int64) for side in (height, width)]
    return Size(*(side.at_least(1) for side in sides))


def photo_to_grid(graph: Graph, image: Value, photo: Size, grid: Size) -> Value:
    """Returns a photo uint8 (H, W, 3) at its grid's size, as `Preprocessing.to_grid` does.

    Returns:
        Levels from 0 to 255, float32 (h, w, 3).
    """

    def shrunk(inner: Graph) -> Value:
        return _averaged(inner, image, photo, grid, levels=True)

    def enlarged(inner: Graph) -> Value:
        levels = _resized(inner, image, photo, grid, _cubic_taps)
        return levels.at_least(0.0).at_most(255.0)

    return graph.choose(photo.area() < grid.area(), enlarged, shrunk)


def grid_to_photo(graph: Graph, probability: Value, grid: Size, photo: Size) -> Value:
    """Returns a probability float32 (h, w, 1) at the photo's size, as `enlarge` does."""

    def shrunk(inner: Graph) -> Value:
        return _averaged(inner, probability, grid, photo, levels=False).at_most(1.0)

    def enlarged(inner: Graph) -> Value:
        return _resized(inner, probability, grid, photo, _linear_taps)

    return graph.choose(photo.area() < grid.area(), shrunk, enlarged)


def _averaged(graph: Graph, image: Value, source: Size, target: Size, *, levels: bool) -> Value:
    """Returns a picture (H, W, C) made smaller by averaging, float32; whole levels if asked.

    The order of additions and the roundings are OpenCV's (INTER_AREA): along each row first, sums
    in float32 from left to right, but exact sums where both sides shrink by whole factors.
    """
    source, target = source.within(graph), target.within(graph)
    columns, by_column = _area_taps(graph, source.width, target.width)
    rows, by_row = _area_taps(graph, source.height, target.height)
    whole = by_column.equals(by_column.floor()) & by_row.equals(by_row.floor())
    for axis, taps in ((1, columns), (0, rows)):
        counted = (taps.weights > 0.0).cast(np.float32)
        weights = whole.where(counted, taps.weights, np.float32)
        image = _summed(graph, image, Taps(taps.places, weights), axis)
    share = graph.constant(1.0, np.float32) / (by_column * by_row).cast(np.float32)
    image = image * whole.where(share, 1.0, np.float32)
    if not levels:
        return image
    halves = by_column.equals(2.0) & by_row.equals(2.0)  # a special case that rounds halves up
    return halves.where((image + 0.5).floor(), graph.add("Round", image), np.float32)


def _resized(
    graph: Graph,
    image: Value,
    source: Size,
    target: Size,
    taps: Callable[[Graph, Value, Value], Taps],
) -> Value:
    """Returns a picture (H, W, C) at another size, float32."""
    source, target = source.within(graph), target.within(graph)
    image = _summed(graph, image, taps(graph, source.width, target.width), axis=1)
    return _summed(graph, image, taps(graph, source.height, target.height), axis=0)


def _area_taps(graph: Graph, source: Value, target: Value) -> tuple[Taps, Value]:
    """Returns the taps for a side made shorter, and by which factor it is."""
    side = source.cast(np.float64)
    factor = side / target.cast(np.float64)
    start = graph.range(target).cast(np.float64) * factor
    end = start + factor
    covered = factor.at_most(side - start)
    last = end.floor().at_most(side - 1.0)
    first = graph.add("Ceil", start).at_most(last)
    number = graph.range(factor.floor().cast(np.int64) + 2).cast(np.float64).unsqueezed(1)
    place = first - 1.0 + number

    def unless_sliver(share: Value, part: Value) -> Value:
        return (share > _SLIVER).where(part / covered, 0.0, np.float64)

    left, right = first - start, end - last
    right_end = unless_sliver(right, right.at_most(1.0).at_most(covered))
    whole_pixel = graph.constant(1.0, np.float64) / covered
    weights = place.equals(last).where(right_end, 0.0, np.float64)
    weights = (place < last).where(whole_pixel, weights, np.float64)
    weights = number.equals(0.0).where(unless_sliver(left, left), weights, np.float64)
    return Taps(_inside(place, side), weights.cast(np.float32)), factor


def _cubic_taps(graph: Graph, source: Value, target: Value) -> Taps:
    """Returns the four taps of a cubic interpolation for a side made longer.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing", equation 4.
    """
    side, position = _positions(graph, source, target)
    first = position.floor()
    near = position - first  # from the second tap
    weights: list[Value] = []
    for distance in (near + 1.0, near, (near - 1.0) * -1.0, (near - 2.0) * -1.0):
        if len(weights) in (1, 2):
            weight = (distance * (_CUBIC + 2) - (_CUBIC + 3)) * distance * distance + 1.0
        else:
            weight = ((distance * _CUBIC - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance
            weight = weight - 4 * _CUBIC
        weights.append(weight.unsqueezed(0))
    place = first + graph.constant([[-1], [0], [1], [2]], np.float64)
    return Taps(_inside(place, side), graph.add("Concat", *weights, axis=0).cast(np.float32))


def _linear_taps(graph: Graph, source: Value, target: Value) -> Taps:
    """Returns the two taps of a linear interpolation for a side made longer."""
    side, position = _positions(graph, source, target)
    position = position.at_least(0.0).at_most(side - 1.0)
    first = position.floor()
    near = (position - first).unsqueezed(0)
    weights = graph.add("Concat", (near - 1.0) * -1.0, near, axis=0)
    place = first + graph.constant([[0], [1]], np.float64)
    return Taps(_inside(place, side), weights.cast(np.float32))


def _positions(graph: Graph, source: Value, target: Value) -> tuple[Value, Value]:
    """Returns a side, and where in it the middles of a longer side's pixels lie, float64."""
    side = source.cast(np.float64)
    middles = graph.range(target).cast(np.float64) + 0.5
    return side, middles * (side / target.cast(np.float64)) - 0.5


def _inside(place: Value, side: Value) -> Value:
    """Returns places as int64, those beyond an edge moved onto it."""
    return place.at_least(0.0).at_most(side - 1.0).cast(np.int64)


def _summed(graph: Graph, image: Value, taps: Taps, axis: int) -> Value:
    """Returns the sum of all taps along an axis (0 or 1) of a picture (H, W, C), float32.

    Whole rows are much faster to gather than pixels, so for columns the picture is turned.
    """
    image = image.within(graph)
    if axis == 1:
        turned = _summed(graph, _turned(image), taps, axis=0)
        return _turned(turned)
    sides = graph.joined(taps.places.side(1), image.side(1), image.side(2))
    zeros = graph.add("Expand", graph.constant(0.0, np.float32), sides)

    def term(loop: Graph, number: Value) -> Value:
        places, weights = (
            each.within(loop).take(number, 0) for each in (taps.places, taps.weights)
        )
        return image.within(loop).take(places, 0).cast(np.float32) * weights.unsqueezed(1, 2)

    return graph.sum_over(taps.places.side(0), zeros, term)


def _turned(image: Value) -> Value:
    """Returns a picture (H, W, C) with rows and columns exchanged."""
    return image.graph.add("Transpose", image, perm=[1, 0, 2])
