import tilevm as tv


def kernel(x: tv.Tensor):
    x.store(0, tv.full((4,), 465.0, tv.f8e4m3).to(tv.f32))
