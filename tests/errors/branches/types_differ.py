import tilevm as tv


def kernel(a: tv.Tensor, c: tv.Tensor, n: tv.Tile):
    if n > 0:
        tile = a.load((0, 0), (16, 16))
    else:
        tile = tv.zeros((16, 16), tv.f32)
    c.store((0, 0), tile)
