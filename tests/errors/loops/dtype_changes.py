import tilevm as tv


def kernel(a: tv.Tensor, c: tv.Tensor, n: tv.Tile):
    total = tv.zeros((16, 16), tv.f16)
    for k in range(0, n, 16):
        total = total + a.load((0, k), (16, 16)).to(tv.f32)
    c.store((0, 0), total)
