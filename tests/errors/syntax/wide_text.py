import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor):
    größe, σ = 64, "宽"
    y.store(0, x.load(0, größe) * σ)
