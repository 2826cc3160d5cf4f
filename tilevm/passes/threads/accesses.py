"""What instructions of threads touch in memory, and which two of them threads must not do in any order."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.ir import Effect, Op, Table, Value
from tilevm.ir.ops import Assert, Print, Yield
from tilevm.ir.threads import (
    AsyncCopy,
    Check,
    GlobalAtomic,
    GlobalAtomicCas,
    GlobalLoad,
    GlobalStore,
    MatrixLoad,
    SharedBuffer,
    SharedLoad,
    SharedStore,
    Tell,
)
from tilevm.passes.threads.slots import Names, apart, names_of
from tilevm.types import Pointer, Tensor, Type

Own = tuple[Value, int, bool]
OPEN = -1  # the age of a copy whose group is not yet closed
COMMUTING = frozenset({"add", "and", "or", "xor", "min", "max"})


@dataclass(frozen=True)
class Access:
    """An access since the last barrier, as the present point of the program sees it.

    ``memory``: the buffer, or the parameter in global memory. ``names``: what is known of its slot. ``own``: the
    offsets, the width, and whether they are in a slot, by which a thread finds its own places again; None when they
    are those of another trip, or when other threads have a part in the access. ``flight``: groups closed after that of
    a copy that still runs; None for all that is done. ``change``: that of an atomic which may go before or after
    others alike. ``apart``: whether each thread has places of its own among those of such accesses.
    """

    op: Op
    memory: Value
    writes: bool
    names: Names = frozenset()
    own: Own | None = None
    flight: int | None = None
    change: str | None = None
    apart: bool = False

    @property
    def slots(self) -> int:
        return self.memory.owner.slots if isinstance(self.memory.owner, SharedBuffer) else 1


touched: Table[[], tuple[Access, ...]] = Table("what an instruction touches in memory")


@touched.rule(Op)
def _(op: Op) -> tuple[Access, ...]:
    assert op.effect is Effect.PURE, f"what {op.name} does to memory is not told"
    return ()


@touched.rule(SharedBuffer, Print, Assert, Check, Tell, Yield)
def _(op: Op) -> tuple[Access, ...]:
    return ()


@touched.rule(SharedLoad)
def _(op: SharedLoad) -> tuple[Access, ...]:
    return (Access(op, op.buffer, False, names_of(op.slot, ring(op.buffer)), own_of(op, op.offsets)),)


@touched.rule(MatrixLoad)
def _(op: MatrixLoad) -> tuple[Access, ...]:
    return (Access(op, op.buffer, False, names_of(op.slot, ring(op.buffer))),)


@touched.rule(SharedStore)
def _(op: SharedStore) -> tuple[Access, ...]:
    """Where a mask leaves some threads out, what they read is not what they wrote."""
    own = own_of(op, op.offsets) if op.mask is None else None
    return (Access(op, op.buffer, True, names_of(op.slot, ring(op.buffer)), own, apart=op.apart),)


@touched.rule(AsyncCopy)
def _(op: AsyncCopy) -> tuple[Access, ...]:
    """Where its mask is false a copy writes zeros: it leaves nothing out."""
    to = Access(op, op.buffer, True, names_of(op.slot, ring(op.buffer)), own_of(op, op.to), OPEN)
    return to, Access(op, op.memory, False, flight=OPEN)


@touched.rule(GlobalLoad)
def _(op: GlobalLoad) -> tuple[Access, ...]:
    return (Access(op, op.memory, False, own=(op.offsets, op.width, False)),)


@touched.rule(GlobalStore)
def _(op: GlobalStore) -> tuple[Access, ...]:
    return (Access(op, op.memory, True, own=(op.offsets, op.width, False) if op.mask is None else None),)


@touched.rule(GlobalAtomic)
def _(op: GlobalAtomic) -> tuple[Access, ...]:
    return (Access(op, op.memory, True, change=op.change if op.change in COMMUTING else None),)


@touched.rule(GlobalAtomicCas)
def _(op: GlobalAtomicCas) -> tuple[Access, ...]:
    return (Access(op, op.memory, True),)


def own_of(op: SharedLoad | SharedStore | AsyncCopy, offsets: Value) -> Own:
    return offsets, op.width, op.slot is not None


def ring(buffer: Value) -> int:
    """The slots of a buffer."""
    return made(buffer).slots


def made(buffer: Value) -> SharedBuffer:
    assert isinstance(buffer.owner, SharedBuffer), "a buffer is not handed on"
    return buffer.owner


def span_of(buffer: SharedBuffer) -> range | None:
    """The bytes that a buffer takes, once it is placed."""
    return None if buffer.at is None else range(buffer.at, buffer.at + bytes_of(buffer))


def bytes_of(buffer: SharedBuffer) -> int:
    return buffer.slots * buffer.count * buffer.of.bits // 8


def conflict(before: Access, now: Access) -> bool:
    """Whether a barrier must stand between two accesses, of which ``before`` is done as far as its own thread sees."""
    if not (before.writes or now.writes) or not meet(before, now):
        return False
    commute = before.change is not None and before.change == now.change
    commute = commute or (before.apart and now.apart and before.memory is now.memory)
    return not commute and not reads_back(before, now)


def meet(a: Access, b: Access) -> bool:
    """Whether two accesses may touch one place."""
    if a.memory is b.memory:
        return not apart(a.names, b.names, a.slots)
    first, second = a.memory.owner, b.memory.owner
    if not isinstance(first, SharedBuffer) or not isinstance(second, SharedBuffer):
        return first is second and one_view(a.memory.type, b.memory.type)
    x, y = span_of(first), span_of(second)
    return x is not None and y is not None and x.start < y.stop and y.start < x.stop


def one_view(a: Type, b: Type) -> bool:
    """Whether two parameters may be the same view of memory: what overlaps otherwise is not promised any order."""
    if isinstance(a, Pointer) and isinstance(b, Pointer):
        return a.dtype == b.dtype
    return isinstance(a, Tensor) and isinstance(b, Tensor) and (a.dtype, a.rank) == (b.dtype, b.rank)


def reads_back(before: Access, now: Access) -> bool:
    """Whether each thread reads what itself wrote.

    Threads that write one place by one instruction write the same there, so what a thread finds is what it wrote. It
    does not follow that a thread may write where it read: another that reads the same place may still have to. Places
    of two slots are apart, so which slots they are in says nothing.
    """
    same = before.own is not None and before.own == now.own and before.memory is now.memory
    return same and before.writes and not now.writes
