"""The problems that are measured: a function makes each, with its rivals; :data:`CASES` lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from ml_dtypes import bfloat16

from tilevm.bench import kernels, loops
from tilevm.bench.measure import Call
from tilevm.library.attention import attention as flash_attention
from tilevm.optional import optional

OURS = "tilevm"
PEERS = ("numpy", "torch", "numba")  # in the order of the table's columns; all but numpy may be missing


@dataclass(frozen=True)
class Case:
    """One problem: the rivals' calls, how much work it is, and the result's largest relative error."""

    name: str
    calls: dict[str, Call]
    work: float  # floating-point operations, or bytes moved
    unit: str  # GFLOP/s or GB/s
    error: Callable[[], float]


@dataclass(frozen=True)
class Peers:
    """The optional rivals, as modules, and a source of numbers that begins alike for every case."""

    torch: Any
    numba: Any

    @classmethod
    def found(cls, threads: int) -> Peers:
        """Those that are installed, each held to ``threads``."""
        torch, numba = optional("torch"), optional("numba")
        if torch is not None:
            torch.set_num_threads(threads)
        if numba is not None:
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        return cls(torch, numba)

    def versions(self) -> dict[str, str | None]:
        held = {"numpy": np, "torch": self.torch, "numba": self.numba}
        return {peer: module and module.__version__ for peer, module in held.items()}

    def calls(
        self, ours: Call, by_numpy: Call | None, by_torch: Callable[[Any], Call], by_numba: Any = None
    ) -> dict[str, Call]:
        """The rivals of a case. ``by_torch`` and ``by_numba`` make the call from the module, where it is there."""
        calls = {OURS: ours} if by_numpy is None else {OURS: ours, "numpy": by_numpy}
        if self.torch is not None:
            calls["torch"] = by_torch(self.torch)
        if self.numba is not None and by_numba is not None:
            calls["numba"] = by_numba(self.numba)
        return calls


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def matmul(m: int, n: int, k: int, peers: Peers) -> Case:
    a, b = (rng().standard_normal(shape, dtype=np.float32) for shape in ((m, k), (k, n)))
    c, d = np.empty((m, n), np.float32), np.empty((m, n), np.float32)

    def by_torch(torch: Any) -> Call:
        x, y, z = torch.from_numpy(a), torch.from_numpy(b), torch.empty(m, n)
        return lambda: torch.mm(x, y, out=z)

    def error() -> float:
        exact = a.astype(np.float64) @ b
        return float(np.abs(c - exact).max() / np.abs(exact).max())

    calls = peers.calls(lambda: kernels.matmul(a, b, c), lambda: np.matmul(a, b, out=d), by_torch)
    return Case(f"matmul f32 {m}x{n}x{k}", calls, 2.0 * m * n * k, "GFLOP/s", error)


def matmul_bf16(m: int, n: int, k: int, peers: Peers) -> Case:
    """bf16 in and out. numpy has no bf16 of its own."""
    a, b = (rng().standard_normal(shape).astype(bfloat16) for shape in ((m, k), (k, n)))
    c = np.empty((m, n), bfloat16)

    def by_torch(torch: Any) -> Call:
        x, y = (torch.from_numpy(v.view(np.int16)).view(torch.bfloat16) for v in (a, b))
        z = torch.empty(m, n, dtype=torch.bfloat16)
        return lambda: torch.mm(x, y, out=z)

    def error() -> float:
        exact = a.astype(np.float32) @ b.astype(np.float32)
        return float(np.abs(c.astype(np.float32) - exact).max() / np.abs(exact).max())

    calls = peers.calls(lambda: kernels.matmul(a, b, c, BM=256, BK=256), None, by_torch)
    return Case(f"matmul bf16 {m}x{n}x{k}", calls, 2.0 * m * n * k, "GFLOP/s", error)


def attention(dtype: Any, length: int, depth: int, causal: bool, peers: Peers) -> Case:
    """8 heads; causal counts half of the products."""
    q, k, v = rng().standard_normal((3, 1, 8, length, depth), dtype=np.float32).astype(dtype)
    o, scale = np.empty_like(q), depth**-0.5

    def by_torch(torch: Any) -> Call:
        kind = torch.float32 if dtype is np.float32 else torch.bfloat16
        x, y, z = (torch.from_numpy(t.astype(np.float32)).to(kind) for t in (q, k, v))
        run = torch.nn.functional.scaled_dot_product_attention
        return lambda: run(x, y, z, is_causal=causal, scale=scale)

    def error() -> float:
        """Of the first head."""
        x, y, z = (t[0, 0].astype(np.float64) for t in (q, k, v))
        scores = x @ y.T * scale
        scores[np.triu_indices(length if causal else 0, 1)] = -np.inf
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return float(np.abs(o[0, 0].astype(np.float64) - powers / powers.sum(axis=1, keepdims=True) @ z).max())

    given = {"D": depth, "causal": causal, **attention_tiles(q.itemsize, depth, causal)}
    calls = peers.calls(lambda: flash_attention(q, k, v, o, scale, **given), None, by_torch)
    work = 4.0 * 8 * length * length * depth * (0.5 if causal else 1.0)
    name = f"attention {'f32' if dtype is np.float32 else 'bf16'} {length}x{depth}{' causal' if causal else ''}"
    return Case(name, calls, work, "GFLOP/s", error)


def attention_tiles(size: int, depth: int, causal: bool) -> dict[str, int]:
    """Tiles of attention on numbers of so many bytes: larger ones of short rows are 3 to 6 % faster than its own."""
    if size > 2 or depth > 64:
        return {}
    return {"BN": 128} if causal else {"BM": 256, "BN": 256}


def softmax(m: int, n: int, peers: Peers) -> Case:
    x = rng().standard_normal((m, n), dtype=np.float32)
    y, z, u = np.empty_like(x), np.empty_like(x), np.empty_like(x)

    def by_numpy() -> None:
        np.subtract(x, x.max(axis=1, keepdims=True), out=z)
        np.exp(z, out=z)
        np.divide(z, z.sum(axis=1, keepdims=True), out=z)

    def by_torch(torch: Any) -> Call:
        t, out = torch.from_numpy(x), torch.empty(m, n)
        return lambda: torch.softmax(t, 1, out=out)

    def error() -> float:
        e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
        return float(np.abs(y - e / e.sum(axis=1, keepdims=True)).max())

    by_numba = lambda numba: partial(loops.softmax(numba), x, u)  # noqa: E731
    calls = peers.calls(lambda: kernels.softmax(x, y), by_numpy, by_torch, by_numba)
    return Case(f"softmax f32 {m}x{n}", calls, 2.0 * x.nbytes, "GB/s", error)


def layer_norm(m: int, n: int, peers: Peers) -> Case:
    x = rng().standard_normal((m, n), dtype=np.float32)
    w, b = rng().standard_normal((2, n), dtype=np.float32)
    y, z, u = np.empty_like(x), np.empty_like(x), np.empty_like(x)

    def by_numpy() -> None:
        np.subtract(x, x.mean(axis=1, keepdims=True), out=z)
        np.multiply(z, 1 / np.sqrt(np.square(z).mean(axis=1, keepdims=True) + 1e-5), out=z)
        np.add(np.multiply(z, w, out=z), b, out=z)

    def by_torch(torch: Any) -> Call:
        """Without an allocation at each call, as the others."""
        t, weight, bias = (torch.from_numpy(v) for v in (x, w, b))
        outs = {"out0": torch.empty(m, n), "out1": torch.empty(m, 1), "out2": torch.empty(m, 1)}
        return lambda: torch.ops.aten.native_layer_norm.out(t, [n], weight, bias, 1e-5, **outs)

    def error() -> float:
        exact = x.astype(np.float64) - x.mean(axis=1, keepdims=True, dtype=np.float64)
        exact = exact / np.sqrt((exact**2).mean(axis=1, keepdims=True) + 1e-5) * w + b
        return float(np.abs(y - exact).max() / np.abs(exact).max())

    by_numba = lambda numba: partial(loops.layer_norm(numba), x, w, b, u)  # noqa: E731
    calls = peers.calls(lambda: kernels.layer_norm(x, w, b, y), by_numpy, by_torch, by_numba)
    return Case(f"layer norm f32 {m}x{n}", calls, 2.0 * x.nbytes, "GB/s", error)


def add(n: int, peers: Peers) -> Case:
    a, b = rng().standard_normal((2, n), dtype=np.float32)
    c, d, e = np.empty_like(a), np.empty_like(a), np.empty_like(a)

    def by_torch(torch: Any) -> Call:
        x, y, z = torch.from_numpy(a), torch.from_numpy(b), torch.empty(n)
        return lambda: torch.add(x, y, out=z)

    by_numba = lambda numba: partial(loops.add(numba), a, b, e)  # noqa: E731
    calls = peers.calls(lambda: kernels.vector_add(a, b, c), lambda: np.add(a, b, out=d), by_torch, by_numba)
    return Case(f"vector add f32 {n}", calls, 3.0 * a.nbytes, "GB/s", lambda: float(np.abs(c - (a + b)).max()))


CASES: tuple[Callable[[Peers], Case], ...] = (
    *(partial(matmul, *size) for size in ((512,) * 3, (1024,) * 3, (2048,) * 3, (1000, 1111, 1037))),
    *(partial(matmul_bf16, *size) for size in ((512,) * 3, (1024,) * 3, (2048,) * 3, (1000, 1111, 1037))),
    *(
        partial(attention, dtype, length, depth, causal)
        for dtype in (np.float32, bfloat16)
        for length in (1024, 4096)
        for depth in (64, 128)
        for causal in (False, True)
    ),
    partial(softmax, 4096, 1024),
    partial(layer_norm, 4096, 1024),
    partial(add, 1 << 24),
)
