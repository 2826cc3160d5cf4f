import tilevm as tv


def kernel(w: tv.Tensor, q: tv.Tensor):
    w.store((0, 0), w.load((0, 0), (4, 4)) + q.load((0, 0), (4, 4)))
