"""What code for one kernel has at hand: its arguments, its numbers, its scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tilevm.abi import KernelAbi, Slot
from tilevm.ir import Func, Op, Value
from tilevm.passes.quiet import sites
from tilevm.types import Scalar, Tensor

from .emit import I8, I32, I64, LLVM, Emitter, memory_type, register_type
from .memory import Buffer, Memory
from .packed import is_packed
from .steps import Scheduler

WORD = 8  # bytes of one slot of the argument block


@dataclass
class View:
    """A tensor argument: address, extents and strides as i64; a known stride or extent stays an int."""

    base: LLVM
    extents: list[LLVM | int] = field(default_factory=list)
    strides: list[LLVM | int] = field(default_factory=list)
    bytes: LLVM | None = None  # of the buffer of a packed tensor


class Context:
    """The state of emission that groups, products and control flow share."""

    def __init__(self, e: Emitter, scheduler: Scheduler, memory: Memory, scratch: LLVM) -> None:
        self.e, self.scheduler, self.memory, self.scratch = e, scheduler, memory, scratch
        self.views: dict[Value, View] = {}
        self.numbers: dict[Value, LLVM] = {}
        self.programs: list[LLVM] = []
        self.grid: list[LLVM] = []
        self.report: LLVM | None = None  # the buffer that prints and assertions write, and their numbers in it
        self.sites: dict[Op, int] = {}
        self.streamable: frozenset[Op] = frozenset()  # stores that may pass the caches by
        self.streams = False  # whether some do
        self.loops: list[tuple[Value, LLVM]] = []  # around the present place: the index, and its step as i64

    def buffer(self, buffer: Buffer) -> LLVM:
        """The address of a buffer."""
        return self.e.at(self.scratch, self.e.i64(buffer.offset), I8)

    def i64(self, number: LLVM | int) -> LLVM:
        """A known or computed integer as i64."""
        if isinstance(number, int):
            return self.e.i64(number)
        return number if number.type == I64 else self.e.b.sext(number, I64)

    def index(self, value: Value) -> LLVM:
        """An integer scalar of the IR as i64."""
        assert isinstance(value.type, Scalar)
        number = self.numbers[value]
        if number.type == I64:
            return number
        return (self.e.b.sext if value.type.dtype.signed else self.e.b.zext)(number, I64)

    def read_arguments(self, func: Func, abi: KernelAbi, words: LLVM) -> None:
        """Load every slot of the argument block."""
        params: Mapping[str, Value] = {p.hint: p for p in func.params}
        for n, entry in enumerate(abi.entries):
            address = self.e.at(words, self.e.i64(n * WORD), I8)
            value = params[entry.param]
            if entry.slot is Slot.SCALAR:
                held = self.e.b.load(address, typ=memory_type(entry.dtype), align=WORD)
                boolean = entry.dtype.is_bool
                self.numbers[value] = self.e.b.trunc(held, register_type(entry.dtype)) if boolean else held
            elif entry.slot is Slot.POINTER:
                number = self.e.b.load(address, typ=I64, align=WORD)
                self.views[value] = View(self.e.b.inttoptr(number, self.scratch.type))
            else:
                number = self.e.b.load(address, typ=I64, align=WORD)
                view = self.views[value]
                (view.extents if entry.slot is Slot.EXTENT else view.strides).append(number)
        self.sites = {op: n for n, op in enumerate(sites(func))}
        if self.sites:
            hidden = self.e.at(words, self.e.i64(len(abi.entries) * WORD), I8)
            self.report = self.e.b.inttoptr(self.e.b.load(hidden, typ=I64, align=WORD), self.scratch.type)
        for param in func.params:
            if isinstance(param.type, Tensor):
                view = self.views[param] = known(self.views[param], param.type)
                view.bytes = self.buffer_bytes(view, param.type) if is_packed(param.type) else None

    def buffer_bytes(self, view: View, kind: Tensor) -> LLVM:
        """The bytes that the elements of a packed tensor lie in, up to the last one's."""
        b, last = self.e.b, self.e.i64(0)
        for extent, stride in zip(view.extents, view.strides, strict=True):
            last = b.add(last, b.mul(b.sub(self.i64(extent), self.e.i64(1)), self.i64(stride)))
        bits = b.mul(b.add(last, self.e.i64(1)), self.e.i64(kind.dtype.bits))
        return b.ashr(b.add(bits, self.e.i64(7)), self.e.i64(3))

    def extent(self, tensor: Value, axis: int) -> LLVM:
        """An extent as i32, or as i64 where the dim is wide."""
        found = self.i64(self.views[tensor].extents[axis])
        assert isinstance(tensor.type, Tensor)
        return found if tensor.type.dims[axis].wide else self.e.b.trunc(found, I32)


def known(view: View, kind: Tensor) -> View:
    """``view`` with the extents and strides that the type knows put between those that were passed."""
    extents, strides = iter(view.extents), iter(view.strides)
    return View(
        view.base,
        [next(extents) if d.size is None else d.size for d in kind.dims],
        [next(strides) if s is None else s for s in kind.strides],
    )
