"""Number types: packed elements made f32 against a copy, the codec on numpy arrays, linear layers against torch."""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.table import Table

import tilevm as tv
from tilevm.bench import kernels, linear
from tilevm.bench.measure import rivals
from tilevm.library import quantise
from tilevm.types import DType
from tilevm.types.codec import decode, encode, pack, unpack

FORMATS = (
    *(f"u{n}" for n in range(1, 9)),
    *(f"i{n}" for n in range(2, 9)),
    *("f3e1m1", "f4e2m1", "f5e2m2", "f6e2m3", "f6e3m2", "f7e3m3", "f8e4m3", "f8e5m2"),
)
CODEC = ("f8e4m3", "f8e5m2", "f8e8m0", "f6e3m2", "f4e2m1", "u8", "u4")
NEAR, FAR = 1 << 16, 1 << 24  # elements: 256 KB of f32, which the second-level cache holds, and 64 MB, which none does
AGAIN = 200  # times that what is near is made in one launch
PAUSE = 0.02


@dataclass
class Figures:
    """Rates of a run: for each format GB/s of f32 written, and as a part of the copy's; for the codec M elements/s."""

    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    codec: list[dict[str, Any]] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    linear: list[dict[str, Any]] = field(default_factory=list)

    def tables(self) -> Iterator[Table]:
        table = Table("packed to f32", "near", "of copy", "far", "of copy", title="GB/s of f32 written, one thread")
        for r in self.rows:
            parts = (f"{r['near']:.1f}", f"{r['near_of_copy']:.2f}", f"{r['far']:.1f}", f"{r['far_of_copy']:.2f}")
            table.add_row(r["format"], *parts)
        yield table
        heads = {"encode": "encode f32", "drawn": "stochastic", "decode": "decode", "pack": "pack", "unpack": "unpack"}
        table = Table("codec", *heads.values(), title="million elements a second, one thread")
        for r in self.codec:
            table.add_row(r["format"], *(f"{r[name]:.0f}" for name in heads))
        yield table
        threads = self.machine["threads"]
        table = Table("block scales", "quantise", "of copy", title=f"GB/s of f32 read, 64 MB, {threads} threads")
        for r in self.blocks:
            table.add_row(r["format"], f"{r['rate']:.1f}", f"{r['of_copy']:.2f}")
        yield table
        yield linear.table(self.linear, threads)

    def summary(self) -> str:
        m = self.machine
        return (
            f"{m['processor']}; copies on one thread: 256 KB by a kernel {m['near_copy']:.1f} GB/s, "
            f"64 MB by numpy {m['far_copy']:.1f} GB/s"
        )

    def data(self) -> dict[str, Any]:
        return asdict(self)


def bench_formats(seconds: float, only: str = "") -> Figures:
    """The formats whose names hold ``only``, each in turn with the copies that they are measured by."""
    threads = pkgutil.resolve_name("tilevm.backends.cpu.pool:threads")()
    processor = pkgutil.resolve_name("tilevm.backends.cpu.host:host")().name
    figures = Figures({"processor": processor, "threads": threads})
    copies: dict[str, list[float]] = {"near": [], "far": []}
    for name in filter(lambda name: only in name, FORMATS):
        found = dequantised(tv.dtype(name), seconds)
        figures.rows.append(found)
        for place, rates in copies.items():
            rates.append(found[f"{place}_copy"])
    figures.codec = [coded(tv.dtype(name), seconds) for name in CODEC if only in name]
    figures.blocks = [block(name, call, seconds) for name, call in BLOCKS.items() if only in name]
    figures.linear = linear.bench_linear(seconds, only, threads)
    middle = {f"{place}_copy": float(np.median(rates)) if rates else 0.0 for place, rates in copies.items()}
    figures.machine |= {**middle, "numpy": np.__version__, "date": time.strftime("%Y-%m-%d")}
    return figures


def dequantised(dtype: DType, seconds: float) -> dict[str, Any]:
    """One format, near and far. Raises AssertionError where a number comes out wrong."""
    buffer = np.random.default_rng(0).integers(0, 256, FAR * dtype.bits // 8, dtype=np.uint8)
    out: dict[str, Any] = {"format": dtype.name}
    for place, count, times in (("near", NEAR, AGAIN), ("far", FAR, 1)):
        given = tv.packed(buffer[: count * dtype.bits // 8], dtype, (count,))
        x, y, z = (np.ones(count, np.float32) for _ in range(3))  # written, or all of x would be one page of zeros
        calls = {
            "ours": lambda given=given, y=y, times=times: kernels.dequantise(given, y, times),
            "copy": copy_call(x, z, times),
        }
        taken = rivals(calls, seconds, PAUSE)
        expected = decode(unpack(given.buffer, dtype, NEAR), dtype).astype(np.float32)
        assert np.array_equal(y[:NEAR], expected, equal_nan=True), f"{dtype}: wrong numbers"
        rates = {name: times * y.nbytes / t.median / 1e9 for name, t in taken.items()}
        out |= {place: rates["ours"], f"{place}_copy": rates["copy"], f"{place}_of_copy": rates["ours"] / rates["copy"]}
    return out


BLOCKS: dict[str, Callable[[np.ndarray], object]] = {
    "MXFP4": lambda x: quantise.mx(x, "f4e2m1"),
    "MXFP8": lambda x: quantise.mx(x, "f8e4m3"),
    "NVFP4": lambda x: quantise.nvfp4(x, amax=8.0),
}


def block(name: str, call: Callable[[np.ndarray], object], seconds: float) -> dict[str, Any]:
    """A quantiser on all threads, and a kernel that copies on as many."""
    x = np.random.default_rng(0).standard_normal((4096, 4096), dtype=np.float32)
    y = np.empty_like(x)
    taken = rivals({"ours": lambda: call(x), "copy": lambda: kernels.copy_on_all(x.ravel(), y.ravel())}, seconds, PAUSE)
    rates = {who: x.nbytes / t.median / 1e9 for who, t in taken.items()}
    return {"format": name, "rate": rates["ours"], "copy": rates["copy"], "of_copy": rates["ours"] / rates["copy"]}


def copy_call(x: np.ndarray, y: np.ndarray, times: int) -> Any:
    """Near, a kernel that copies as often; far, numpy's copy."""
    return (lambda: kernels.copy(x, y, times)) if times > 1 else (lambda: np.copyto(y, x))


def coded(dtype: DType, seconds: float) -> dict[str, Any]:
    """The codec's functions on 4 M elements."""
    count = 1 << 22
    x = np.random.default_rng(0).standard_normal(count, dtype=np.float32)
    codes = encode(x, dtype)
    buffer = pack(codes, dtype)
    calls = {
        "encode": lambda: encode(x, dtype),
        "drawn": lambda: encode(x, dtype, "stochastic"),
        "decode": lambda: decode(codes, dtype),
        "pack": lambda: pack(codes, dtype),
        "unpack": lambda: unpack(buffer, dtype, count),
    }
    taken = rivals(calls, seconds / 4, 0.0)
    return {"format": dtype.name, **{name: count / t.median / 1e6 for name, t in taken.items()}}
