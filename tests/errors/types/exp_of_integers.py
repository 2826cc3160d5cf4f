import tilevm as tv


def kernel(y: tv.Tensor):
    y.store(0, tv.exp(tv.arange(64)))
