"""An ONNX graph, written down like arithmetic."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import helper, numpy_helper

Number: TypeAlias = "Value | int | float"


@dataclass(frozen=True)
class Value:
    """A tensor in a graph; what is done with it becomes nodes of that graph."""

    graph: Graph
    name: str
    dtype: np.dtype[Any]

    def __add__(self, other: Number) -> Value:
        return self.graph.add("Add", self, other)

    def __sub__(self, other: Number) -> Value:
        return self.graph.add("Sub", self, other)

    def __mul__(self, other: Number) -> Value:
        return self.graph.add("Mul", self, other)

    def __truediv__(self, other: Number) -> Value:
        """Integers are divided towards zero."""
        return self.graph.add("Div", self, other)

    def __lt__(self, other: Number) -> Value:
        return self.graph.add("Less", self, other, dtype=bool)

    def __gt__(self, other: Number) -> Value:
        return self.graph.add("Greater", self, other, dtype=bool)

    def __and__(self, other: Value) -> Value:
        return self.graph.add("And", self, other)

    def within(self, graph: Graph) -> Value:
        """Returns it for use in the graph of a branch or a loop."""
        return Value(graph, self.name, self.dtype)

    def equals(self, other: Number) -> Value:
        """Returns where both are the same, bool."""
        return self.graph.add("Equal", self, other, dtype=bool)

    def at_most(self, other: Number) -> Value:
        """Returns the smaller of both."""
        return self.graph.add("Min", self, other)

    def at_least(self, other: Number) -> Value:
        """Returns the larger of both."""
        return self.graph.add("Max", self, other)

    def floor(self) -> Value:
        """Returns the next whole number below."""
        return self.graph.add("Floor", self)

    def cast(self, dtype: DTypeLike) -> Value:
        """Returns it as another type."""
        to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.graph.add("Cast", self, dtype=dtype, to=to)

    def take(self, index: Value, axis: int) -> Value:
        """Returns its rows, columns, ... at the places that an int64 tensor names."""
        return self.graph.add("Gather", self, index, axis=axis)

    def unsqueezed(self, *axes: int) -> Value:
        """Returns it with axes of length 1 at these places."""
        return self.graph.add("Unsqueeze", self, self.graph.constant(axes, np.int64))

    def side(self, axis: int) -> Value:
        """Returns its length along an axis, an int64 scalar."""
        return self.graph.add("Shape", self, dtype=np.int64).take(
            self.graph.constant(axis, np.int64), 0
        )

    def where(self, yes: Number, no: Number, dtype: DTypeLike) -> Value:
        """Returns `yes` where it is true, else `no`."""
        values = [self.graph.value(each, dtype) for each in (yes, no)]
        return self.graph.add("Where", self, *values, dtype=dtype)


class Graph:
    """Nodes and constants, in the order in which they were added."""

    def __init__(self, outer: Graph | None = None) -> None:
        """Starts empty; the graph in a branch or a loop sees all values of its outer one."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._numbers: itertools.count[int] = outer._numbers if outer else itertools.count()

    def add(
        self, op: str, *inputs: Number | None, dtype: DTypeLike | None = None, **attributes: Any
    ) -> Value:
        """Returns what a node computes.

        Args:
            op: An operator of ONNX.
            inputs: Its inputs; numbers become constants of the first input's type, None stands
                for an optional one that is left out.
            dtype: The result's type; by default the first input's.
            attributes: The operator's attributes.
        """
        first = next(each for each in inputs if isinstance(each, Value))
        names = ["" if each is None else self.value(each, first.dtype).name for each in inputs]
        return self.node(op, names, first.dtype if dtype is None else dtype, **attributes)

    def node(self, op: str, names: Sequence[str], dtype: DTypeLike, **attributes: Any) -> Value:
        """Returns what a node computes of values that are given by their names."""
        name = self._name(op)
        self.nodes.append(helper.make_node(op, names, [name], name, **attributes))
        return Value(self, name, np.dtype(dtype))

    def constant(self, values: ArrayLike, dtype: DTypeLike) -> Value:
        """Returns numbers as a tensor."""
        array = np.ascontiguousarray(values, dtype).reshape(np.shape(values))
        name = self._name("constant")
        self.constants.append(numpy_helper.from_array(array, name))
        return Value(self, name, array.dtype)

    def value(self, given: Number, dtype: DTypeLike) -> Value:
        """Returns a number as a constant of a type, a value as it is."""
        return given if isinstance(given, Value) else self.constant(given, dtype)

    def range(self, length: Value) -> Value:
        """Returns 0, 1, ... below an int64 scalar."""
        return self.add("Range", self.constant(0, np.int64), length, 1)

    def joined(self, *scalars: Number) -> Value:
        """Returns int64 scalars as one tensor."""
        values = [self.value(each, np.int64).within(self).unsqueezed(0) for each in scalars]
        return self.add("Concat", *values, axis=0)

    def choose(
        self, condition: Value, yes: Callable[[Graph], Value], no: Callable[[Graph], Value]
    ) -> Value:
        """Returns what one of two branches computes; only that one is run.

        Args:
            condition: Bool scalar.
            yes: Adds its nodes to the graph that it gets and returns the result.
            no: The other branch; its result has the same type.
        """
        branches = {}
        for name, build in (("then_branch", yes), ("else_branch", no)):
            inner = Graph(self)
            result = build(inner)
            branches[name] = inner.finished(name, [], [(result, None)])
        return self.add("If", condition, dtype=result.dtype, **branches)

    def sum_over(self, count: Value, start: Value, term: Callable[[Graph, Value], Value]) -> Value:
        """Returns start + term(0) + term(1) + ..., added up in this order.

        Args:
            count: How many terms, int64 scalar.
            start: What they are added to.
            term: Gets the loop's graph and the number of the term, and returns it.
        """
        inner = Graph(self)
        number = Value(inner, inner._name("number"), np.dtype(np.int64))
        going = Value(inner, inner._name("going"), np.dtype(bool))
        so_far = Value(inner, inner._name("sum"), start.dtype)
        more = so_far + term(inner, number)
        again = inner.add("Identity", going)
        body = inner.finished(
            "sum", [(number, []), (going, []), (so_far, None)], [(again, []), (more, None)]
        )
        return self.node("Loop", [count.name, "", start.name], start.dtype, body=body)

    def finished(
        self,
        name: str,
        inputs: Sequence[tuple[Value, Sequence[int | str] | None]],
        outputs: Sequence[tuple[Value, Sequence[int | str] | None]],
    ) -> onnx.GraphProto:
        """Returns the graph with its inputs and outputs, each with its shape if that is known."""

        def described(value: Value, shape: Sequence[int | str] | None) -> onnx.ValueInfoProto:
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            return helper.make_tensor_value_info(value.name, kind, shape)

        return helper.make_graph(
            self.nodes,
            name,
            [described(*each) for each in inputs],
            [described(*each) for each in outputs],
            self.constants,
        )

    def _name(self, kind: str) -> str:
        return f"{kind.lower()}_{next(self._numbers)}"
