"""What the rules of the emitter share: the values made so far, the arguments, the machine, and the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tilevm.abi import Slot
from tilevm.ir import Block, Func, Table, Value
from tilevm.target import Target
from tilevm.types import DType, Scalar, Tensor, Tile

from ..records import Told
from .elements import Element, Elements, Known, Reg
from .later import Later
from .text import Text

spell: Table[[State], Sequence[Elements]] = Table("PTX of an instruction")


@dataclass
class State:
    """``values``: the registers of numbers and register arrays. ``bases``: where memory begins: of a tensor or pointer
    the register with its global address, of a buffer its byte in shared memory. ``arguments``: what the call brings.
    ``uses``: how often a value is taken. ``units``: of slots that are kept in bytes, how many stand for 1. ``walks``:
    offsets that are kept as addresses. ``later``: what is not written yet.
    """

    t: Text
    func: Func
    target: Target
    uses: dict[Value, int]
    units: Mapping[Value, int]
    shared: Reg | None = None
    told: Told | None = None
    values: dict[Value, Elements] = field(default_factory=dict)
    bases: dict[Value, Reg] = field(default_factory=dict)
    arguments: dict[tuple[str, Slot, int], Element] = field(default_factory=dict)
    walks: set[Value] = field(default_factory=set)
    later: Later = field(default_factory=Later)

    def run(self, block: Block) -> list[Elements]:
        """The instructions of a block; what it yields, one entry a value."""
        assert self.func.warps is not None, "threads come in blocks of so many warps"
        with self.later.among(block, self.func.warps, self.t):
            for op in block.ops[:-1]:
                self.later.before(op, self.t)
                self.t.locate(op.span)
                for value, found in zip(op.results, spell(op, self), strict=True):
                    self.values[value] = found
        self.t.locate(block.end.span)
        return [self.values[v] for v in block.end.operands]

    def number(self, value: Value) -> Element:
        """The one element of a number."""
        (found,) = self.values[value]
        return found

    def extent(self, tensor: Value, axis: int) -> Element:
        """The extent of a tensor along an axis."""
        assert isinstance(tensor.type, Tensor)
        size = tensor.type.dims[axis].size
        return self.arguments[tensor.hint, Slot.EXTENT, axis] if size is None else Known(size)

    def stride(self, tensor: Value, axis: int) -> Element:
        """Elements between neighbours of a tensor along an axis, i64."""
        assert isinstance(tensor.type, Tensor)
        stride = tensor.type.strides[axis]
        return self.arguments[tensor.hint, Slot.STRIDE, axis] if stride is None else Known(stride)

    def mask(self, value: Value | None, count: int) -> Sequence[Element | None]:
        """A predicate for each access; None where there is no mask."""
        return [None] * count if value is None else self.values[value]


def dtype_of(value: Value) -> DType:
    """The dtype of a number, a register array or memory."""
    assert isinstance(value.type, Scalar | Tile), value
    return value.type.dtype


def count_of(value: Value) -> int:
    """How many registers a value takes."""
    return value.type.size if isinstance(value.type, Tile) else 1
