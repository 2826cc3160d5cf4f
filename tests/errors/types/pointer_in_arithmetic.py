import tilevm as tv


def kernel(p: tv.Pointer, y: tv.Tensor):
    y.store(0, p + 1)
