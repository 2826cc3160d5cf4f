import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile):
    while True:
        if n > 0:
            continue
        y.store(0, 1.0)
