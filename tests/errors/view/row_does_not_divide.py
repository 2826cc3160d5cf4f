import tilevm as tv


def kernel(w: tv.Tensor):
    tile = w.load((0, 0), (4, 5))
    w.store((0, 0), tile.view(tv.u8))
