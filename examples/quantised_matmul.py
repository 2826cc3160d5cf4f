"""Products of 16-bit activations and packed weights: any type from u1 to u8, i2 to i8, f3 to f8, scaled by groups.

The kernel stands in :mod:`tilevm.library.linear`; one source serves every type, with zero points or without.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ml_dtypes import bfloat16

import tilevm as tv
from tilevm.library.linear import linear, quantised_matmul

__all__ = ["linear", "quantised_matmul"]
WEIGHTS = (
    *(f"u{n}" for n in range(1, 9)),
    *(f"i{n}" for n in range(2, 9)),
    *("f3e1m1", "f4e2m1", "f5e2m2", "f6e2m3", "f6e3m2", "f7e3m3", "f8e4m3", "f8e5m2"),
)


def problem(
    rng: np.random.Generator, name: str, sizes: tuple[int, int, int], group: int, zeros: bool
) -> dict[str, Any]:
    """Random x, packed weights of a type, scales and zero points for M, N, K."""
    (M, N, K), dtype = sizes, tv.dtype(name)
    codes = rng.integers(0, 1 << dtype.bits, (N, K // group, group)).astype(np.uint8)
    if dtype.has_nan:  # no weight is one
        codes[~np.isfinite(tv.decode(codes, dtype))] = 0
    x = rng.standard_normal((M, K)).astype(bfloat16)
    scale = (rng.random((N, K // group)) / tv.decode(codes, dtype).std() + 0.01).astype(bfloat16)
    points = rng.integers(0, 1 << min(dtype.bits, 4), scale.shape).astype(bfloat16) if zeros else None
    return {"x": x, "w": tv.packed(tv.pack(codes, dtype), dtype, codes.shape), "scale": scale, "zero": points}


def reference(x: np.ndarray, w: Any, scale: np.ndarray, zero: np.ndarray | None = None) -> np.ndarray:
    """The same in f64."""
    numbers = tv.decode(tv.unpack(w.buffer, w.dtype, int(np.prod(w.shape))), w.dtype).reshape(w.shape)
    points = 0.0 if zero is None else zero.astype(np.float64)[:, :, None]
    weights = (numbers - points) * scale.astype(np.float64)[:, :, None]
    return x.astype(np.float64) @ weights.reshape(len(weights), -1).T


def quantised_matmul_inputs(rng: np.random.Generator, W: str = "u4", M: int = 3) -> dict[str, Any]:
    given = problem(rng, W, (M, 70, 256), 64, True)
    y = np.zeros((M, 70), bfloat16)
    return {
        **given,
        "w": given["w"].reshape((70, 256)),
        "y": y,
        "K": 256,
        "G": 64,
        "ZEROS": True,
        "BM": 1 if M == 1 else 16,
        "BN": 32,
    }


def main() -> None:
    rng = np.random.default_rng(0)
    for name in WEIGHTS:
        errors = []
        for rows, device in ((1, "cpu"), (1, "vm"), (17, "cpu"), (17, "vm")):
            given = problem(rng, name, (rows, 96, 256), 128, zeros=True)
            exact = reference(**given)
            errors.append(np.abs(linear(**given, device=device) - exact).max() / np.abs(exact).max())
        told = ", ".join(f"{e:.1e}" for e in errors)
        print(f"w{tv.dtype(name).bits}a16 with {name}: largest errors {told} of the largest number")


if __name__ == "__main__":
    main()
