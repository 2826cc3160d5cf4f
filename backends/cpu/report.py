"""What a kernel tells while it runs: a buffer of lines to print, and the first assertion that failed.

The buffer is the last word of the argument block of a kernel that prints or asserts, compiled for debugging:
8 words of head, then a record for each line: the program, the site, and the values, each on whole words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import ml_dtypes
import numpy as np

from tilevm.debug import failure, line
from tilevm.ir import Op, Value, ops
from tilevm.types import DType, Scalar, Tile

from .emit import memory_bytes

WORD, ROOM = 8, 1 << 20  # bytes of a word, and for records
USED, LOST, LOCK, PROGRAM, SITE, ELEMENT, HEAD = 0, 1, 2, 3, 4, 5, 8  # words of the head, and how many
NOBODY = 2**63 - 1
NUMPY: dict[str, Any] = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
Array = np.ndarray[Any, Any]


def words(value: Value) -> int:
    """How many words a value takes in a record."""
    kind = value.type
    assert isinstance(kind, Scalar | Tile)
    return -(-prod(kind.shape) * memory_bytes(kind.dtype) // WORD)


@dataclass(frozen=True)
class Line:
    """A record: who printed what."""

    program: int
    op: ops.Print
    values: list[Array]


class Report:
    """The buffer of one launch."""

    def __init__(self, told: Sequence[Op]) -> None:
        self._sites = told
        self.words = np.full(HEAD + ROOM // WORD, -1, np.int64)
        self.words[:HEAD] = 0
        self.words[PROGRAM] = NOBODY

    def tell(self, grid: tuple[int, int, int]) -> None:
        """Print in the order of programs; then raise TileError for the first program whose assertion failed."""
        for record in sorted(self.lines(), key=lambda r: r.program):
            print(line(record.op, place(record.program, grid), record.values))
        if self.words[LOST]:
            print(f"… {self.words[LOST]} lines more, for which the {ROOM} bytes of the print buffer had no room")
        program = int(self.words[PROGRAM])
        if program != NOBODY:
            op = self._sites[int(self.words[SITE])]
            assert isinstance(op, ops.Assert)
            shape = getattr(op.condition.type, "shape", ())
            first = [int(i) for i in np.unravel_index(int(self.words[ELEMENT]), shape)] if shape else []
            raise failure(op, place(program, grid), first)

    def lines(self) -> Iterator[Line]:
        at = HEAD
        while at < self.words.size and self.words[at] >= 0:
            program, op = int(self.words[at]), self._sites[int(self.words[at + 1])]
            assert isinstance(op, ops.Print)
            at += 2
            values = []
            for value in op.values:
                values.append(decoded(value, self.words[at : at + words(value)]))
                at += words(value)
            yield Line(program, op, values)


def decoded(value: Value, raw: Array) -> Array:
    """A value as numpy holds it."""
    kind = value.type
    assert isinstance(kind, Scalar | Tile)
    flat: Array = raw.view(numpy_type(kind.dtype))[: prod(kind.shape)].reshape(kind.shape)
    return np.not_equal(flat, 0) if kind.dtype.is_bool else flat


def numpy_type(dtype: DType) -> Any:
    if dtype.is_bool:
        return np.uint8
    return NUMPY.get(dtype.name) or np.dtype(f"{'int' if dtype.signed else 'uint'}{dtype.bits}")


def place(program: int, grid: tuple[int, int, int]) -> tuple[int, int, int]:
    rest, x = divmod(program, grid[0])
    z, y = divmod(rest, grid[1])
    return x, y, z
