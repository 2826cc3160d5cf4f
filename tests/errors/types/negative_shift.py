import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile):
    y.store(n << -1, 1.0)
