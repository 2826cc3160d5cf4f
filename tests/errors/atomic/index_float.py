import tilevm as tv


def kernel(p: tv.Pointer, s: tv.Tile):
    p.atomic_cas(s, 0.0, 1.0)
