import tilevm as tv


def kernel(y: tv.Tensor):
    y.store(tv.program_id(3), 1.0)
