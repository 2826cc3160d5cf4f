import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    tiles = [x.load(k * 64, 64) for k in range(4) if k < n]
    y.store(0, sum(tiles))
