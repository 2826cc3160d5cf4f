import tilevm as tv


def kernel(x: tv.Tensor):
    print(x.load(0, 64))
