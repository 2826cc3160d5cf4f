import tilevm as tv


def kernel(y: tv.Tensor):
    zeros = [0.0] * 100000
    y.store(0, zeros[0])
