"""Instructions that say how a tile lies in the registers of a block's threads."""

from __future__ import annotations

from tilevm.ir.core import Op, Value, attribute, operand
from tilevm.ir.ops.expect import tile
from tilevm.layout import Layout
from tilevm.source import TileError
from tilevm.types import Type


class SetLayout(Op, name="set_layout"):
    """``x``, lying as the author says: in ``layout``, or where threads are more, in replicas of it."""

    x: Value = operand()
    layout: Layout = attribute(read=Layout.parse)

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        if self.layout.shape != found.shape:
            raise TileError(
                f"set_layout: a layout of shape {list(self.layout.shape)} for the tile {found}",
                self.span,
                help="the extents of a layout are those of its tile",
            )
        return (found,)


class Convert(Op, name="convert"):
    """``x`` in the layout of the result: the same elements, moved between registers, lanes or warps."""

    x: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        return (tile(self, self.x),)
