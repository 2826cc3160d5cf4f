"""Logic on predicates, folded where it is known."""

from __future__ import annotations

from collections.abc import Callable

from tilevm.types import bool_

from .elements import Element, Known, Reg, register
from .text import Text

Logic = Callable[[Text, Element, Element], Element]


def invert(t: Text, x: Element) -> Element:
    """The opposite."""
    return Known(1 - x.value) if isinstance(x, Known) else Reg(t.pure("p", "not.pred", register(t, x, bool_)))


def both(t: Text, a: Element, b: Element) -> Element:
    """Whether both hold."""
    if isinstance(a, Known):
        a, b = b, a
    if isinstance(b, Known):
        return a if b.value else b
    return a if a == b else pair(t, "and.pred", a, b)


def either(t: Text, a: Element, b: Element) -> Element:
    """Whether one holds."""
    if isinstance(a, Known):
        a, b = b, a
    if isinstance(b, Known):
        return b if b.value else a
    return a if a == b else pair(t, "or.pred", a, b)


def differ(t: Text, a: Element, b: Element) -> Element:
    """Whether one holds and the other does not."""
    if isinstance(a, Known):
        a, b = b, a
    if isinstance(b, Known):
        return invert(t, a) if b.value else a
    return Known(0) if a == b else pair(t, "xor.pred", a, b)


def pair(t: Text, op: str, a: Element, b: Element) -> Element:
    names = sorted((register(t, a, bool_), register(t, b, bool_)), key=lambda n: (len(n), n))
    return Reg(t.pure("p", op, *names))


LOGIC: dict[str, Logic] = {
    "and": both,
    "or": either,
    "xor": differ,
    "ne": differ,
    "eq": lambda t, a, b: invert(t, differ(t, a, b)),
    "lt": lambda t, a, b: both(t, invert(t, a), b),
    "le": lambda t, a, b: either(t, invert(t, a), b),
    "gt": lambda t, a, b: both(t, a, invert(t, b)),
    "ge": lambda t, a, b: either(t, a, invert(t, b)),
}


def choose(t: Text, where: Element, a: Element, b: Element) -> Element:
    """``a`` where a bool holds, else ``b``; both are bools."""
    return either(t, both(t, where, a), both(t, invert(t, where), b))
