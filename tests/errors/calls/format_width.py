import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    tv.static_assert(False, f"a {1 + 1:>{10**4}} b")
