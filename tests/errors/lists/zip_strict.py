import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    for at, scale in zip([0, 64, 128], [1.0, 2.0], strict=True):
        y.store(at, x.load(at, 64) * scale)
