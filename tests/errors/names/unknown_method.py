import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    y.store(0, x.lod(0, 64))
