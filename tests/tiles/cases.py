"""Shapes, number types and data that show where instructions on whole tiles go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np

from tests.devices import EVERYWHERE, on

Array = np.ndarray[Any, Any]

NUMPY: dict[str, Any] = {
    **{f"i{n}": np.dtype(f"int{n}") for n in (8, 16, 32, 64)},
    **{f"u{n}": np.dtype(f"uint{n}") for n in (8, 16, 32, 64)},
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
}
BOOL = {"bool": np.dtype(bool)}
INTEGERS = {n: d for n, d in NUMPY.items() if n[0] in "iu"}
FLOATS = {n: d for n, d in NUMPY.items() if n not in INTEGERS}
SHAPES = ((1,), (7,), (37,), (64,), (1, 5), (5, 1), (6, 19), (19, 6), (3, 4, 5), (2, 1, 9, 3), (2, 3, 1, 4, 5))
DEVICES = EVERYWHERE
SPECIAL = (0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 2.0**-20)


def lines() -> Iterator[tuple[tuple[int, ...], int]]:
    """Each shape with each of its axes."""
    for shape in SHAPES:
        for axis in range(len(shape)):
            yield shape, axis


LINES = tuple(lines())


def some_lines(dtype: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Lines to try a number type on: all for f32, some for each other, so that together they meet all."""
    if dtype == "f32":
        return LINES
    start = [*NUMPY, *BOOL].index(dtype)
    return tuple(LINES[n % len(LINES)] for n in range(5 * start, 5 * start + 5))


def data(kind: Any, shape: tuple[int, ...], seed: int = 0) -> Array:
    """Numbers of a type: many of them equal, and its extremes, NaN and both zeros among them."""
    rng = np.random.default_rng(seed)
    if kind.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        few = np.array([info.min, info.max, 0, 1, 2, 3, info.max - 1, info.min + 1], kind)
        return rng.choice(few, shape)
    few = np.array([*SPECIAL, *rng.standard_normal(6)]).astype(kind)
    return rng.choice(few, shape)


def run(kernel: Any, *arrays: Array, device: str, **constants: Any) -> None:
    """Launch one program of a kernel."""
    kernel[1](*arrays, **on(device), **constants)


def same(a: Array, b: Array) -> bool:
    """Equal bit for bit, but that any NaN equals any other."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "iub":
        return bool(np.array_equal(a, b))
    wide = [x.astype(np.float64) for x in (a, b)]
    signs = [np.signbit(np.where(np.isnan(x), 0.0, x)) for x in wide]
    return bool(np.array_equal(*wide, equal_nan=True) and np.array_equal(*signs))


def along(fn: Callable[[Array], Array], x: Array, axis: int) -> Array:
    """``fn`` of every line of ``x``, stacked back together."""
    moved = np.moveaxis(x, axis, -1)
    made = [fn(line) for line in moved.reshape(-1, x.shape[axis])]
    out = np.stack(made).reshape(*moved.shape[:-1], -1)
    return np.moveaxis(out, -1, axis)


def zeros(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The offsets of a box that begins where its tensor does."""
    return (0,) * len(shape)
