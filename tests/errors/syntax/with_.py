# ruff: noqa
import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    with open("log") as log:
        y.store(0, x.load(0, 64))
