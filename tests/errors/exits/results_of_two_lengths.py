import tilevm as tv


@tv.function
def search(x: tv.Tensor, n: tv.Tile):
    for k in range(n):
        if x.load(k, 1).sum() > 0:
            return k, True
    return -1


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    y.store(0, search(x, n)[0].to(tv.f32))
