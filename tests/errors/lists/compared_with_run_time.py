import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    if n in [1, 2]:
        y.store(0, 1.0)
