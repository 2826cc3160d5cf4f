"""Loads, stores and asynchronous copies of global and shared memory, and barriers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tilevm.ir import Value, threads
from tilevm.types import DType, Pointer, Tensor, i32

from .access import Place, bracket, load, store
from .addresses import global_address, shared_address
from .arrays import code
from .elements import Element, Elements, Known, Reg, condition
from .integers import add
from .later import Held
from .rings import begins
from .state import State, dtype_of, spell

BY_BYTES = {16: "cg", 8: "ca", 4: "ca"}  # through L2 alone, or through both caches


def unit_of(memory: Value, of: DType | None) -> DType:
    """What a unit of global memory is."""
    assert isinstance(memory.type, Tensor | Pointer)
    return of or memory.type.dtype


def global_places(s: State, memory: Value, offsets: Value, mask: Value | None, unit: DType) -> Iterator[Place]:
    """Where each vector lies."""
    kind, held = dtype_of(offsets), s.values[offsets]
    for offset, where in zip(held, s.mask(mask, len(held)), strict=True):
        if offsets in s.walks:
            assert isinstance(offset, Reg)
            yield Place("global", offset, where)
        else:
            yield Place("global", global_address(s.t, s.bases[memory], offset, kind, unit.numpy_bytes), where)


def shared_places(
    s: State, buffer: Value, slot: Value | None, offsets: Value, mask: Value | None = None
) -> Iterator[Place]:
    """The same in shared memory, from the beginning of a slot. What a thread's own place is made of goes first: a loop
    does not change it, and the slot is alike in all threads, so an instruction can add it."""
    kind, held, base = dtype_of(offsets), s.values[offsets], s.bases[buffer]
    made = buffer.owner
    assert isinstance(made, threads.SharedBuffer)
    size = made.of.numpy_bytes
    far = Known(0) if slot is None else begins(s, slot, made)
    for offset, where in zip(held, s.mask(mask, len(held)), strict=True):
        address = add(s.t, i32, shared_address(s.t, base, offset, kind, size), far)
        assert isinstance(address, Reg)
        yield Place("shared", address, where)


@spell.rule(threads.GlobalLoad)
def _(op: threads.GlobalLoad, s: State) -> Sequence[Elements]:
    unit = unit_of(op.memory, op.of)
    other: Element = Known(code(0, unit)) if op.other is None else s.number(op.other)
    places = global_places(s, op.memory, op.offsets, op.mask, unit)
    return [tuple(x for place in places for x in load(s.t, place, unit, op.width, other))]


@spell.rule(threads.GlobalStore)
def _(op: threads.GlobalStore, s: State) -> Sequence[Elements]:
    unit = unit_of(op.memory, op.of)
    put(s, global_places(s, op.memory, op.offsets, op.mask, unit), unit, op.value, op.width)
    return ()


def put(s: State, places: Iterator[Place], dtype: DType, value: Value, width: int) -> None:
    """Each vector of a register array to its place."""
    held = s.values[value]
    for i, place in enumerate(places):
        store(s.t, place, dtype, held[i * width : (i + 1) * width])


@spell.rule(threads.SharedBuffer)
def _(op: threads.SharedBuffer, s: State) -> Sequence[Elements]:
    assert op.at is not None, f"the buffer {op.result} has no address: it was to be placed"
    assert s.shared is not None
    s.bases[op.result] = Reg(s.shared.name, op.at)
    return [()]


@spell.rule(threads.SharedLoad)
def _(op: threads.SharedLoad, s: State) -> Sequence[Elements]:
    places = shared_places(s, op.buffer, op.slot, op.offsets)
    dtype = dtype_of(op.result)
    return [tuple(x for place in places for x in load(s.t, place, dtype, op.width, Known(0)))]


@spell.rule(threads.SharedStore)
def _(op: threads.SharedStore, s: State) -> Sequence[Elements]:
    put(s, shared_places(s, op.buffer, op.slot, op.offsets, op.mask), dtype_of(op.value), op.value, op.width)
    return ()


@spell.rule(threads.AsyncCopy)
def _(op: threads.AsyncCopy, s: State) -> Sequence[Elements]:
    unit = unit_of(op.memory, None)
    size = unit.numpy_bytes * op.width
    s.t.need((7, 0))
    ends = zip(
        shared_places(s, op.buffer, op.slot, op.to), global_places(s, op.memory, op.offsets, op.mask, unit), strict=True
    )
    for to, source in ends:
        filled = f", {source_bytes(s, source.mask, size)}" if source.mask is not None else ""
        name = f"cp.async.{BY_BYTES[size]}.shared.global"
        text = f"{name} {bracket(to.address)}, {bracket(source.address)}, {size}{filled}"
        s.later.copy(s.t, Held(text, op.span))
    return ()


def source_bytes(s: State, mask: Element, size: int) -> str:
    """How many bytes are read; the rest becomes zero."""
    if isinstance(mask, Known):
        return str(size if mask.value else 0)
    return s.t.pure("r", "selp.b32", str(size), "0", condition(s.t, mask))


@spell.rule(threads.AsyncCommit)
def _(op: threads.AsyncCommit, s: State) -> Sequence[Elements]:
    s.later.copy(s.t, Held("cp.async.commit_group", op.span))
    return [()]


@spell.rule(threads.AsyncWait)
def _(op: threads.AsyncWait, s: State) -> Sequence[Elements]:
    s.t.line(f"cp.async.wait_group {op.pending}")
    return ()


@spell.rule(threads.Barrier)
def _(op: threads.Barrier, s: State) -> Sequence[Elements]:
    s.t.line("bar.sync 0")
    return ()
