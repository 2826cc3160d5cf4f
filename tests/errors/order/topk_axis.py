import tilevm as tv


def kernel(a: tv.Tensor, y: tv.Tensor):
    values, _ = tv.topk(a.load((0, 0), (4, 8)), 2, axis=2)
    y.store(0, values.to(tv.f32))
