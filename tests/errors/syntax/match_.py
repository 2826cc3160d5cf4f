import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, KIND: tv.constexpr = "relu"):
    match KIND:
        case "relu":
            y.store(0, tv.maximum(x.load(0, 64), 0))
