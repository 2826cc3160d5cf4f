"""Linear layers with packed weights."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import tilevm as tv
from tilevm.backend import Array
from tilevm.passes.scales import FEW, STEP
from tilevm.runtime.arguments import read
from tilevm.runtime.packed import Packed
from tilevm.runtime.room import element, empty
from tilevm.source import TileError
from tilevm.types.holding import holds

HOST = ("cpu", "vm")
FLAT: WeakKeyDictionary[Packed, Packed] = WeakKeyDictionary()  # weights in rows, by the tensor in groups
SHAPES = "x is (M, K), the weights (N, K) or (N, H, G), their scales (N, H)"
TILES = (  # on cards: up to how many rows of x, rows and columns of a program
    (8, {"BM": 8, "BN": 64}),
    (16, {"BM": 16, "BN": 32}),
    (64, {"BM": 32, "BN": 64}),
)


@tv.kernel(
    "x: X[M, K], w: W[N, K] packed, scale: S[N, H], zero: S[N, H], y: X[M, N]",
    grid=lambda M, N, BM, BN, **_: (tv.cdiv(N, BN), tv.cdiv(M, BM)),
)
def quantised_matmul(
    x: tv.Tensor,
    w: tv.Tensor,
    scale: tv.Tensor,
    zero: tv.Tensor,
    y: tv.Tensor,
    K: tv.constexpr,
    G: tv.constexpr,
    ZEROS: tv.constexpr = False,
    BM: tv.constexpr = 1,
    BN: tv.constexpr = 16,
    BH: tv.constexpr = 1,
) -> None:
    """y = x @ weights.T with weights (w - zero) * scale: rows of w are K // G groups of G weights.

    y[m, n] = sum over groups h of scale[n, h] * (sum over k in h of x[m, k] * w[n, k] - zero[n, h] * sum of x[m, k]).
    ``ZEROS``: whether ``zero`` is read. ``BH``: groups at a time, a divisor of their number.
    """
    n, m = tv.program_id(0) * BN, tv.program_id(1) * BM
    acc = tv.zeros((BM, BN), tv.f32)
    for h in tv.range(0, K // G, BH, num_stages=3):
        rows = x.load((m, h * G), (BM, BH * G))
        weights = w.load((n, h * G), (BN, BH * G)).to(x.dtype)
        scales = scale.load((n, h), (BN, BH)).to(tv.f32)
        acc = tv.dot_scaled(rows, None, weights.T, scales.T, acc)
        if ZEROS:
            points = zero.load((n, h), (BN, BH)).to(tv.f32) * scales
            sums = rows.to(tv.f32).reshape((BM * BH, G)).sum(axis=1).reshape((BM, BH))
            acc = acc - (sums * points.T if BH == 1 else tv.dot(sums, points.T))
    y.store((m, n), acc.to(y.dtype))


def linear(x: Any, w: Any, scale: Any, zero: Any = None, device: str | None = None, **tiles: int) -> Any:
    """y (M, N) for x (M, K), weights of shape (N, K) or (N, H, G) with H * G = K, scale and zero (N, H).

    Weights that share bytes are packed. y has the type of x, and is made where x lives, by its library:
    :func:`tilevm.runtime.room.empty`. Raises TileError where the shapes do not go together, and where the type of x
    does not hold every weight, which would be rounded.
    """
    rows, columns, groups, size = sizes(x, w, scale)
    kind = element(x)
    if isinstance(w, Packed):
        check_held(kind, w.dtype)
    y = empty(x, (rows, columns), kind)
    tiles = tiles or chosen(max(rows, 1), groups, size, device or where(x))
    flat, zeros = in_rows(w), scale if zero is None else zero
    # Groups of nothing are compiled as those of one step, and none is read.
    how = {"K": groups * size, "G": size or STEP, "ZEROS": zero is not None, "device": device}
    quantised_matmul(x, flat, scale, zeros, y, **how, **tiles)
    return y


def sizes(x: Any, w: Any, scale: Any) -> tuple[int, int, int, int]:
    """M, N, the groups of a row of weights, and the weights of a group. Raises TileError."""
    given = {name: shape_of(value, name) for name, value in (("x", x), ("the weights", w), ("scale", scale))}
    wanted = {"x": (2,), "the weights": (2, 3), "scale": (2,)}
    for name, shape in given.items():
        if len(shape) not in wanted[name]:
            raise TileError(f"linear: {name} has the shape {shape}, of {len(shape)} dimensions", help=SHAPES)
    groups, depth = scale.shape[1], prod(w.shape[1:])
    if not groups or depth % groups or (len(w.shape) == 3 and w.shape[1] != groups):
        help = "there is a scale for each group of as many weights in a row"
        raise TileError(f"linear: scales {given['scale']} do not go with weights {given['the weights']}", help=help)
    return x.shape[0], w.shape[0], groups, depth // groups


def shape_of(value: Any, name: str) -> tuple[int, ...]:
    """The shape of an argument. Raises TileError for what has none."""
    shape = getattr(value, "shape", None)
    if shape is None:
        raise TileError(f"linear: {name} has no shape, as it is a {type(value).__name__}", help=SHAPES)
    return tuple(shape)


@cache
def check_held(to: tv.DType, weight: tv.DType) -> None:
    """Raises TileError where a float type of x does not hold every number of the type of the weights."""
    if to.is_float and not holds(to, weight):
        help = "pass x as f32" if holds(tv.f32, weight) else "f32 holds integers of at most 24 bits"
        raise TileError(f"linear: x is {to}, which does not hold every weight of {weight}", help=help)


def in_rows(w: Any) -> Any:
    """Weights as a matrix; packed ones are told so once."""
    if len(w.shape) == 2:
        return w
    known = FLAT.get(w) if isinstance(w, Packed) else None
    if known is None:
        known = w.reshape((w.shape[0], prod(w.shape[1:])))
        if isinstance(w, Packed):
            FLAT[w] = known
    return known


def chosen(rows: int, groups: int, size: int, device: str) -> dict[str, int]:
    """Tiles for so many rows of x, and groups of a size in each row, on a device."""
    if device in HOST:
        whole = {"BH": groups} if size % STEP == 0 else {}  # then rows of weights are read from end to end
        return {"BM": rows, "BN": 16, **whole} if rows <= FEW else {"BM": min(64, rows), "BN": 64}
    return next((tiles for most, tiles in TILES if rows <= most), {"BM": 64, "BN": 64})


def where(x: Any) -> str:
    """The device that a tensor lives on."""
    found, _ = read(x, "x")
    return found.device if isinstance(found, Array) else HOST[0]
