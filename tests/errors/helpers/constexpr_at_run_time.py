import tilevm as tv


@tv.function
def block(x: tv.Tensor, size: tv.constexpr):
    return x.load(0, size)


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    y.store(0, block(x, n))
