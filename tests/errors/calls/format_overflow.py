import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    tv.static_assert(False, f"{10**400:e}")
