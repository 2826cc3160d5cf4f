import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    accs = [tv.zeros(64, tv.f32), tv.zeros(64, tv.f32)]
    for k in range(n):
        accs[1] = accs[1].sum() + k
    y.store(0, accs[1])
