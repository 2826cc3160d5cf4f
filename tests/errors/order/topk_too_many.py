import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    values, _ = tv.topk(x.load(0, 16), 17)
    y.store(0, values)
