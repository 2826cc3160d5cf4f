"""Instructions of threads on memory: global, shared, copies between them that run on their own, and barriers."""

from __future__ import annotations

from tilevm.ir.core import Effect, Value, attribute, operand, operands, optional
from tilevm.ir.ops.expect import axis_of, tensor
from tilevm.ir.threads.op import ThreadOp, array, holds, mask, memory, offsets, shared, slot
from tilevm.source import TileError
from tilevm.types import DType, Scalar, Shared, Tensor, Tile, Token, Type, dtype, i32, i64

COPIED = (32, 64, 128)  # bits that a copy moves at once
UNIT = attribute(None, read=lambda text: text if text is None else dtype(text))


class Stride(ThreadOp, name="stride"):
    """Elements between neighbours of a tensor along ``axis``, i64."""

    tensor: Value = operand()
    axis: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        axis_of(self, self.axis, tensor(self, self.tensor).rank)
        return (Scalar(i64),)


class GlobalAccess(ThreadOp):
    """Vectors of ``width`` units of global memory, the first ``offsets[v]`` units from the memory's element 0.

    A unit is an element, or ``of`` where that is given: so packed tensors are read by the byte or word. Vector v is
    aligned to its size; it is not touched where ``mask[v]`` is false. Its units are registers v * width and up.
    """

    def unit(self, memory_: Value, of: DType | None) -> DType:
        found = memory(self, memory_)
        if of is None and isinstance(found, Tensor) and found.packed:
            help = "say in which, as in of = u8 or of = u32"
            raise TileError(f"{self.name}: a packed tensor is read in units that are told by of", self.span, help=help)
        return found.dtype if of is None else of

    def wide(self, width: int) -> None:
        if width < 1 or width & (width - 1):
            help = "give 1, 2, 4, …, and more offsets for what is left"
            raise TileError(f"{self.name}: a width of {width}, which is no power of two", self.span, help=help)


class GlobalLoad(GlobalAccess, name="global_load", effect=Effect.READ):
    """What is there; ``other``, or 0, where the mask is false."""

    memory: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()
    other: Value | None = optional()
    width: int = attribute(1)
    of: DType | None = UNIT

    def infer(self) -> tuple[Type, ...]:
        count, unit = offsets(self, self.offsets), self.unit(self.memory, self.of)
        self.wide(self.width)
        mask(self, self.mask, count)
        if self.other is not None and self.other.type != Scalar(unit):
            raise TileError(
                f"global_load: other is {self.other.type}, the units {unit}",
                self.span,
                help=f"give one number of {unit}",
            )
        return (Tile(unit, (count * self.width,)),)


class GlobalStore(GlobalAccess, name="global_store", effect=Effect.WRITE):
    """Write ``value`` there."""

    memory: Value = operand()
    value: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()
    width: int = attribute(1)
    of: DType | None = UNIT

    def infer(self) -> tuple[Type, ...]:
        count = offsets(self, self.offsets)
        self.wide(self.width)
        mask(self, self.mask, count)
        holds(self, self.value, self.unit(self.memory, self.of), count * self.width)
        return ()


class GlobalAtomic(GlobalAccess, name="global_atomic", effect=Effect.WRITE):
    """``old = memory; memory = old change value`` with nothing in between, giving ``old``; 0 where the mask is false.

    ``change`` is that of the tile-level ``atomic``.
    """

    memory: Value = operand()
    value: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()
    change: str = attribute()
    of: DType | None = UNIT

    def infer(self) -> tuple[Type, ...]:
        count, unit = offsets(self, self.offsets), self.unit(self.memory, self.of)
        mask(self, self.mask, count)
        holds(self, self.value, unit, count)
        return (Tile(unit, (count,)),)


class GlobalAtomicCas(GlobalAccess, name="global_atomic_cas", effect=Effect.WRITE):
    """``old = memory; if old == compare: memory = value``, giving ``old``; bits are compared; 0 where masked out."""

    memory: Value = operand()
    compare: Value = operand()
    value: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()

    def infer(self) -> tuple[Type, ...]:
        count, unit = offsets(self, self.offsets), self.unit(self.memory, None)
        mask(self, self.mask, count)
        holds(self, self.compare, unit, count)
        holds(self, self.value, unit, count)
        return (Tile(unit, (count,)),)


class SharedBuffer(ThreadOp, name="shared", effect=Effect.WRITE):
    """``slots`` times ``count`` elements of shared memory, not yet written, on an address that ``align`` divides.

    A buffer of several slots is a ring: an access names a slot, and slot s begins ``s * count`` elements into the
    buffer. ``at``: its byte address in the block's shared memory, once the pass ``place`` has found it; buffers that
    are never needed together may overlap.
    """

    of: DType = attribute(read=lambda text: dtype(text))
    count: int = attribute()
    align: int = attribute(16)
    slots: int = attribute(1)
    at: int | None = attribute(None)

    def infer(self) -> tuple[Type, ...]:
        if self.count < 1 or self.slots < 1 or self.of.bits not in (8, 16, 32, 64):
            help = "ask for 1 slot or more of 1 element or more, each of 8, 16, 32 or 64 bits"
            raise TileError(f"shared: {self.slots} slots of {self.count} elements of {self.of}", self.span, help=help)
        return (Shared(self.of, self.count * self.slots),)


