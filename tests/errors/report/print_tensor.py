import tilevm as tv


def kernel(x: tv.Tensor):
    tv.print("x is", x)
