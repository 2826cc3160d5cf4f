# ruff: noqa
import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    tile = x.load(0, 64)
    y.store(0, tlie)
