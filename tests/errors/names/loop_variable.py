# ruff: noqa
import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile):
    for k in range(n):
        pass
    y.store(k, 1.0)
