import tilevm as tv


@tv.kernel
def kernel(x: tv.Tensor, n: int):
    rows = [[1, n], [2, 3]]
    for _ in range(n):
        rows[0][0] = 7
        rows[0] = rows[1]
    x.store(0, tv.full((4,), rows[1][0], tv.i32))