class Ring(ThreadOp, name="ring"):
    """``(slot + by) mod slots``, an i32: the slot so many further round a ring; ``slot`` is one of ``range(slots)``.

    Later it is an addition and a select; until then passes see how the slots of a ring relate. ``before``: the slot one
    back from ``slot``, where that is at hand: of three slots it leaves but one to come next.
    """

    slot: Value = operand()
    before: Value | None = optional()
    by: int = attribute()
    slots: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        slot(self, self.slot)
        slot(self, self.before)
        if not 0 <= self.by < self.slots:
            help = f"go 0 to {self.slots - 1} further" if self.slots > 0 else "a ring has 1 slot or more"
            raise TileError(f"ring: {self.by} further round {self.slots} slots", self.span, help=help)
        return (Scalar(i32),)


class SharedAccess(ThreadOp):
    """An access of ``buffer``. Offsets are elements from its beginning, or from that of ``slot`` where one is given.

    ``slot`` is a number, alike in all threads, below the slots of the buffer.
    """


class SharedLoad(SharedAccess, name="shared_load", effect=Effect.READ):
    """Vectors of ``width`` elements, the first ``offsets[v]`` elements into the buffer; aligned to their size."""

    buffer: Value = operand()
    offsets: Value = operand()
    slot: Value | None = optional()
    width: int = attribute(1)

    def infer(self) -> tuple[Type, ...]:
        slot(self, self.slot)
        return (Tile(shared(self, self.buffer).dtype, (offsets(self, self.offsets) * self.width,)),)


class SharedStore(SharedAccess, name="shared_store", effect=Effect.WRITE):
    """Write vectors of ``width`` elements there, where ``mask`` is true.

    ``apart``: of all stores into the buffer that say so, what one thread writes no other does, in whatever trip of a
    loop.
    """

    buffer: Value = operand()
    value: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()
    slot: Value | None = optional()
    width: int = attribute(1)
    apart: bool = attribute(False)

    def infer(self) -> tuple[Type, ...]:
        slot(self, self.slot)
        count = offsets(self, self.offsets)
        mask(self, self.mask, count)
        holds(self, self.value, shared(self, self.buffer).dtype, count * self.width)
        return ()


class MatrixLoad(SharedAccess, name="matrix_load", effect=Effect.READ):
    """8 x 8 matrices by the instruction called ``copy``, which all lanes of a warp do together, once an offset.

    ``offsets[v]``: where the row of 16 bytes begins, in elements, that this lane gives the address of. The registers of
    a lane are those of the instruction's fragment, in order.
    """

    buffer: Value = operand()
    offsets: Value = operand()
    slot: Value | None = optional()
    copy: str = attribute()
    words: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        slot(self, self.slot)
        found = shared(self, self.buffer)
        return (Tile(found.dtype, (offsets(self, self.offsets) * self.words * 32 // found.dtype.bits,)),)


class AsyncCopy(GlobalAccess, SharedAccess, name="async_copy", effect=Effect.WRITE):
    """Vectors of ``width`` elements from global to shared memory, on their own; zeros where ``mask`` is false.

    They land when this thread waits for the group that its next ``async_commit`` closes. Until then nobody may touch
    the place, and others need a barrier after that.
    """

    buffer: Value = operand()
    to: Value = operand()
    memory: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()
    slot: Value | None = optional()
    width: int = attribute(1)

    def infer(self) -> tuple[Type, ...]:
        slot(self, self.slot)
        count, unit = offsets(self, self.offsets), self.unit(self.memory, None)
        mask(self, self.mask, count)
        if array(self, self.to).size != count or shared(self, self.buffer).dtype != unit:
            message = f"async_copy: {self.to.type} in {self.buffer.type} for {count} of {unit}"
            help = f"copy to a buffer of {unit}, and give {count} places in it, one for each offset"
            raise TileError(message, self.span, help=help)
        if self.width * unit.bits not in COPIED:
            wide = " or ".join(str(bits // unit.bits) for bits in COPIED if bits >= unit.bits)
            message = f"async_copy moves 4, 8 or 16 bytes, not {self.width} of {unit}"
            raise TileError(message, self.span, help=f"of {unit} a width of {wide} would do")
        return ()


class AsyncCommit(ThreadOp, name="async_commit", effect=Effect.WRITE):
    """Close a group of the copies that this thread began since the last one, perhaps of none, giving its token."""

    def infer(self) -> tuple[Type, ...]:
        return (Token(),)


class AsyncAwait(ThreadOp, name="async_await", effect=Effect.WRITE):
    """Until the groups of ``tokens`` have landed. The pass ``waits`` counts what may be pending and leaves none."""

    tokens: tuple[Value, ...] = operands()

    def infer(self) -> tuple[Type, ...]:
        wrong = next((v for v in self.tokens if v.type != Token()), None)
        if wrong is not None or not self.tokens:
            message = f"async_await takes tokens, not {wrong.type if wrong else 'nothing'}"
            raise TileError(message, self.span, help="give it what async_commit yields")
        return ()


class AsyncWait(ThreadOp, name="async_wait", effect=Effect.WRITE):
    """Until all groups of this thread but the last ``pending`` have landed."""

    pending: int = attribute(0)

    def infer(self) -> tuple[Type, ...]:
        if self.pending < 0:
            raise TileError(
                f"async_wait: {self.pending} groups", self.span, help="0 waits for all; n leaves the last n pending"
            )
        return ()


class Barrier(ThreadOp, name="barrier", effect=Effect.WRITE):
    """Until every thread of the block is here; what they wrote to memory before is seen by all after."""

    def infer(self) -> tuple[Type, ...]:
        return ()
