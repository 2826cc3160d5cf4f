import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    for element in x.load(0, 64):
        y.store(0, element)
