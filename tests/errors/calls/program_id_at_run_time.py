import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile):
    y.store(tv.program_id(n), 1.0)
