import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    values, _ = tv.topk(x.load(0, 16), n)
    y.store(0, values)
