"""Functions of floats: f32 as polynomials on vectors, f64 by the C library, a lane at a time."""

from __future__ import annotations

from collections.abc import Callable

from . import single
from .emit import DOUBLE, FLOAT, LLVM, Emitter, lanes_of

Function = Callable[[Emitter, LLVM], LLVM]


def library(name: str) -> Callable[[Emitter, LLVM], LLVM]:
    """The C library's function, a lane at a time."""

    def wrapped(e: Emitter, x: LLVM) -> LLVM:
        if not lanes_of(x):
            return e.call(name, DOUBLE, [x])
        out = e.undefined(x.type)
        for i in range(lanes_of(x)):
            one = e.call(name, DOUBLE, [e.b.extract_element(x, e.index(i))])
            out = e.b.insert_element(out, one, e.index(i))
        return out

    return wrapped


def intrinsic(name: str) -> Callable[[Emitter, LLVM], LLVM]:
    return lambda e, x: e.intrinsic(name, x)


def rsqrt(e: Emitter, x: LLVM) -> LLVM:
    return e.b.fdiv(e.like(x, 1.0), e.intrinsic("sqrt", x))


def sigmoid_by_library(e: Emitter, x: LLVM) -> LLVM:
    one = e.like(x, 1.0)
    return e.b.fdiv(one, e.b.fadd(one, library("exp")(e, e.b.fneg(x))))


EVERY: dict[str, Function] = {"rsqrt": rsqrt, **{n: intrinsic(n) for n in ("sqrt", "floor", "ceil")}}
SINGLE: dict[str, Function] = EVERY | {
    "exp": single.exp,
    "exp2": single.exp2,
    "log": single.log,
    "log2": single.log2,
    "tanh": single.tanh,
    "sigmoid": single.sigmoid,
    "erf": single.erf,
}
DOUBLE_PRECISION: dict[str, Function] = EVERY | {n: library(n) for n in ("exp", "exp2", "log", "log2", "tanh", "erf")}
DOUBLE_PRECISION["sigmoid"] = sigmoid_by_library


def apply(e: Emitter, name: str, x: LLVM) -> LLVM:
    """The function called ``name`` of f32 or f64 numbers."""
    element = x.type.element if lanes_of(x) else x.type
    return (SINGLE if element == FLOAT else DOUBLE_PRECISION)[name](e, x)
