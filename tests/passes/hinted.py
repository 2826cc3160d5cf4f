"""Kernels with hints; the lines of this file stand in golden messages."""

import tilevm as tv
from tilevm.layout import local, spatial

ROWS = spatial(32, 1) * local(1, 8)
COLUMNS = local(4, 1) * spatial(8, 4) * local(1, 2)


@tv.kernel("x: f32[_, _], y: f32[_, _]", grid=(1,))
def hinted(x: tv.Tensor, y: tv.Tensor, layout: tv.constexpr = ROWS) -> None:
    tile = tv.set_layout(x.load((0, 0), (32, 8)), layout)
    y.store((0, 0), tv.exp(tile) * 2)


@tv.kernel("x: f32[_, _], y: f32[_, _]", grid=(1,))
def torn(x: tv.Tensor, y: tv.Tensor) -> None:
    acc = tv.set_layout(x.load((0, 0), (32, 8)), ROWS)
    for i in tv.range(0, 4):
        acc = tv.set_layout(acc + i, COLUMNS)
    y.store((0, 0), acc)
