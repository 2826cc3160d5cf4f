"""Rows that look at arguments as objects, and at what stands outside the call."""

from __future__ import annotations

from tilevm.runtime.launch.emit import I32, I64, LLVM
from tilevm.runtime.launch.guard import Guard, between, rule
from tilevm.runtime.launch.objects import At
from tilevm.runtime.launch.rows import Code


@rule(Code.SAME)
def _(g: Guard) -> None:
    g.equal(g.b.ptrtoint(g.argument(), I64), g.field("x"))


def whole(g: Guard) -> LLVM:
    """The argument as an integer of 64 bits."""
    value = g.argument()
    g.of_type(value, g.field("z"))
    number = g.python("PyLong_AsLongLongAndOverflow", value, g.overflow)
    g.need(g.b.icmp_signed("==", g.b.load(g.overflow, typ=I32), I32(0)))
    return number


@rule(Code.WHOLE)
def _(g: Guard) -> None:
    g.equal(whole(g), g.field("x"))


@rule(Code.INT)
def _(g: Guard) -> None:
    number = whole(g)
    between(g, number)
    g.fill(number)


def real(g: Guard) -> LLVM:
    """The bits of an argument that is a float."""
    value = g.argument()
    g.of_type(value, g.field("z"))
    return g.load(value, At.FLOAT, 1)


@rule(Code.REAL)
def _(g: Guard) -> None:
    g.equal(real(g), g.field("x"))


@rule(Code.FLOAT)
def _(g: Guard) -> None:
    g.fill(real(g))


@rule(Code.BOOL)
def _(g: Guard) -> None:
    value = g.b.ptrtoint(g.argument(), I64)
    true, false = (g.b.icmp_signed("==", value, g.field(name)) for name in "xy")
    g.need(g.b.or_(true, false))
    g.fill(g.b.zext(true, I64))


@rule(Code.WATCH)
def _(g: Guard) -> None:
    found = g.python("PyDict_GetItemWithError", g.pointer(g.field("x")), g.pointer(g.field("y")))
    g.equal(g.b.ptrtoint(found, I64), g.field("z"))


@rule(Code.CELL)
def _(g: Guard) -> None:
    g.equal(g.load(g.pointer(g.field("x")), At.CELL, 1), g.field("y"))
