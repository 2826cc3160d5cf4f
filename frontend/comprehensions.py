"""Lists written out, and comprehensions: computed part by part while compiling."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tilevm.ir import Value

from .calls.sequences import limit, sequence
from .dispatch import expression
from .frame import Frame
from .lists import refuse_stream
from .logic import truth
from .starred import written
from .statements import bind
from .values import List, Stream, describe


@expression.rule(ast.Tuple)
def tuple_display(node: ast.Tuple, frame: Frame) -> tuple[object, ...]:
    return tuple(spread(node.elts, frame))


@expression.rule(ast.List)
def list_display(node: ast.List, frame: Frame) -> List:
    return List(spread(node.elts, frame))


def spread(nodes: list[ast.expr], frame: Frame) -> Iterator[object]:
    """The values of ``nodes``, none of which gives its parts only once."""
    for node, value in written(nodes, frame):
        refuse_stream(value, node, frame)
        yield value


@expression.rule(ast.ListComp)
def list_comprehension(node: ast.ListComp, frame: Frame) -> List:
    return List(comprehended(node, frame))


@expression.rule(ast.GeneratorExp)
def generator(node: ast.GeneratorExp, frame: Frame) -> Stream:
    return Stream("a generator expression", tuple(comprehended(node, frame)))


def comprehended(node: ast.ListComp | ast.GeneratorExp, frame: Frame) -> list[object]:
    """The parts of a comprehension. Its variables are its own."""
    names, places = frame.names, frame.places
    frame.names, frame.places = dict(names), dict(places)
    found: list[object] = []
    count = 0
    for _ in passes(node.generators, frame):
        count += 1
        limit(frame.builder, "this comprehension", count)
        value = expression(node.elt, frame)
        refuse_stream(value, node.elt, frame)
        found.append(value)
    frame.names, frame.places = names, places
    return found


def passes(generators: list[ast.comprehension], frame: Frame) -> Iterator[None]:
    """Bind the variables of ``for … in … if …``, once for each part that is taken."""
    if not generators:
        yield
        return
    first, *rest = generators
    with frame.at(first.iter):
        parts = sequence(frame.builder, "a comprehension", expression(first.iter, frame))
    for part in parts:
        bind(first.target, part, frame)
        if all(chosen(test, frame) for test in first.ifs):
            yield from passes(rest, frame)


def chosen(test: ast.expr, frame: Frame) -> bool:
    """A condition of a comprehension."""
    with frame.at(test):
        found = truth(frame.builder, expression(test, frame))
        if isinstance(found, Value):
            raise frame.error(
                f"this condition is {describe(found)}, and how many parts a list has is decided while compiling",
                help="keep every part, and choose between values with tv.where",
            )
        return found
