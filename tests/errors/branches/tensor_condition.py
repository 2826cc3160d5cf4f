import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    if x:
        y.store(0, x.load(0, 64))
