import tilevm as tv


def kernel(x: tv.Tensor, y: tv.Tensor, n: tv.Tile):
    rows = [[1, n], [2, 3]]
    for _ in range(n):
        rows[0][0] = 7
        rows[0] = rows[1]
    y.store(0, rows[1][0])
