"""Instructions that tell of a tile whose elements lie in registers of many threads: lines, and assertions."""

from __future__ import annotations

from math import prod

from tilevm.ir.core import Effect, Op, Value, attribute, operand, operands
from tilevm.ir.ops.control import COMPARED
from tilevm.ir.threads.op import ThreadOp, array, numbers
from tilevm.layout import Layout
from tilevm.layout.mode import REG, THREAD
from tilevm.source import TileError
from tilevm.types import DType

WRITTEN = "write it as in 4x8 in 4:1@reg 8:1@thread"


def written(shape: tuple[int, ...], layout: Layout) -> str:
    """A tile's extents and layout, as ``lies`` has them: ``3x5 in (…):(…) …``."""
    return f"{'x'.join(map(str, shape))} in {layout}"


def read(text: str) -> tuple[tuple[int, ...], Layout]:
    """The extents and the layout of a tile. Raises TileError for what is neither."""
    shape, _, layout = text.partition(" in ")
    if not all(extent.isdecimal() for extent in shape.split("x")):
        raise TileError(f"{text!r} is not the extents of a tile, as in 3x5, and where it lies", help=WRITTEN)
    return tuple(map(int, shape.split("x"))), Layout.parse(layout)


def lying(op: Op, value: Value, text: str) -> DType:
    """The dtype of a number (``text`` is empty), or of registers that are a tile which lies so."""
    if not text:
        return numbers(op, value)[0]
    found, (shape, layout) = array(op, value), read(text)
    if layout.registers != found.size or layout.rank != len(shape) or not set(layout.axes) <= {THREAD, REG}:
        raise TileError(
            f"{op.name}: {found} is not what threads hold of {text}",
            op.span,
            help=f"give {layout.registers} registers, and {layout.rank} extents for a layout on threads and registers",
        )
    if any(extent > most for extent, most in zip(shape, layout.shape, strict=True)) or not prod(shape):
        raise TileError(
            f"{op.name}: a tile {text} has elements that lie nowhere",
            op.span,
            help="give a layout whose extents are the tile's or more, and each 1 or more",
        )
    return found.dtype


class Tell(ThreadOp, name="tell", effect=Effect.WRITE):
    """``print`` of what all threads hold: numbers of thread 0, and tiles that lie as ``lies`` says, "" for a number.

    An element comes from the first thread and register that hold it.
    """

    values: tuple[Value, ...] = operands()
    text: tuple[str, ...] = attribute()
    lies: tuple[str, ...] = attribute()

    def infer(self) -> tuple[()]:
        if not len(self.values) == len(self.lies) == len(self.text) - 1:
            raise TileError(
                f"tell: {len(self.text)} parts of text and {len(self.lies)} tiles do not go with "
                f"{len(self.values)} values",
                self.span,
                help='give a place for each value, "" for a number, and one text more',
            )
        for value, text in zip(self.values, self.lies, strict=True):
            lying(self, value, text)
        return ()


class Check(ThreadOp, name="check", effect=Effect.WRITE):
    """``assert`` of a tile of conditions that lies as ``lies`` says, "" for a number, which any thread may find false.

    Registers beyond the tile hold true.
    """

    condition: Value = operand()
    lies: str = attribute()
    message: str = attribute("")

    def infer(self) -> tuple[()]:
        if not lying(self, self.condition, self.lies).is_bool:
            raise TileError(f"check: conditions are bool, not {self.condition.type}", self.span, help=COMPARED)
        return ()
