"""Layer norm and RMS norm, forward and backward: rows of any length, sums over rows in two passes without atomics."""

import ml_dtypes
import numpy as np

import tilevm as tv

ROWS = 64  # rows that one program of the backward pass adds up


@tv.kernel(
    "x: T[M, N], weight: W[N], bias: W[N], y: T[M, N], mean: f32[M], rstd: f32[M]",
    grid=lambda M, **_: M,
)
def layer_norm(
    x: tv.Tensor,
    weight: tv.Tensor,
    bias: tv.Tensor,
    y: tv.Tensor,
    mean: tv.Tensor,
    rstd: tv.Tensor,
    eps: float = 1e-5,
    BLOCK: tv.constexpr = 1024,
):
    """``(x - mean) * rstd * weight + bias`` of a row (Ba et al., "Layer normalization", 2016).

    BLOCK is at least the length of a row. The variance is summed around the mean, so it does not cancel.
    """
    row, N = tv.program_id(0), x.shape[1]
    values = x.load((row, 0), (1, BLOCK)).to(tv.f32)
    middle = values.sum(axis=1, keepdims=True) / N
    centred = tv.where(tv.arange(BLOCK)[None, :] < N, values - middle, 0.0)
    scale = tv.rsqrt((centred * centred).sum(axis=1, keepdims=True) / N + eps)
    w, b = weight.load(0, BLOCK).to(tv.f32), bias.load(0, BLOCK).to(tv.f32)
    y.store((row, 0), (centred * scale * w + b).to(y.dtype))
    mean.store(row, middle.reshape(1))
    rstd.store(row, scale.reshape(1))


@tv.kernel("x: T[M, N], weight: W[N], y: T[M, N], rstd: f32[M]", grid=lambda M, **_: M)
def rms_norm(
    x: tv.Tensor, weight: tv.Tensor, y: tv.Tensor, rstd: tv.Tensor, eps: float = 1e-6, BLOCK: tv.constexpr = 1024
):
    """``x * rstd * weight`` of a row (Zhang and Sennrich, "Root mean square layer normalization", 2019)."""
    row, N = tv.program_id(0), x.shape[1]
    values = x.load((row, 0), (1, BLOCK)).to(tv.f32)
    scale = tv.rsqrt((values * values).sum(axis=1, keepdims=True) / N + eps)
    y.store((row, 0), (values * scale * weight.load(0, BLOCK).to(tv.f32)).to(y.dtype))
    rstd.store(row, scale.reshape(1))


@tv.kernel(
    "x: T[M, N], weight: W[N], dy: T[M, N], mean: f32[M], rstd: f32[M], dx: T[M, N], dw: f32[P, N], db: f32[P, N]",
    grid=lambda P, **_: P,
)
def layer_norm_gradients(
    x: tv.Tensor,
    weight: tv.Tensor,
    dy: tv.Tensor,
    mean: tv.Tensor,
    rstd: tv.Tensor,
    dx: tv.Tensor,
    dw: tv.Tensor,
    db: tv.Tensor,
    BLOCK: tv.constexpr = 1024,
):
    """``dx`` of ROWS rows, and what these rows add to the gradients of weight and bias.

    With n the normalised row and g = dy * weight: dx = rstd * (g - mean(g) - n * mean(g * n)).
    """
    part, N = tv.program_id(0), x.shape[1]
    w = weight.load(0, BLOCK).to(tv.f32)[None, :]
    inside = tv.arange(BLOCK)[None, :] < N
    for_weight, for_bias = tv.zeros((1, BLOCK), tv.f32), tv.zeros((1, BLOCK), tv.f32)
    for row in tv.range(part * ROWS, tv.minimum(part * ROWS + ROWS, x.shape[0])):
        scale = rstd.gather(row)
        n = tv.where(inside, (x.load((row, 0), (1, BLOCK)).to(tv.f32) - mean.gather(row)) * scale, 0.0)
        d = dy.load((row, 0), (1, BLOCK)).to(tv.f32)
        g = d * w
        along = (g * n).sum(axis=1, keepdims=True) / N
        dx.store((row, 0), ((g - g.sum(axis=1, keepdims=True) / N - n * along) * scale).to(dx.dtype))
        for_weight += d * n
        for_bias += d
    dw.store((part, 0), for_weight)
    db.store((part, 0), for_bias)


@tv.kernel(
    "x: T[M, N], weight: W[N], dy: T[M, N], rstd: f32[M], dx: T[M, N], dw: f32[P, N]",
    grid=lambda P, **_: P,
)
def rms_norm_gradients(
    x: tv.Tensor,
    weight: tv.Tensor,
    dy: tv.Tensor,
    rstd: tv.Tensor,
    dx: tv.Tensor,
    dw: tv.Tensor,
    BLOCK: tv.constexpr = 1024,
):
    """The same without a mean: dx = rstd * (g - n * mean(g * n))."""
    part, N = tv.program_id(0), x.shape[1]
    w = weight.load(0, BLOCK).to(tv.f32)[None, :]
    for_weight = tv.zeros((1, BLOCK), tv.f32)
    for row in tv.range(part * ROWS, tv.minimum(part * ROWS + ROWS, x.shape[0])):
        scale = rstd.gather(row)
        n = x.load((row, 0), (1, BLOCK)).to(tv.f32) * scale
        d = dy.load((row, 0), (1, BLOCK)).to(tv.f32)
        g = d * w
        dx.store((row, 0), ((g - n * ((g * n).sum(axis=1, keepdims=True) / N)) * scale).to(dx.dtype))
        for_weight += d * n
    dw.store((part, 0), for_weight)


