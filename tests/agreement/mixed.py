"""Random programs on tiles of one kind of float, one of integer, and bools, with nothing whose rounding is free.

So machines have to agree bit for bit; any NaN is as good as another. Which zero an extreme of zeros is, is free: adding
0.0 makes it +0. Arguments hold NaN, infinities, both zeros,
subnormals and the extremes of integers.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import ml_dtypes
import numpy as np

from tests.agreement.skeleton import Language, Writer, assigned, swapped

ROWS, COLUMNS = 5, 19  # of every tile: neither a vector nor a power of two
FLOATS: dict[str, Any] = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
INTEGERS: dict[str, Any] = {f"{s}{b}": np.dtype(f"{s}{b // 8}") for s in "iu" for b in (8, 16, 32, 64)}
HEAD = """import tilevm as tv


@tv.function
def damped(a, b):
    return (tv.maximum(b, -a) + 0.0) - b * b


@tv.function
def first(a, b, c, d):
    return tv.where(a < c, c, a), tv.where(a < c, d, b)
"""
KERNEL = """

@tv.kernel
def program(x: tv.Tensor, k: tv.Tensor, y: tv.Tensor, z: tv.Tensor, n: int):
    f, g = x.load((0, 0), ({R}, {C})), x.load((2, -1), ({R}, {C}), other=1.5)
    h = tv.full(({R}, {C}), 0.75, tv.{F})
    i, j = k.load((0, 0), ({R}, {C})), k.load((3, 4), ({R}, {C}), other=3)
    m, r, q = f < g, f.max(axis=1) + 0.0, i.min(axis=0)
{body}
    for at, part in enumerate((f, g, h, r[:, None] + tv.zeros((1, {C}), tv.{F}))):
        y.store((at * {R}, 0), part)
    for at, part in enumerate((i, j, tv.where(m, j, i), q[None, :] + tv.zeros(({R}, 1), tv.{I}))):
        z.store((at * {R}, 0), part)
