import tilevm as tv


def kernel(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor):
    product = tv.dot(a.load((0, 0), (64, 32)), b.load((0, 0), (64, 64)))
    c.store((0, 0), product.to(tv.f16))
