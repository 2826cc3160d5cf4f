import tilevm as tv


def kernel(w: tv.Tensor):
    w.atomic_max((0, 0), 1)
