import tilevm as tv


def kernel(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor):
    total = tv.zeros((64, 64), tv.f16)
    total = tv.dot(a.load((0, 0), (64, 32)), b.load((0, 0), (32, 64)), total)
    c.store((0, 0), total)
