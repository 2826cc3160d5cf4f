import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    assert n > 0
    y.store(0, x.load(0, 64))
