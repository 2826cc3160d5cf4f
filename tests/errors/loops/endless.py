import tilevm as tv


def kernel(y: tv.Tensor):
    while True:
        y.store(0, 1.0)
