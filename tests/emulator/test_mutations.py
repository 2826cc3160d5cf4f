"""Triton's product of matrices, weakened in one place at a time: the emulator must report it or compute otherwise.

The rows of A are followed by NaN, and B ends where its memory does, so that what is read too much shows.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from tests.emulator.running import Array, source
from tilevm.backends.ptx.emulator import parse
from tilevm.source import TileError

TEXT = source("triton_matmul_bf16").split("\n")
SHAPES = ((48, 48, 144), (16, 16, 48), (40, 32, 16), (8, 64, 80))
BRAIN: Any = ml_dtypes.bfloat16
PAD, LIMIT = 16, 20_000
Mutant = tuple[int, str, str]

SURVIVORS = {  # line and mutation, and why nothing can come of it
    (128, "delete"): "the first product's two copies become one group, and both are waited for together",
    (364, "delete"): "nothing was committed since the same wait at the end of the loop",
    (364, "weaken"): "nothing was committed since the same wait at the end of the loop",
    (365, "delete"): "nothing was written or read since the same barrier at the end of the loop",
    (499, "delete"): "the same wait stands on the next line",
    (499, "weaken"): "the same wait stands on the next line",
    (500, "delete"): "the same wait stands on the line before",
    (500, "weaken"): "the same wait stands on the line before",
    (619, "weaken"): "the last group fills a part of shared memory that is not used again",
    (100, "bound"): "only K = 1 would differ, and 16 divides K",
    (130, "bound"): "only K % 32 from 1 to 15 would differ, and 16 divides K",
    (188, "bound"): "only K % 32 from 1 to 15 would differ, and 16 divides K",
    (463, "bound"): "only K % 32 from 1 to 15 would differ, and 16 divides K",
    (359, "bound"): "one copy more, of no bytes, into a stage that is not read again",
}


def padded(rows: int, columns: int, seed: int) -> Array:
    full = np.full((rows, columns + PAD), np.nan, BRAIN)
    full[:, :columns] = np.random.default_rng(seed).standard_normal((rows, columns)).astype(BRAIN)
    return full


@cache
def operands(shape: tuple[int, int, int]) -> tuple[Array, Array]:
    m, n, k = shape
    return padded(m, k, 1), np.ascontiguousarray(padded(k, n, 2)[:, :n])


def outcome(text: str) -> Iterator[str | bytes]:
    """For each shape the first hazard, or the bytes of the result."""
    try:
        kernel = parse(text, "<mutant>").kernel("matmul")
    except TileError as error:
        yield error.message
        return
    for shape in SHAPES:
        (m, n, k), (a, b) = shape, operands(shape)
        c = np.ones((m, n + PAD), BRAIN)
        args = [a, b, c, m, n, k, k + PAD, n, n + PAD, 0, 0]
        seen = kernel.launch(1, 128, args, 16384, collect=True, limit=LIMIT).hazards
        yield seen[0].message if seen else c.tobytes()


def mutants() -> Iterator[Mutant]:
    """Line, name and new text of each mutation."""
    for number, line in enumerate(TEXT, 1):
        code = line.split("//")[0]
        if re.search(r"cp\.async\.(wait|commit)_group|bar\.sync", code):
            yield number, "delete", ""
        if found := re.search(r"wait_group\s+(\d+)", code):
            yield number, "weaken", f"cp.async.wait_group {int(found[1]) + 1};"
        if re.match(r"\s*@%p\d+ (st|bra)", code):
            yield number, "unguard", re.sub(r"@%p\d+", "", code)
        for name, old, new in (
            ("swizzle", "xor.b32", "or.b32"),
            ("turn", ".trans", ""),
            ("bound", "setp.lt", "setp.le"),
        ):
            if old in code:
                yield number, name, code.replace(old, new)


def test_what_is_weakened_is_caught() -> None:
    right = list(outcome("\n".join(TEXT)))
    assert all(isinstance(r, bytes) for r in right), right
    survivors, count = set(), 0
    for number, name, new in mutants():
        text = "\n".join([*TEXT[: number - 1], new, *TEXT[number:]])
        count += 1
        if all(found == wanted for found, wanted in zip(outcome(text), right, strict=False)):
            survivors.add((number, name))
    assert count == 68
    assert survivors == set(SURVIVORS)