@tv.kernel("parts: f32[P, N], total: T[N]", grid=lambda N, BN, **_: tv.cdiv(N, BN))
def sum_parts(parts: tv.Tensor, total: tv.Tensor, BP: tv.constexpr = 8, BN: tv.constexpr = 128):
    """The second pass: what each program of the first has found, added up."""
    P, column = parts.shape[0], tv.program_id(0) * BN
    acc = tv.zeros((BP, BN), tv.f32)
    for p in tv.range(0, P, BP):
        acc += parts.load((p, column), (BP, BN))
    total.store(column, acc.sum(axis=0).to(total.dtype))


def row_block(n: int) -> int:
    """A tile's extent for rows of ``n`` elements: whole vectors."""
    return -(-n // 16) * 16


def layer_norm_backward(x, weight, dy, mean, rstd, dx, dweight, dbias, **how) -> None:
    """Gradients of :func:`layer_norm`, into ``dx``, ``dweight`` and ``dbias``."""
    rows, columns = x.shape
    dw, db = np.empty((2, tv.cdiv(rows, ROWS), columns), np.float32)
    layer_norm_gradients(x, weight, dy, mean, rstd, dx, dw, db, BLOCK=row_block(columns), **how)
    sum_parts(dw, dweight, **how)
    sum_parts(db, dbias, **how)


def rms_norm_backward(x, weight, dy, rstd, dx, dweight, **how) -> None:
    """Gradients of :func:`rms_norm`, into ``dx`` and ``dweight``."""
    rows, columns = x.shape
    dw = np.empty((tv.cdiv(rows, ROWS), columns), np.float32)
    rms_norm_gradients(x, weight, dy, rstd, dx, dw, BLOCK=row_block(columns), **how)
    sum_parts(dw, dweight, **how)


def reference(x, weight, bias, dy, eps):
    """y, dx, dweight and dbias in float64; of RMS norm where ``bias`` is None."""
    x, weight, dy = (a.astype(np.float64) for a in (x, weight, dy))
    centred = x if bias is None else x - x.mean(axis=1, keepdims=True)
    rstd = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    n, g = centred * rstd, dy * weight
    middle = 0.0 if bias is None else g.mean(axis=1, keepdims=True)
    dx = rstd * (g - middle - n * (g * n).mean(axis=1, keepdims=True))
    return n * weight + (0.0 if bias is None else bias.astype(np.float64)), dx, (dy * n).sum(axis=0), dy.sum(axis=0)


def problem(rng, m: int, n: int, dtype) -> dict:
    """Arguments of every kernel here, by name."""
    x, dy = rng.standard_normal((2, m, n)).astype(dtype)
    weight, bias = rng.standard_normal((2, n)).astype(dtype)
    y, dx = np.zeros((2, m, n), dtype)
    mean, rstd = np.zeros((2, m), np.float32)
    dw, db = np.zeros((2, tv.cdiv(m, ROWS), n), np.float32)
    named = {"x": x, "dy": dy, "weight": weight, "bias": bias, "y": y, "dx": dx, "mean": mean, "rstd": rstd}
    return {**named, "dw": dw, "db": db, "BLOCK": row_block(n)}


def layer_norm_inputs(rng, m=70, n=50, T=np.float32) -> dict:
    return problem(rng, m, n, T)


rms_norm_inputs = layer_norm_gradients_inputs = rms_norm_gradients_inputs = layer_norm_inputs


def run(x, weight, bias, dy, **how):
    """y, dx, dweight and dbias as :func:`reference` gives them."""
    y, dx, dweight = np.empty_like(x), np.empty_like(x), np.empty_like(weight)
    mean, rstd = np.empty((2, x.shape[0]), np.float32)
    block = row_block(x.shape[1])
    if bias is None:
        rms_norm(x, weight, y, rstd, BLOCK=block, **how)
        rms_norm_backward(x, weight, dy, rstd, dx, dweight, **how)
        return y, dx, dweight, None
    dbias = np.empty_like(bias)
    layer_norm(x, weight, bias, y, mean, rstd, BLOCK=block, **how)
    layer_norm_backward(x, weight, dy, mean, rstd, dx, dweight, dbias, **how)
    return y, dx, dweight, dbias


def main() -> None:
    for dtype in (np.float32, ml_dtypes.bfloat16):
        given = problem(np.random.default_rng(0), 100, 781, dtype)
        x, weight, dy = given["x"], given["weight"], given["dy"]
        for name, bias, eps in (("layer norm", given["bias"], 1e-5), ("RMS norm", None, 1e-6)):
            exact = reference(x, weight, bias, dy, eps)
            for device in ("cpu", "vm"):
                found = run(x, weight, bias, dy, device=device)
                pairs = [(a, e) for a, e in zip(found, exact, strict=True) if a is not None]
                error = max(np.abs(a - e).max() / np.abs(e).max() for a, e in pairs)
                print(f"{name} of {np.dtype(dtype).name} on {device}: largest error {error:.2e} of the largest number")


if __name__ == "__main__":
    main()
