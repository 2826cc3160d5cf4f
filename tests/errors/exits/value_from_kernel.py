import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    if n == 0:
        return n
    y.store(0, x.load(0, 64))
