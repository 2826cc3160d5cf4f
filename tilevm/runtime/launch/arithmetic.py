"""Rows that work on registers: what the contract asks of extents and strides, and the grid."""

from __future__ import annotations

from tilevm.runtime.launch.emit import F32, F64, I32, I64, LLVM
from tilevm.runtime.launch.guard import RULES, Guard, Rule, between, rule
from tilevm.runtime.launch.rows import Code


@rule(Code.CONST)
def _(g: Guard) -> None:
    g.fill(g.field("x"))


@rule(Code.BETWEEN)
def _(g: Guard) -> None:
    between(g, g.register("a"))


@rule(Code.EQUAL)
def _(g: Guard) -> None:
    g.equal(g.register("a"), g.register("b"))


@rule(Code.MULTIPLE)
def _(g: Guard) -> None:
    g.equal(g.b.srem(g.register("a"), g.field("x")), I64(0))


def single(g: Guard) -> LLVM:
    """Whether the axis with the extent in b has one element, so that its stride says nothing."""
    return g.b.icmp_signed("<=", g.register("b"), I64(1))


@rule(Code.PITCH)
def _(g: Guard) -> None:
    g.need(g.b.or_(single(g), g.b.icmp_signed("==", g.register("a"), g.field("x"))))


@rule(Code.PITCH_OF)
def _(g: Guard) -> None:
    g.need(g.b.or_(single(g), g.b.icmp_signed("==", g.register("a"), g.register("r"))))


@rule(Code.ROWS)
def _(g: Guard) -> None:
    stride = g.register("a")
    touching = g.b.icmp_signed("==", stride, I64(1))
    whole = g.b.icmp_signed("==", g.b.srem(stride, g.field("x")), I64(0))
    g.need(g.b.or_(g.b.or_(single(g), touching), whole))


def checked(name: str) -> Rule:
    """Arithmetic that refuses what exceeds 64 bits."""

    def emit(g: Guard) -> None:
        a, b = g.register("a"), g.register("b")
        result = getattr(g.b, f"{name}_with_overflow")(a, b)
        g.need(g.b.not_(g.b.extract_value(result, 1)))
        g.fill(g.b.extract_value(result, 0))

    return emit


RULES |= {Code.ADD: checked("sadd"), Code.SUB: checked("ssub"), Code.MUL: checked("smul")}


def divided(g: Guard) -> tuple[LLVM, LLVM, LLVM, LLVM]:
    """Dividend, divisor, quotient towards zero and rest; for a divisor of 0 by 1. Negative divisors are refused."""
    a, b = g.register("a"), g.register("b")
    g.need(g.b.icmp_signed(">=", b, I64(0)))
    by = g.b.select(g.b.icmp_signed("==", b, I64(0)), I64(1), b)
    return a, b, g.b.sdiv(a, by), g.b.srem(a, by)


def one_if(g: Guard, sign: str, number: LLVM) -> LLVM:
    return g.b.zext(g.b.icmp_signed(sign, number, I64(0)), I64)


def unless_zero(g: Guard, b: LLVM, value: LLVM, otherwise: LLVM) -> None:
    g.fill(g.b.select(g.b.icmp_signed("==", b, I64(0)), otherwise, value))


@rule(Code.DIV)
def _(g: Guard) -> None:
    _, b, quotient, rest = divided(g)
    unless_zero(g, b, g.b.sub(quotient, one_if(g, "<", rest)), I64(0))


@rule(Code.CDIV)
def _(g: Guard) -> None:
    _, b, quotient, rest = divided(g)
    unless_zero(g, b, g.b.add(quotient, one_if(g, ">", rest)), I64(0))


@rule(Code.MOD)
def _(g: Guard) -> None:
    a, b, _, rest = divided(g)
    unless_zero(g, b, g.b.select(g.b.icmp_signed("<", rest, I64(0)), g.b.add(rest, b), rest), a)


def extreme(sign: str) -> Rule:
    def emit(g: Guard) -> None:
        a, b = g.register("a"), g.register("b")
        g.fill(g.b.select(g.b.icmp_signed(sign, a, b), a, b))

    return emit


RULES |= {Code.MIN: extreme("<"), Code.MAX: extreme(">")}


@rule(Code.FROM_INT)
def _(g: Guard) -> None:
    g.fill(g.b.bitcast(g.b.sitofp(g.register("a"), F64), I64))


@rule(Code.NARROW)
def _(g: Guard) -> None:
    narrow = g.b.fptrunc(g.b.bitcast(g.register("a"), F64), F32)
    g.fill(g.b.zext(g.b.bitcast(narrow, I32), I64))
