"""Arithmetic of floats, each result rounded once; pairs of 16-bit floats element by element.

What PTX calls approximate is computed in float64 and rounded to nearest: within half a step of the truth, where the
hardware may be a few steps off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import rounding
from .integers import INTEGERS, kind_of
from .kinds import Array, is_float
from .operands import unknown
from .pure import Pure, Rule
from .records import Instruction

FLOATS = ("f32", "f64", "f16", "bf16", "f16x2", "bf16x2")
DIRECTIONS = ("rn", "rz", "rm", "rp")


@dataclass(frozen=True)
class Form:
    """How an opcode wants its results: the type of one element, the direction of rounding, and what is clamped."""

    kind: str
    element: str
    direction: str
    flush: bool
    saturate: bool
    relu: bool


def form_of(at: Instruction) -> Form:
    kind = kind_of(at)
    if kind not in FLOATS:
        raise unknown(at, f"arithmetic on {kind} is not known")
    direction = next((d for d in DIRECTIONS if at.has(d)), "rn")
    return Form(kind, kind.removesuffix("x2"), direction, at.has("ftz"), at.has("sat"), at.has("relu"))


def to64(x: Array, kind: str) -> Array:
    """Numbers as float64; pairs as (threads, 2)."""
    if kind.startswith("bf16"):
        halves = np.ascontiguousarray(x).view(np.uint16)
        found = rounding.brain(halves).astype(np.float64)
    else:
        found = (np.ascontiguousarray(x).view(np.float16) if kind == "f16x2" else x).astype(np.float64)
    return found.reshape(-1, 2) if kind.endswith("x2") else found


def from64(x: Array, kind: str) -> Array:
    """The other way; the numbers are of the type already."""
    if kind == "f64":
        return x
    if kind == "f32":
        return one_nan(x.astype(np.float32))
    halves = rounding.to_brain(x) if kind.startswith("bf16") else one_nan(x.astype(np.float16))
    return np.ascontiguousarray(halves).view(np.uint32).reshape(-1) if kind.endswith("x2") else halves


NAN: dict[Any, Array] = {  # the one NaN that arithmetic gives, by numpy's type
    np.dtype(np.float32): np.array([0x7FFFFFFF], np.uint32).view(np.float32),
    np.dtype(np.float16): np.array([0x7FFF], np.uint16).view(np.float16),
}


def one_nan(x: Array) -> Array:
    """Results with every NaN as the canonical one; those of f64 are as numpy has them."""
    lost = x != x
    return np.where(lost, NAN[x.dtype], x) if x.dtype in NAN and lost.any() else x


def finish(x: Array, form: Form) -> Array:
    """A result of a type, clamped as the opcode asks."""
    if form.saturate:
        x = np.where(np.isnan(x), 0.0, np.clip(x, 0.0, 1.0))
    if form.relu:
        x = np.where(x > 0, x, np.where(np.isnan(x), np.nan, 0.0))
    found = from64(x, form.kind)
    return rounding.flush(found) if form.flush and form.kind == "f32" else found


Exact = Callable[..., Array]


def exactly(compute: Callable[[Form], Exact], count: int) -> Rule:
    """A rule from what computes in float64 with one rounding to the element's type."""

    def rule(at: Instruction) -> Pure:
        form = form_of(at)
        function = compute(form)
        flushes = form.flush and form.kind == "f32"

        def run(*given: Array) -> Array:
            if flushes:
                given = tuple(map(rounding.flush, given))
            return finish(function(*[to64(x, form.kind) for x in given]), form)

        return Pure((form.kind,) * count, form.kind, run)

    return rule


def quick(function: Exact, rule: Rule) -> Rule:
    """numpy's own arithmetic where it rounds as asked: f32 and f64 to nearest, with nothing clamped."""

    def choose(at: Instruction) -> Pure:
        form = form_of(at)
        simple = form.kind in ("f32", "f64") and form.direction == "rn"
        if simple and not (form.flush or form.saturate or form.relu):
            return Pure((form.kind,) * 2, form.kind, lambda a, b: one_nan(function(a, b)))
        if form.kind == "f64" and form.direction != "rn":
            raise unknown(at, "f64 is rounded to nearest only")
        return rule(at)

    return choose


def sums(form: Form) -> Exact:
    return lambda a, b: rounding.add(a, b, form.element, form.direction)


def differences(form: Form) -> Exact:
    return lambda a, b: rounding.add(a, -b, form.element, form.direction)


def products(form: Form) -> Exact:
    return lambda a, b: rounding.narrow(a * b, form.element, form.direction)


def fused(form: Form) -> Exact:
    if form.element == "f64":
        return lambda a, b, c: np.asarray(rounding.fma64(a, b, c))
    return lambda a, b, c: rounding.fma(a, b, c, form.element, form.direction)


