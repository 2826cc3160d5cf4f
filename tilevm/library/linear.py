"""Linear layers with packed weights."""

from __future__ import annotations

from typing import Any

import tilevm as tv
from tilevm.backend import Array
from tilevm.runtime.arguments import read
from tilevm.runtime.room import empty

FEW = 4  # rows of x for which few rows of weights at a time are read side by side, piece by piece
HOST = ("cpu", "vm")
TILES = (  # on cards: up to how many rows of x, rows and columns of a program
    (8, {"BM": 8, "BN": 64}),
    (16, {"BM": 16, "BN": 32}),
    (64, {"BM": 32, "BN": 64}),
)


@tv.kernel(
    "x: X[M, H, G], w: W[N, H, G] packed, scale: S[N, H], zero: S[N, H], y: X[M, N]",
    grid=lambda M, N, BM, BN, **_: (tv.cdiv(N, BN), tv.cdiv(M, BM)),
)
def quantised_matmul(
    x: tv.Tensor,
    w: tv.Tensor,
    scale: tv.Tensor,
    zero: tv.Tensor,
    y: tv.Tensor,
    H: tv.constexpr,
    G: tv.constexpr,
    ZEROS: tv.constexpr = False,
    BM: tv.constexpr = 1,
    BN: tv.constexpr = 16,
) -> None:
    """y = x @ weights.T with weights (w - zero) * scale, which lie as w does: in rows of H groups of G along K.

    y[m, n] = sum over groups h of scale[n, h] * (sum over k in h of x[m, k] * w[n, k] - zero[n, h] * sum of x[m, k]).
    ``ZEROS``: whether ``zero`` is read. A product for each group, scaled by columns.
    """
    n, m = tv.program_id(0) * BN, tv.program_id(1) * BM
    acc = tv.zeros((BM, BN), tv.f32)
    for h in tv.range(0, H, num_stages=3):
        rows = x.load((m, h, 0), (BM, 1, G)).reshape((BM, G))
        weights = w.load((n, h, 0), (BN, 1, G)).reshape((BN, G)).to(x.dtype)
        product = tv.dot(rows, weights.T)
        if ZEROS:
            points = zero.load((n, h), (BN, 1)).reshape((1, BN)).to(tv.f32)
            product = product - rows.to(tv.f32).sum(axis=1, keepdims=True) * points
        acc = acc + product * scale.load((n, h), (BN, 1)).reshape((1, BN)).to(tv.f32)
    y.store((m, n), acc.to(y.dtype))


def linear(x: Any, w: Any, scale: Any, zero: Any = None, device: str | None = None, **tiles: int) -> Any:
    """y (M, N) for x (M, K), packed w of shape (N, H, G) with H * G = K, scale and zero (N, H).

    y has the type of x, and is made where x lives, by its library: :func:`tilevm.runtime.room.empty`.
    """
    (rows, _), (columns, groups, size) = x.shape, w.shape
    y = empty(x, (rows, columns))
    tiles = tiles or chosen(rows, device or where(x))
    given = x.reshape((rows, groups, size))
    zeros = scale if zero is None else zero
    quantised_matmul(given, w, scale, zeros, y, H=groups, G=size, ZEROS=zero is not None, device=device, **tiles)
    return y


def chosen(rows: int, device: str) -> dict[str, int]:
    """Tiles for so many rows of x on a device."""
    if device in HOST:
        return {"BM": min(64, rows), "BN": 16 if rows <= FEW else 64}
    return next((tiles for most, tiles in TILES if rows <= most), {"BM": 64, "BN": 64})


def where(x: Any) -> str:
    """The device that a tensor lives on."""
    found, _ = read(x, "x")
    return found.device if isinstance(found, Array) else HOST[0]
