import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    column = tv.arange(1 << 20)[:, None]
    y.store(0, (column + column.T).sum())
