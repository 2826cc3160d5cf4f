"""Where the packed right operand of a product lies in scratch."""

from __future__ import annotations

from dataclasses import dataclass

from .access import Row
from .context import Context
from .emit import LLVM, memory_type
from .memory import Buffer


@dataclass(frozen=True)
class Panels:
    """A matrix of ``rows`` in panels of ``width`` columns, row after row.

    Element (k, n) lies at ``(n // width * rows + k) * width + n % width``.
    """

    buffer: Buffer
    rows: int
    width: int

    def row(self, c: Context, where: dict[int, LLVM], vector: int | None) -> Row:
        """The row of the present outer index, in the first panel."""
        base, offset = c.buffer(self.buffer), c.e.i64(0)
        if 0 in where and vector != 0:
            offset = c.e.b.mul(where[0], c.e.i64(self.width))
        stride = self.width if vector == 0 else 1
        return Row(c.e.at(base, offset, memory_type(self.buffer.dtype)), self.buffer.dtype, stride)

    def store(self, c: Context, base: LLVM, value: LLVM, j: LLVM) -> None:
        """A vector of columns j, j + 1, … of one row into its panel; what lies past the last column is never used."""
        within = c.e.b.urem(j, c.e.i64(self.width))
        panel = c.e.b.mul(c.e.b.sub(j, within), c.e.i64(self.rows))
        c.e.store(value, c.e.at(base, c.e.b.add(panel, within), memory_type(self.buffer.dtype)))
