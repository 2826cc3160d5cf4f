"""What moves bytes: copies, sums, softmax and norms of rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tilevm.bench import kernels
from tilevm.bench.gpu import check
from tilevm.bench.gpu.case import OURS, Case, Expected, Problem, Rival
from tilevm.bench.gpu.setting import Setting

EPS = 1e-5


def copy(s: Setting) -> Case:
    """A copy of 1 GiB: torch's leads, for it is what others are held against."""
    n = s.size(1 << 28, 5000)
    x, y, z = (s.random(n, dtype="float32"), s.empty(n, dtype="float32"), s.empty(n, dtype="float32"))

    def own() -> Any:
        s.run(kernels.copy_on_all, x, z, BLOCK=4096)
        return z

    rivals = Rival.once("torch", lambda: y.copy_(x), y), Rival.once(OURS, own, z)
    return Case(8.0 * n, "TB/s", rivals, lambda: Expected((x.double(),), (x.double() * 0,)))


def vector_add(dtype: str, s: Setting) -> Case:
    n, kernel = s.size(1 << 27, 5000), s.example("vector_add").vector_add
    x, y = (s.random(n, dtype=dtype) for _ in range(2))
    outs = [s.empty(n, dtype=dtype) for _ in range(3)]

    def own() -> Any:
        s.run(kernel, x, y, outs[0], BLOCK=2048)
        return outs[0]

    theirs = partial(s.torch.add, x, y, out=outs[1])
    rivals = [Rival.once(OURS, own, outs[0]), Rival.once("torch", theirs, outs[1])]
    if s.triton is not None:
        rivals.append(Rival.once("triton", partial(s.triton.run_add, x, y, outs[2]), outs[2]))

    def expected() -> Expected:
        exact = x.double() + y.double()
        return Expected((exact,), (2.0 * check.half_step(x) * exact.abs(),))

    return Case(3.0 * n * x.element_size(), "TB/s", tuple(rivals), expected)


def rows(s: Setting, m: int, n: int, make: Callable[[Any, Any], Any]) -> tuple[tuple[Callable[[], Any], ...], Any, Any]:
    """Calls of ``make(x, y)`` for each set of an m x n matrix x and room y, with x and y of the first."""
    pairs = [(s.random(m, n), s.empty(m, n)) for _ in s.sets(4 * m * n)]
    return tuple(partial(make, x, y) for x, y in pairs), *pairs[0]


