import tilevm as tv


def kernel(y: tv.Tensor, n: tv.Tile):
    for k in range(n):
        if k > 5:
            break
        y.store(k, 1.0)
