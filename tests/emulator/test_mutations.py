"""Triton's product of matrices, weakened in one place at a time: the emulator must report it or compute otherwise.

The rows of A are followed by NaN, and B ends where its memory does, so that what is read too much shows.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from tests.emulator.mutating import mutants, mutated
from tests.emulator.running import Array, module, source
from tilevm.backends.ptx.emulator import Kernel

SHAPES = ((48, 48, 144), (16, 16, 48), (40, 32, 16), (8, 64, 80), (56, 16, 16))
BRAIN: Any = ml_dtypes.bfloat16
PAD, LIMIT = 16, 20_000

SKIPPED = ("select", "size")  # Triton asks of every mask a second time whether the trip exists
SURVIVORS = {  # line and mutation, and why nothing can come of it
    (128, "commit: delete"): "the first product's two copies become one group, and both are waited for together",
    (364, "wait: delete"): "nothing was committed since the same wait at the end of the loop",
    (364, "wait: one group more pending"): "nothing was committed since the same wait at the end of the loop",
    (365, "barrier: delete"): "nothing was written or read since the same barrier at the end of the loop",
    (499, "wait: delete"): "the same wait stands on the next line",
    (499, "wait: one group more pending"): "the same wait stands on the next line",
    (500, "wait: delete"): "the same wait stands on the line before",
    (500, "wait: one group more pending"): "the same wait stands on the line before",
    (619, "wait: one group more pending"): "the last group fills a part of shared memory that is not used again",
    (100, "bound: off by one"): "only K = 1 would differ, and 16 divides K",
    (101, "bound: off by one"): "only K = 31 would differ, and 16 divides K",
    (156, "bound: off by one"): "only K = 63 would differ, and 16 divides K",
    (130, "bound: off by one"): "only K % 32 from 1 to 15 would differ, and 16 divides K",
    (188, "bound: off by one"): "only K % 32 from 1 to 15 would differ, and 16 divides K",
    (463, "bound: off by one"): "only K % 32 from 1 to 15 would differ, and 16 divides K",
    (359, "bound: off by one"): "one copy more, of no bytes, into a stage that is not read again",
}


def padded(rows: int, columns: int, seed: int) -> Array:
    full = np.full((rows, columns + PAD), np.nan, BRAIN)
    full[:, :columns] = np.random.default_rng(seed).standard_normal((rows, columns)).astype(BRAIN)
    return full


@cache
def operands(shape: tuple[int, int, int]) -> tuple[Array, Array]:
    m, n, k = shape
    return padded(m, k, 1), np.ascontiguousarray(padded(k, n, 2)[:, :n])


def outcome(kernel: Kernel) -> Iterator[str | bytes]:
    """For each shape the first hazard, or the bytes of the result."""
    for shape in SHAPES:
        (m, n, k), (a, b) = shape, operands(shape)
        c = np.ones((m, n + PAD), BRAIN)
        args = [a, b, c, m, n, k, k + PAD, n, n + PAD, 0, 0]
        seen = kernel.launch(1, 128, args, 16384, collect=True, limit=LIMIT).hazards
        yield seen[0].message if seen else c.tobytes()


def test_what_is_weakened_is_caught() -> None:
    kernel = module("triton_matmul_bf16").kernel("matmul")
    right = list(outcome(kernel))
    assert all(isinstance(r, bytes) for r in right), right
    chosen = [m for m in mutants(source("triton_matmul_bf16")) if not m.kind.startswith(SKIPPED)]
    survivors = set()
    for mutant in chosen:
        weakened = mutated(kernel, mutant)
        if all(found == wanted for found, wanted in zip(outcome(weakened), right, strict=False)):
            survivors.add((mutant.line, mutant.kind))
    assert len(chosen) == 101
    assert survivors == set(SURVIVORS)