def softmax(n: int, s: Setting) -> Case:
    m, n = s.size(16384, 5), s.size(n, n // 16 + 3)
    kernel = s.example("softmax").softmax

    def own(x: Any, y: Any) -> Any:
        s.run(kernel, x, y, BLOCK=n, num_warps=warps(n))
        return y

    s.seed()
    calls, x, y = rows(s, m, n, own)
    s.seed()
    theirs, _, z = rows(s, m, n, lambda x, y: s.torch.softmax(x, 1, out=y))
    rivals = [Rival.of(OURS, calls, y), Rival.of("torch", theirs, z)]
    if s.triton is not None:
        s.seed()
        by_triton, _, z = rows(s, m, n, s.triton.run_softmax)
        rivals.append(Rival.of("triton", by_triton, z))

    def expected() -> Expected:
        exact, largest = x.double().softmax(1), float(x.abs().max())
        return Expected((exact,), (check.of_softmax(exact, n, largest, check.half_step(x)),))

    return Case(4.0 * m * n, "TB/s", tuple(rivals), expected)


def warps(n: int) -> int:
    """Warps for a row of ``n`` elements: 16 bytes for each thread, so far as blocks are that large."""
    return max(1, min(8, n // 512))


def norm(centred: bool, s: Setting) -> Case:
    """Layer norm or RMS norm, forward; the statistics of rows are stored too."""
    m, n, norms = s.size(16384, 5), s.size(4096, 83), s.example("norms")
    weight, bias = s.random(n), s.random(n)
    mean, rstd = s.empty(m, dtype="float32"), s.empty(m, dtype="float32")
    how = {"BLOCK": norms.row_block(n), "num_warps": warps(n)}

    def own(x: Any, y: Any) -> Any:
        if centred:
            s.run(norms.layer_norm, x, weight, bias, y, mean, rstd, EPS, **how)
        else:
            s.run(norms.rms_norm, x, weight, y, rstd, EPS, **how)
        return y

    def theirs(x: Any, y: Any) -> Any:
        f = s.torch.nn.functional
        return f.layer_norm(x, (n,), weight, bias, EPS) if centred else f.rms_norm(x, (n,), weight, EPS)

    s.seed()
    calls, x, y = rows(s, m, n, own)
    s.seed()
    rivals = [Rival.of(OURS, calls, y), Rival.of("torch", rows(s, m, n, theirs)[0])]
    if s.triton is not None and not centred:
        s.seed()
        by_triton, _, z = rows(s, m, n, lambda x, y: s.triton.run_rms_norm(x, weight, y, EPS))  # type: ignore[union-attr]
        rivals.append(Rival.of("triton", by_triton, z))

    def expected() -> Expected:
        normal, _ = normalised(x, centred)
        exact = normal * weight.double() + (bias.double() if centred else 0.0)
        absolute = normal.abs() * weight.double().abs() + (bias.double().abs() if centred else 0.0)
        return Expected((exact,), (2.0 * check.half_step(x) * exact.abs() + (n + 16.0) * check.ACC * absolute,))

    return Case(4.0 * m * n, "TB/s", tuple(rivals), expected)


def normalised(x: Any, centred: bool) -> tuple[Any, Any]:
    """Rows in float64 brought to mean 0 (where ``centred``) and mean square 1, and what they were multiplied by."""
    wide = x.double()
    wide = wide - wide.mean(1, keepdim=True) if centred else wide
    rstd = ((wide**2).mean(1, keepdim=True) + EPS).rsqrt()
    return wide * rstd, rstd


def norm_backward(centred: bool, s: Setting) -> Case:
    """Gradients of x, weight and, of layer norm, bias: one kernel by rows, and one for each sum over programs."""
    m, n, norms = s.size(16384, 150), s.size(4096, 83), s.example("norms")
    x, dy, weight, bias = s.random(m, n), s.random(m, n), s.random(n), s.random(n)
    f32, parts = "float32", -(-m // norms.ROWS)
    mean, rstd = s.empty(m, dtype=f32), s.empty(m, dtype=f32)
    if not s.blank:
        mean.copy_(x.double().mean(1))
        rstd.copy_(normalised(x, centred)[1].reshape(m))
    dx, dweight, dbias = s.empty(m, n), s.empty(n), s.empty(n)
    dw, db = s.empty(parts, n, dtype=f32), s.empty(parts, n, dtype=f32)
    how = {"BLOCK": norms.row_block(n), "num_warps": warps(n)}

    def own() -> Any:
        if not centred:
            s.run(norms.rms_norm_gradients, x, weight, dy, rstd, dx, dw, **how)
            s.run(norms.sum_parts, dw, dweight)
            return dx, dweight
        s.run(norms.layer_norm_gradients, x, weight, dy, mean, rstd, dx, dw, db, **how)
        s.run(norms.sum_parts, dw, dweight)
        s.run(norms.sum_parts, db, dbias)
        return dx, dweight, dbias

    def by_torch() -> Callable[[], Any]:
        leaves = [t.detach().clone().requires_grad_() for t in ((x, weight, bias) if centred else (x, weight))]
        f = s.torch.nn.functional
        y = f.layer_norm(leaves[0], (n,), *leaves[1:], EPS) if centred else f.rms_norm(leaves[0], (n,), leaves[1], EPS)
        return partial(s.torch.autograd.grad, y, leaves, dy, retain_graph=True)

    outs = (dx, dweight, dbias) if centred else (dx, dweight)
    rivals = [Rival.once(OURS, own, *outs)]
    if not s.blank:
        rivals.append(Rival.once("torch", by_torch()))
    return Case(6.0 * m * n, "TB/s", tuple(rivals), partial(gradients, x, weight, dy, centred))


def gradients(x: Any, weight: Any, dy: Any, centred: bool) -> Expected:
    """The gradients in float64. The room is that of sums over a row and over a column, of the numbers' sizes."""
    (normal, rstd), (m, n) = normalised(x, centred), x.shape
    d, out = dy.double(), check.half_step(x)
    g = d * weight.double()
    along = (g * normal).mean(1, keepdim=True)
    middle = g.mean(1, keepdim=True) if centred else 0.0
    dx = rstd * (g - middle - normal * along)
    size = rstd * (g.abs() + g.abs().mean(1, keepdim=True) + normal.abs() * (g * normal).abs().mean(1, keepdim=True))
    exact = [dx, (d * normal).sum(0), d.sum(0)]
    absolute = [size, (d * normal).abs().sum(0), d.abs().sum(0)]
    count = 3 if centred else 2
    terms = (n + 16.0, m + 16.0, m + 16.0)
    room = [2.0 * out * e.abs() + k * check.ACC * a for e, a, k in zip(exact, absolute, terms, strict=True)]
    return Expected(tuple(exact[:count]), tuple(room[:count]), lambda found: tuple(found))


PROBLEMS = (
    *(Problem(f"vector add {d} 2^27", "vector add", 1 << 27, partial(vector_add, d)) for d in ("float32", "bfloat16")),
    *(Problem(f"softmax bf16 16384x{n}", "softmax", n, partial(softmax, n)) for n in (1024, 4096, 8192)),
    Problem("layer norm bf16 16384x4096", "norms", 4096, partial(norm, True)),
    Problem("RMS norm bf16 16384x4096", "norms", 4096, partial(norm, False)),
    Problem("layer norm backward bf16 16384x4096", "norms", 4096, partial(norm_backward, True)),
    Problem("RMS norm backward bf16 16384x4096", "norms", 4096, partial(norm_backward, False)),
)
CEILING = Problem("copy 1 GiB", "copy", 1 << 30, copy, ceiling=True)
