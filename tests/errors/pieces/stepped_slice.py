import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    y.store(0, x.load(0, 16)[::2])
