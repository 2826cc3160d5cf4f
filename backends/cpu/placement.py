"""Where the packed operands of a product lie in scratch."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.types import DType

from .access import Row
from .context import Context
from .emit import LLVM, memory_type
from .memory import Buffer


@dataclass(frozen=True)
class Placement:
    """A matrix of ``rows`` in a buffer: row-major with ``pitch`` elements a row, or in panels.

    Panels hold ``panel`` columns each, row after row: element (k, n) lies at
    ``(n // panel * rows + k) * panel + n % panel``.
    """

    buffer: Buffer
    rows: int
    pitch: int
    panel: int = 0

    @property
    def dtype(self) -> DType:
        return self.buffer.dtype

    def row(self, c: Context, where: dict[int, LLVM], vector: int | None) -> Row:
        """The row of the present outer index; in panels, its place in the first panel."""
        step = self.panel or self.pitch
        base, offset = c.buffer(self.buffer), c.e.i64(0)
        if 0 in where and vector != 0:
            offset = c.e.b.mul(where[0], c.e.i64(step))
        stride = step if vector == 0 else 1
        return Row(c.e.at(base, offset, memory_type(self.dtype)), self.dtype, stride)

    def store(self, c: Context, base: LLVM, value: LLVM, j: LLVM) -> None:
        """A vector of columns j, j + 1, … of one row into its panel; what lies past the last column is never used."""
        within = c.e.b.urem(j, c.e.i64(self.panel))
        panel = c.e.b.mul(c.e.b.sub(j, within), c.e.i64(self.rows))
        c.e.store(value, c.e.at(base, c.e.b.add(panel, within), memory_type(self.dtype)))
