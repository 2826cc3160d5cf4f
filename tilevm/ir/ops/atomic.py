"""Instructions that read, change and write an element of memory with nothing in between.

Elements are taken one after another, in no order that is told; equal indices, in one tile or in several programs,
all count. What other programs wrote before is seen.
"""

from __future__ import annotations

from tilevm.ir.core import Effect, Op, Value, attribute, operand, operands, optional
from tilevm.ir.ops.expect import FAMILY, PARAMETER, WORDS, describe, numeric, same_shape
from tilevm.ir.ops.memory import indexed, same_dtype
from tilevm.source import TileError, nearest
from tilevm.types import Numeric, Pointer, Tensor, Type, like

KINDS = {"add": "if", "max": "if", "min": "if", "and": "i", "or": "i", "xor": "i", "exchange": "if"}


class Atomic(Op, name="atomic", effect=Effect.WRITE):
    """``old = memory[indices]; memory[indices] = old change value``, giving ``old``; 0 where ``mask`` is false.

    ``change`` is add, max, min, exchange, or for integers and, or, xor; max and min give the other operand for NaN.
    ``memory`` is a tensor, with one index for each dimension, or a pointer, with one offset in elements.
    """

    memory: Value = operand()
    value: Value = operand()
    indices: tuple[Value, ...] = operands()
    mask: Value | None = optional()
    change: str = attribute()

    def infer(self) -> tuple[Type, ...]:
        if self.change not in KINDS:
            near = nearest(self.change, list(KINDS))
            help = f"did you mean {near}?" if near else "what else changes an element is a loop of atomic_cas"
            raise TileError(f"atomic: the change is {', '.join(KINDS)}, not {self.change}", self.span, help=help)
        return (changed(self, self.memory, self.indices, self.mask, KINDS[self.change], self.value),)


class AtomicCas(Op, name="atomic_cas", effect=Effect.WRITE):
    """``old = memory[indices]; if old == compare: memory[indices] = value``, giving ``old``; bits are compared."""

    memory: Value = operand()
    compare: Value = operand()
    value: Value = operand()
    indices: tuple[Value, ...] = operands()
    mask: Value | None = optional()

    def infer(self) -> tuple[Type, ...]:
        return (changed(self, self.memory, self.indices, self.mask, "if", self.compare, self.value),)


COUNTED = "keep what programs change together in a tensor of i32 or f32"
WIDTHS = (8, 16, 32, 64)  # bits of what a processor changes at once


def unchangeable(found: Tensor | Pointer, families: str) -> str | None:
    """Why an instruction that takes ``families`` cannot change elements of such memory with nothing in between."""
    takes = " and ".join(WORDS[f] for f in families)
    if FAMILY[found.dtype.kind] not in families:
        return f"changes {takes}, and the elements are {found.dtype}"
    if found.dtype.bits not in WIDTHS:
        return f"changes elements of 8, 16, 32 or 64 bits, and {found.dtype} has {found.dtype.bits}"
    if isinstance(found, Tensor) and found.packed:
        return "changes whole bytes, and the tensor is packed: neighbours may share a byte"
    return None


def changed(
    op: Op, memory: Value, indices: tuple[Value, ...], mask: Value | None, families: str, *values: Value
) -> Numeric:
    """The type of the old elements."""
    found = memory.type
    if not isinstance(found, Tensor | Pointer):
        raise TileError(f"{op.name} takes a tensor or a pointer, not {describe(found)}", op.span, help=PARAMETER)
    if wrong := unchangeable(found, families):
        raise TileError(f"{op.name} {wrong}", op.span, help=COUNTED)
    shape = indexed(op, indices, mask, found.rank if isinstance(found, Tensor) else 1)
    for value in values:
        same_shape(op, value, indices[0])
        same_dtype(op, found.dtype, numeric(op, value, "if"))
    return like(shape, found.dtype)
