import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    y.store(0, tv.scan((x.load(0, 16), x.load(0, 8)), 0, tv.maximum)[0])
