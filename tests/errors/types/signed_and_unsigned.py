import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile, u: tv.Tile):
    y.store(n + u, 1.0)
