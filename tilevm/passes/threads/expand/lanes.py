"""Arithmetic on numbers or register arrays of one shape, written as formulas are."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.types import DType, Scalar, Tile, f32, i32, i64


class Lanes:
    """Appends instructions on values that have the shape of ``model``."""

    def __init__(self, builder: Builder, model: Value) -> None:
        self.builder = builder
        self.shape = model.type.shape if isinstance(model.type, Tile) else ()

    def number(self, value: int | float, of: DType) -> Value:
        """A constant everywhere."""
        one = self.builder.constant(value, of)
        return self.builder.add(ops.Splat, x=one, shape=self.shape).result if self.shape else one

    def like(self, x: Value, value: int | float) -> Value:
        """A constant of the dtype of ``x``."""
        return self.number(value, dtype_of(x))

    def binary(self, kind: type[ops.Binary], a: Value, b: Value | int | float) -> Value:
        other = b if isinstance(b, Value) else self.like(a, b)
        return self.builder.add(kind, a=a, b=other).result

    def compare(self, kind: type[ops.Compare], a: Value, b: Value | int | float) -> Value:
        other = b if isinstance(b, Value) else self.like(a, b)
        return self.builder.add(kind, a=a, b=other).result

    def add(self, a: Value, b: Value | int | float) -> Value:
        return self.binary(ops.Add, a, b)

    def sub(self, a: Value, b: Value | int | float) -> Value:
        return self.binary(ops.Sub, a, b)

    def mul(self, a: Value, b: Value | int | float) -> Value:
        return self.binary(ops.Mul, a, b)

    def div(self, a: Value, b: Value | int | float) -> Value:
        return self.binary(ops.Div, a, b)

    def both(self, a: Value, b: Value | int) -> Value:
        return self.binary(ops.And, a, b)

    def either(self, a: Value, b: Value | int) -> Value:
        return self.binary(ops.Or, a, b)

    def left(self, a: Value, b: Value | int) -> Value:
        return self.binary(ops.Shl, a, b)

    def right(self, a: Value, b: Value | int) -> Value:
        """Shifted right: with its sign, where the type has one."""
        return self.binary(ops.Shr, a, b)

    def least(self, a: Value, b: Value | int) -> Value:
        return self.binary(ops.Minimum, a, b)

    def most(self, a: Value, b: Value | int) -> Value:
        return self.binary(ops.Maximum, a, b)

    def below(self, a: Value, b: Value | int | float) -> Value:
        return self.compare(ops.Lt, a, b)

    def above(self, a: Value, b: Value | int | float) -> Value:
        return self.compare(ops.Gt, a, b)

    def equal(self, a: Value, b: Value | int | float) -> Value:
        return self.compare(ops.Eq, a, b)

    def choose(self, condition: Value, a: Value | int | float, b: Value) -> Value:
        """``a`` where the condition holds, else ``b``."""
        first = a if isinstance(a, Value) else self.like(b, a)
        return self.builder.add(ops.Select, condition=condition, a=first, b=b).result

    def fma(self, a: Value, b: Value | float, c: Value | float) -> Value:
        factor, rest = (x if isinstance(x, Value) else self.like(a, x) for x in (b, c))
        return self.builder.add(ops.Fma, a=a, b=factor, c=rest).result

    def negated(self, x: Value) -> Value:
        return self.builder.add(ops.Neg, x=x).result

    def size(self, x: Value) -> Value:
        return self.builder.add(ops.Abs, x=x).result

    def apply(self, kind: type[ops.Unary], x: Value) -> Value:
        return self.builder.add(kind, x=x).result

    def denied(self, x: Value) -> Value:
        return self.apply(ops.Not, x)

    def view(self, x: Value, to: DType) -> Value:
        """The bits of ``x`` as numbers of as many bits."""
        return x if dtype_of(x) == to else self.builder.add(ops.View, x=x, to=to).result

    def cast(self, x: Value, to: DType) -> Value:
        return self.builder.cast(x, to)

    def held(self, x: Value, low: float, high: float) -> Value:
        """``x`` held to a range; NaN stays."""
        x = self.choose(self.above(x, high), high, x)
        return self.choose(self.below(x, low), low, x)

    def horner(self, x: Value, coefficients: Sequence[float]) -> Value:
        """The polynomial with these coefficients, lowest first."""
        total = self.like(x, coefficients[-1])
        for c in reversed(coefficients[:-1]):
            total = self.fma(total, x, c)
        return total

    def signed(self, size: Value, sign: Value) -> Value:
        """A number of no sign with that of ``sign``."""
        whole = bits_of(dtype_of(size))
        mark = self.both(self.view(sign, whole), int(whole.min))
        return self.view(self.either(self.view(size, whole), mark), dtype_of(size))


def dtype_of(x: Value) -> DType:
    assert isinstance(x.type, Scalar | Tile)
    return x.type.dtype


def bits_of(dtype: DType) -> DType:
    """The signed integers as wide as f32 or f64."""
    return i32 if dtype == f32 else i64


def code(value: float, dtype: DType) -> int:
    """The bits of a number in f32 or f64, as a signed integer."""
    form, held = ("<f", "<i") if dtype == f32 else ("<d", "<q")
    found: int = struct.unpack(held, struct.pack(form, value))[0]
    return found


@cache
def polynomial(function: Callable[[float], float], low: float, high: float, degree: int) -> tuple[float, ...]:
    """Coefficients, lowest first, of the interpolant of ``function`` at Chebyshev points of [low, high]."""
    sample = np.vectorize(function, otypes=[float])
    fitted = np.polynomial.Chebyshev.interpolate(sample, degree, domain=[low, high])
    return tuple(float(c) for c in fitted.convert(kind=np.polynomial.Polynomial, domain=[-1, 1]).coef)


@cache
def chebyshev(function: Callable[[float], float], low: float, high: float, degree: int) -> tuple[float, ...]:
    """Chebyshev coefficients of the same interpolant, for arguments brought to [-1, 1], to the last place."""
    angles = [math.pi * (j + 0.5) / (degree + 1) for j in range(degree + 1)]
    samples = [function((low + high) / 2 + (high - low) / 2 * math.cos(a)) for a in angles]
    sums = (math.fsum(y * math.cos(k * a) for y, a in zip(samples, angles, strict=True)) for k in range(degree + 1))
    first, *rest = (2.0 * total / (degree + 1) for total in sums)
    return (first / 2.0, *rest)