"""


# One expression a line; for each letter in braces stands a fresh part of that kind, as PARTS says.
FLOAT = """
{f} + {f}
{f} - {f} * {f}
{f} * {f} + {f}
{f} / {f}
{f} // {f}
{f} % {f}
-{f}
abs({f})
(tv.minimum({f}, {f}) + 0.0)
(tv.maximum({f}, {f}) + 0.0)
tv.where({m}, {f}, {f})
tv.floor({f})
tv.ceil({f})
tv.sqrt({f})
{i}.to(tv.{F})
{f}.to(tv.{G}).to(tv.{F})
{f} * r[:, None]
{f} + {f}[:1]
{f} * 0.1
tv.sort({f}, axis={a}, descending={b})
tv.cumsum(tv.floor(tv.minimum(tv.maximum({f}, -8), 8)), axis={a}, reverse={b})
tv.cumprod({m}.to(tv.{F}) * 2 - 1, axis={a})
tv.scan({f}, {a}, damped, reverse={b})
tv.scan(({f}, {f}), {a}, first)[1]
{f} - ({f}.min(axis={a}, keepdims=True) + 0.0)
(tv.reduce({f}, {a}, tv.maximum).max() + 0.0) + {f}
{f}.reshape({C}, {R}).T
tv.cat(({f}[2:], {f}[:2]))
tv.cat(({f}[:, 7:], {f}[:, :7]), axis=1)
tv.split(tv.join({f}, {f}))[{a}]
tv.topk({f}, {R}, axis=0)[0]
{m}.to(tv.{F})
{l}
{l}
x.gather(({i} % 9, {i} % 21), mask={m})
x.gather(({i}.to(tv.i32) & 7, tv.arange({C})[None, :]), other=2.5)
"""
INTEGER = """
{i} + {i}
{i} - {i}
{i} * {i}
{i} // {i}
{i} % {i}
{i} & {i}
{i} | {i}
{i} ^ {i}
~{i}
{i} << ({i} & 127)
{i} >> ({i} & 127)
{i} << 3
{i} >> 1
-{i}
abs({i})
{i} // 7
{i} % 8
tv.minimum({i}, {i})
tv.maximum({i}, {i})
tv.where({m}, {i}, {i})
{f}.to(tv.{I})
{m}.to(tv.{I})
{i}.to(tv.{J}).to(tv.{I})
{i}.to(tv.{J}, saturate=True).to(tv.{I}, saturate=True)
{i}.to(tv.{F}).to(tv.{I})
tv.argsort({f}, axis={a}, descending={b}).to(tv.{I})
{i} + tv.argmax({f}, axis={a}, keepdims=True).to(tv.{I})
{i} - tv.argmin({i}, axis={a}, keepdims=True).to(tv.{I})
tv.sort({i}, axis={a}, descending={b})
{i} * q[None, :]
tv.cumsum({i}, axis={a}, reverse={b})
{i}.sum(axis={a}, keepdims=True) + {i}
{i} + {i}.max(axis={a}, keepdims=True)
k.load({o}, ({R}, {C}), other=7)
k.gather(({i} % 9, {i} % 21), mask={m}, other=5)
tv.topk({i}, {R}, axis=0)[0]
tv.topk({f}, {R}, axis=0)[1].to(tv.{I})
{i}.reshape({C}, {R}).T
tv.cat(({i}[2:], {i}[:2]))
"""
BOOL = """
({f} < {f})
({f} <= {f})
({f} == {f})
({f} != {f})
({i} < {i})
({i} >= {i})
({i} == {i})
({m} & {m})
({m} | {m})
({m} ^ {m})
~{m}
tv.broadcast({m}.any(axis={a}, keepdims=True), ({R}, {C}))
tv.broadcast({m}.all(axis={a}, keepdims=True), ({R}, {C}))
{i}.to(tv.bool_)
{f}.to(tv.bool_)
"""
LOAD = """
x.load({o}, ({R}, {C}))
x.load({o}, ({R}, {C}), other=-0.0)
x.load({o}, ({C}, {R})).T
"""
STORE = """
x.store({o}, {f})
x.store({o}, {x})
k.store({o}, {i})
k.store({o}, {w})
x.scatter((tv.arange({R})[:, None] * 2, tv.arange({C})[None, :]), {f}, mask={m} & (tv.arange({R})[:, None] < 4))
k.scatter((tv.arange({R})[:, None] * 2, tv.arange({C})[None, :]), {i}, mask={m})
"""
CONDITION = """
{f}[2, 3] > {f}[1, 0]
{i}.max() > {i}[0, 0]
r.max() < 1.0
{m}.any()
{m}[1, 2]
"""
LINE = """
r = {f}.max(axis=1) + 0.0
r = tv.reduce({f}, 1, damped)
q = {i}.sum(axis=0)
q = {i}[{a}]
"""


PARTS: dict[str, Callable[[Writer], str]] = {
    "f": lambda w: w.random.choice("fgh"),
    "i": lambda w: w.random.choice("ij"),
    "m": lambda w: w.random.choice(["m", "m", f"({w.random.choice('fgh')} > {w.random.choice('fgh')})"]),
    "a": lambda w: w.random.choice("01"),
    "b": lambda w: w.random.choice(["True", "False"]),
    "o": lambda w: f"({w.random.randint(-3, 9)}, {w.random.choice(['n', '0', '-2', '5'])})",
    "l": lambda w: w.one(LOAD),
    "x": lambda w: w.one(FLOAT),
    "w": lambda w: w.one(INTEGER),
    "c": lambda w: w.one(BOOL),
    "G": lambda w: w.random.choice(list(FLOATS)),
    "J": lambda w: w.random.choice(list(INTEGERS)),
}
FLOATING = assigned("fgh", "{x}")
PLAIN = (FLOATING, FLOATING, assigned("ij", "{w}"), assigned("m", "{c}"), LINE, swapped("fgh", "{x}"), STORE)
LANGUAGE = Language(PARTS, PLAIN, CONDITION)


def program(random: Random) -> tuple[str, str, str]:
    """A kernel's text, ``program(x, k, y, z, n)``, and the dtypes of its floats and integers."""
    of, whole = random.choice(list(FLOATS)), random.choice(list(INTEGERS))
    words = {"F": of, "I": whole, "R": str(ROWS), "C": str(COLUMNS)}
    body = Writer(random, LANGUAGE, words).body(4, 10)
    return HEAD + KERNEL.format(body="\n".join(body), **words), of, whole


def arguments(rng: np.random.Generator, of: str, whole: str) -> list[np.ndarray]:
    """``x, k, y, z`` for such a program."""
    kind, shape, info = FLOATS[of], (9, 21), np.iinfo(INTEGERS[whole])
    tiny = float(ml_dtypes.finfo(kind).smallest_subnormal)
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, tiny, -3 * tiny, float(ml_dtypes.finfo(kind).max), 1.0, -1.0])
    x = np.where(rng.random(shape) < 0.3, rng.choice(odd, shape), rng.integers(-40, 40, shape) / 8).astype(kind)
    extremes = np.array([info.min, info.max, 0, 1, info.max // 2, info.min + 1], info.dtype)
    small = rng.integers(max(info.min, -9), 10, shape).astype(info.dtype)
    k = np.where(rng.random(shape) < 0.3, rng.choice(extremes, shape), small)
    return [x, k, np.zeros((4 * ROWS, COLUMNS), kind), np.zeros((4 * ROWS, COLUMNS), info.dtype)]