def toward(found: Array, left: Array, form: Form) -> Array:
    """A result that was rounded to nearest, in the direction asked for; ``left`` has the sign of truth less result."""
    if form.direction == "rn":
        return found
    up, down = np.inf, -np.inf
    limit = {"rp": np.where(left > 0, up, found), "rm": np.where(left < 0, down, found)}
    inward = np.where(np.sign(left) * np.sign(found) < 0, 0.0, found)
    goal = limit.get(form.direction, inward)
    return np.nextafter(found.astype(np.float32), goal.astype(np.float32)).astype(np.float64)


def quotients(form: Form) -> Exact:
    def run(a: Array, b: Array) -> Array:
        found = rounding.narrow(a / b, form.element)
        return toward(found, (a - found * b) * np.sign(b), form)

    return run


def reciprocals(form: Form) -> Exact:
    divide = quotients(form)
    return lambda a: divide(np.ones_like(a), a)


def roots(form: Form) -> Exact:
    def run(a: Array) -> Array:
        found = rounding.narrow(np.sqrt(a), form.element)
        return toward(found, a - found * found, form)

    return run


def approximately(function: Exact) -> Callable[[Form], Exact]:
    return lambda form: lambda a: rounding.narrow(function(a), form.element)


def extreme(larger: bool) -> Rule:
    """Minimum or maximum: of a number and NaN the number, unless ``.NaN``; -0 lies below +0."""

    def rule(at: Instruction) -> Pure:
        if not is_float(kind_of(at)):
            return INTEGERS[at.parts[0]](at)
        strict, sign = at.has("NaN"), at.has("xorsign")

        def compute(form: Form) -> Exact:
            def run(a: Array, b: Array) -> Array:
                negative = np.signbit(a) ^ np.signbit(b)
                a, b = (np.abs(a), np.abs(b)) if sign else (a, b)
                first = (a > b) | ((a == b) & ~np.signbit(a))
                found = np.where(first if larger else ~first, a, b)
                lone = np.where(np.isnan(a), b, a)
                nan = np.isnan(a) | np.isnan(b)
                found = np.where(nan, np.nan if strict else lone, found)
                return np.where(negative, -np.abs(found), np.abs(found)) if sign else found

            return run

        return exactly(compute, 2)(at)

    return rule


SIGN: dict[str, Any] = {
    "f32": np.uint32(1 << 31),
    "f64": np.uint64(1 << 63),
    "f16": np.uint16(1 << 15),
    "bf16": np.uint16(1 << 15),
}
SIGN |= {"f16x2": np.uint32(0x80008000), "bf16x2": np.uint32(0x80008000)}


def on_sign(change: Callable[[Array, Array], Array]) -> Rule:
    """``neg`` and ``abs`` change the sign bit alone, of NaN too."""

    def rule(at: Instruction) -> Pure:
        form = form_of(at)
        mask = SIGN[form.kind]

        def run(x: Array) -> Array:
            x = rounding.flush(x) if form.flush and form.kind == "f32" else x
            return change(x.view(mask.dtype), mask).view(x.dtype)

        return Pure((form.kind,), form.kind, run)

    return rule


def copy_sign(at: Instruction) -> Pure:
    """The sign of the first operand on the second."""
    kind = kind_of(at)
    mask = SIGN[kind]

    def run(a: Array, b: Array) -> Array:
        bits = (a.view(mask.dtype) & mask) | (b.view(mask.dtype) & ~mask)
        return np.asarray(bits).view(b.dtype)

    return Pure((kind, kind), kind, run)


TESTS: dict[str, Callable[[Array], Array]] = {
    "finite": np.isfinite,
    "infinite": np.isinf,
    "number": lambda x: ~np.isnan(x),
    "notanumber": np.isnan,
    "normal": lambda x: np.isfinite(x) & (np.abs(x) >= np.finfo(x.dtype).tiny),
    "subnormal": lambda x: (x != 0) & (np.abs(x) < np.finfo(x.dtype).tiny),
}


def test_property(at: Instruction) -> Pure:
    return Pure((kind_of(at),), "pred", TESTS[at.parts[1]])


FLOAT_RULES: dict[str, Rule] = {
    "add": quick(np.add, exactly(sums, 2)),
    "sub": quick(np.subtract, exactly(differences, 2)),
    "mul": quick(np.multiply, exactly(products, 2)),
    "fma": exactly(fused, 3),
    "mad": exactly(fused, 3),
    "div": exactly(quotients, 2),
    "rcp": exactly(reciprocals, 1),
    "sqrt": exactly(roots, 1),
    "rsqrt": exactly(approximately(lambda x: 1 / np.sqrt(x)), 1),
    "ex2": exactly(approximately(np.exp2), 1),
    "lg2": exactly(approximately(np.log2), 1),
    "sin": exactly(approximately(np.sin), 1),
    "cos": exactly(approximately(np.cos), 1),
    "tanh": exactly(approximately(np.tanh), 1),
    "neg": on_sign(np.bitwise_xor),
    "abs": on_sign(lambda x, mask: x & ~mask),
    "min": extreme(larger=False),
    "max": extreme(larger=True),
    "copysign": copy_sign,
    "testp": test_property,
}
