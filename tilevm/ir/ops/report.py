"""Instructions that tell the author what happens in a program: for debugging."""

from __future__ import annotations

from tilevm.ir.core import Effect, Op, Value, attribute, operand, operands
from tilevm.ir.ops.expect import numeric
from tilevm.source import TileError
from tilevm.types import Type


class Print(Op, name="print", effect=Effect.WRITE):
    """Write a line: the program's place, then the parts of ``text`` with a value between each and the next."""

    values: tuple[Value, ...] = operands()
    text: tuple[str, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        for value in self.values:
            numeric(self, value, "ifb")
        if len(self.text) != len(self.values) + 1:
            raise TileError(
                f"print: {len(self.text)} parts of text go between {len(self.text) - 1} values, not {len(self.values)}",
                self.span,
                help=f'give {len(self.values) + 1} texts: before, between and behind the values; "" for none',
            )
        return ()


class Assert(Op, name="assert", effect=Effect.WRITE):
    """An error with ``message``, reported after the launch, where ``condition`` is false anywhere."""

    condition: Value = operand()
    message: str = attribute("")

    def infer(self) -> tuple[Type, ...]:
        numeric(self, self.condition, "b")
        return ()
