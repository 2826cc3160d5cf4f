import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile):
    if n:
        y.store(0, 1.0)
