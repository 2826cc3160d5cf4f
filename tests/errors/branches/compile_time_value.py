import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    if n > 0:
        kind = "relu"
    else:
        kind = "gelu"
    if kind == "relu":
        y.store(0, tv.maximum(x.load(0, 64), 0))
