import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr = 0):
    y.store(64 // BLOCK, x.load(0, 64))
