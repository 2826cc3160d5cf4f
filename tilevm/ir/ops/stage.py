"""Instructions of software pipelines: tiles that are copied to shared memory ahead of their use.

The pass ``stage`` makes them; machines without threads never see them.
"""

from __future__ import annotations

from tilevm.ir.core import Effect, Op, Value, attribute, operand, operands, optional
from tilevm.ir.ops.control import COMPARED
from tilevm.ir.ops.expect import describe, integer_scalar, tensor
from tilevm.ir.ops.memory import box
from tilevm.ir.ops.shape import positive
from tilevm.layout import Layout
from tilevm.source import TileError
from tilevm.types import DType, Scalar, Slots, Tile, Token, Type, bool_, dtype


class Stage(Op, name="stage", effect=Effect.WRITE):
    """``slots`` places for a tile in shared memory, each laid out as ``memory``; not yet written."""

    of: DType = attribute(read=lambda text: dtype(text))
    shape: tuple[int, ...] = attribute()
    slots: int = attribute()
    memory: Layout = attribute(read=Layout.parse)

    def infer(self) -> tuple[Type, ...]:
        positive(self, self.shape)
        if self.memory.shape != self.shape or self.slots < 1:
            help = "ask for 1 slot or more, and a layout of the shape of the tile"
            raise TileError(f"stage: {self.slots} slots of {list(self.shape)} as {self.memory}", self.span, help=help)
        return (Slots(self.of, self.shape, self.slots),)


class Fetch(Op, name="fetch", effect=Effect.WRITE):
    """Begin to copy the box of ``tensor`` at ``offsets`` to a slot; 0 stands for elements outside.

    With ``when`` false all of it is outside. It lands when the group that the next ``sent`` closes is waited for;
    nobody may read the slot before. ``threads``: which thread copies which elements.
    """

    stage: Value = operand()
    slot: Value = operand()
    tensor: Value = operand()
    offsets: tuple[Value, ...] = operands()
    when: Value | None = optional()
    threads: Layout = attribute(read=Layout.parse)
    inbounds: tuple[bool, ...] = attribute(())

    def infer(self) -> tuple[Type, ...]:
        found, held = tensor(self, self.tensor), slots(self, self.stage)
        integer_scalar(self, self.slot, "a slot")
        box(self, self.offsets, held.shape, found.rank)
        if found.dtype != held.dtype:
            help = "copies do not convert: stage elements of the tensor's type"
            raise TileError(f"fetch: {found} into {held}", self.span, help=help)
        if self.when is not None and self.when.type != Scalar(bool_):
            raise TileError(f"fetch: when is {self.when.type}, not bool", self.span, help=COMPARED)
        return ()


class Sent(Op, name="sent", effect=Effect.WRITE):
    """Close a group of the fetches since the last one, perhaps of none, giving its token."""

    def infer(self) -> tuple[Type, ...]:
        return (Token(),)


class Landed(Op, name="landed", effect=Effect.WRITE):
    """Until the groups of these tokens have landed."""

    tokens: tuple[Value, ...] = operands()

    def infer(self) -> tuple[Type, ...]:
        wrong = next((v for v in self.tokens if v.type != Token()), None)
        if wrong is not None or not self.tokens:
            message = f"landed takes tokens, not {wrong.type if wrong else 'nothing'}"
            raise TileError(message, self.span, help="give it what sent yields")
        return ()


class Staged(Op, name="staged", effect=Effect.READ):
    """The tile in a slot."""

    stage: Value = operand()
    slot: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        held = slots(self, self.stage)
        integer_scalar(self, self.slot, "a slot")
        return (Tile(held.dtype, held.shape),)


def slots(op: Op, value: Value) -> Slots:
    if not isinstance(value.type, Slots):
        raise TileError(
            f"{op.name} takes slots of a stage, not {describe(value.type)}", op.span, help="give it what stage yields"
        )
    return value.type
