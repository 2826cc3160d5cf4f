"""The tour: three kernels on the CPU and on the reference machine, checked against numpy and timed."""

import math
import pathlib
import sys
from collections.abc import Callable

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import matmul
import softmax
import vector_add
from rich.console import Console
from rich.table import Table

from tilevm.bench.measure import rivals
from tilevm.optional import optional

Call = Callable[[], object]


def report(
    table: Table, name: str, run: Callable[..., None], out: np.ndarray, exact: np.ndarray, peers: dict[str, Call]
):
    """Errors on both devices, and times of ours and the peers in turn."""
    errors = []
    for device in ("cpu", "vm"):
        out[...] = 0
        run(device=device)
        errors.append(f"{np.abs(out.astype(np.float64) - exact).max():.1e}")
    times = rivals({"tilevm": lambda: run(device="cpu"), **peers}, seconds=1.0)
    ours = times["tilevm"].median
    ratios = (f"{times[p].median / ours:.2f}x" if p in times else "not installed" for p in ("numpy", "torch"))
    table.add_row(name, *errors, f"{ours * 1e3:.2f} ms", *ratios)


def add(table: Table, torch) -> None:
    a, b = np.random.default_rng(0).random((2, 1_000_003), dtype=np.float32)
    c, d = np.empty_like(a), np.empty_like(a)
    peers: dict[str, Call] = {"numpy": lambda: np.add(a, b, out=d)}
    if torch:
        x, y, z = torch.from_numpy(a), torch.from_numpy(b), torch.empty(a.size)
        peers["torch"] = lambda: torch.add(x, y, out=z)
    exact = a.astype(np.float64) + b
    report(table, "vector add, 1,000,003", lambda **how: vector_add.vector_add(a, b, c, **how), c, exact, peers)


def rows(table: Table, torch) -> None:
    x = np.random.default_rng(0).standard_normal((512, 1000), dtype=np.float32)
    y, z = np.empty_like(x), np.empty_like(x)

    def by_numpy() -> None:
        np.exp(x - x.max(axis=1, keepdims=True), out=z)
        np.divide(z, z.sum(axis=1, keepdims=True), out=z)

    peers: dict[str, Call] = {"numpy": by_numpy}
    if torch:
        t, out = torch.from_numpy(x), torch.empty(x.shape)
        peers["torch"] = lambda: torch.softmax(t, 1, out=out)
    report(table, "row softmax, 512 x 1000", lambda **how: softmax.softmax(x, y, **how), y, softmax.reference(x), peers)


def product(table: Table, torch) -> None:
    rng = np.random.default_rng(0)
    M, N, K = 1000, 777, 555
    a, b, bias = (rng.standard_normal(shape, dtype=np.float32) for shape in ((M, K), (K, N), (N,)))
    c = np.empty((M, N), np.float32)

    def by_numpy() -> None:  # numpy has no erf: GELU by its usual tanh form
        x = a @ b + bias
        np.multiply(0.5 * x, 1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)), out=x)

    peers: dict[str, Call] = {"numpy": by_numpy}
    if torch:
        x, w, s = (torch.from_numpy(v) for v in (a, b, bias))
        peers["torch"] = lambda: torch.nn.functional.gelu(torch.addmm(s, x, w))
    exact = matmul.reference(a, b, bias)
    run = lambda **how: matmul.matmul(a, b, bias, c, **how)  # noqa: E731
    report(table, "matmul + bias + GELU, 1000 x 777 x 555", run, c, exact, peers)


def main() -> None:
    torch = optional("torch")
    table = Table("kernel (f32)", "error on cpu", "error on vm", "time on cpu", "numpy / ours", "torch / ours")
    for demonstrate in (add, rows, product):
        demonstrate(table, torch)
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(table)
    console.print("Errors are the largest distance from numpy in float64; ratios are peer time / our time, medians.")


if __name__ == "__main__":
    main()
