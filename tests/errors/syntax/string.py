import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, KIND: tv.constexpr = "relu"):
    if "leaky_" + KIND == "leaky_relu":
        y.store(0, x.load(0, 64))
