import tilevm as tv


def kernel(a: tv.Tensor, c: tv.Tensor):
    where = (0, 0)
    c.store(*where, 1.0)
