import tilevm as tv


def kernel(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor):
    left = a.load((0, 0), (64, 32)).to(tv.bf16)
    c.store((0, 0), tv.dot(left, b.load((0, 0), (32, 64))).to(tv.f16))
