"""From one call of a kernel to the launch program of all calls like it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import gcd
from typing import Any

import numpy as np

from tilevm.abi import Slot, word
from tilevm.backend import Starter
from tilevm.debug import SETTING as DEBUG
from tilevm.runtime.arguments import SPECIALISED, WIDEST, Seen, Trait, Weak
from tilevm.runtime.launch import objects
from tilevm.runtime.launch.grids import divisible, grid
from tilevm.runtime.launch.program import Program, Stream
from tilevm.runtime.launch.rows import MOST_DIMS, REGISTERS, Code, looks
from tilevm.runtime.launch.sketch import Call, Held, Launchable, Plan, Watched
from tilevm.runtime.packed import Packed, is_torch, sight
from tilevm.target import TARGETS
from tilevm.types import SMALL, DType, Pointer, Scalar, Tensor, Type, f16, f32, f64, i32

PARTS = (f16, f32, f64)  # of complex numbers: the imaginary part of a conjugate is a lazy negation
I32, I64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)


def program(compiled: Launchable, starter: Starter, call: Call, seen: Sequence[Seen]) -> Program | None:
    """The launch program for calls like ``call``; None where some part of it is beyond the launch machine."""
    if call.stream is not None and not starter.lasting(call.stream):
        return None
    plan = Plan(compiled, starter)
    for number, (value, place) in enumerate(zip(call.values, call.places, strict=True)):
        reader = same if place is None else READERS.get(type(value), tensor)
        if not reader(plan, number, value, place, None if place is None else seen[place]):
            return None
    if len(plan.held) != len(compiled.abi.params):
        return None  # an argument that a default stands for
    watch(plan, call.watched)
    names = contract(plan)
    divisible(plan, call.grid or (), names)
    counts = grid(plan, call.grid or compiled.abi.grid, names)
    slots = [slot(plan, *entry) for entry in entries(compiled)]
    order = stream(starter, call.stream, call.values)
    if order is None or plan.registers > REGISTERS or any(not I64[0] <= row.x <= I64[1] for row in plan.rows):
        return None
    by_position = len(call.values) - len(call.names)
    return Program(starter, plan.rows, by_position, call.names, slots, counts, order, tuple(plan.keep))


# Arguments ----------------------------------------------------------------------------------------------------

Reader = Callable[[Plan, int, Any, Any, Any], bool]


def same(plan: Plan, number: int, value: Any, place: int | None, seen: Seen | None) -> bool:
    """A value that decided the code: a number that is equal, or the same object."""
    if type(value) is int and I64[0] <= value <= I64[1]:
        plan.add(Code.WHOLE, a=number, x=value, z=plan.object(int))
    elif type(value) is float:
        plan.add(Code.REAL, a=number, x=word(value, f64), z=plan.object(float))
    else:
        plan.add(Code.SAME, a=number, x=plan.object(value))
    return True


def integer(plan: Plan, number: int, value: int, place: int, seen: Weak) -> bool:
    kind = scalar(plan, place)
    first = plan.take()
    if seen.dtype != i32:
        return False  # whether a smaller number would have taken another type, nothing here tells
    low, high = I32
    if kind.is_integer:
        low, high = (int(kind.min), min(int(kind.max), I64[1])) if kind != i32 else I32
    plan.add(Code.INT, r=first, a=number, x=low, y=high, z=plan.object(int))
    if kind.is_float:
        plan.add(Code.FROM_INT, r=first, a=first)
    return narrow(plan, first, kind, place)


def narrow(plan: Plan, first: int, kind: DType, place: int) -> bool:
    """Make an f64 in a register what the kernel takes; False for types that the machine does not make."""
    plan.held[place] = Held(first)
    if kind == f32:
        plan.add(Code.NARROW, r=first, a=first)
    return not kind.is_float or kind in (f32, f64)


def real(plan: Plan, number: int, value: float, place: int, seen: Weak) -> bool:
    first = plan.take()
    plan.add(Code.FLOAT, r=first, a=number, z=plan.object(float))
    return narrow(plan, first, scalar(plan, place), place)


def truth(plan: Plan, number: int, value: bool, place: int, seen: Weak) -> bool:
    plan.held[place] = Held(plan.take())
    plan.add(Code.BOOL, r=plan.held[place].first, a=number, x=plan.object(True), y=plan.object(False))
    return True


def scalar(plan: Plan, place: int) -> DType:
    kind = plan.compiled.abi.params[place].type
    assert isinstance(kind, Scalar), "numbers are passed for numbers"
    return kind.dtype


def numpy_array(plan: Plan, number: int, value: np.ndarray, place: int, seen: Trait) -> bool:
    held = array(plan, place, value.ndim)
    if held is None:
        return False
    writes = place in plan.compiled.contract.written
    flags = objects.Array.ALIGNED | (objects.Array.WRITEABLE if writes else 0)
    plan.add(
        Code.NUMPY,
        r=held.first,
        a=number,
        b=value.ndim,
        x=plan.object(value.dtype),
        y=flags,
        z=plan.object(np.ndarray),
    )
    plan.add(Code.SHIFT, r=held.stride(0), b=value.ndim, x=value.itemsize.bit_length() - 1)
    return look(plan, held, value.itemsize, seen)


def array(plan: Plan, place: int, dims: int) -> Held | None:
    if dims > MOST_DIMS:
        return None
    plan.held[place] = Held(plan.take(1 + 2 * dims), dims)
    return plan.held[place]


def look(plan: Plan, held: Held, size: int, seen: Trait) -> bool:
    """What specialisation saw of an array is seen again; of one that has to be copied to a card, nothing is."""
    if seen.wide or seen.device != plan.compiled.device:
        return False
    tracked = plan.compiled.target in TARGETS
    wanted = looks(seen.units, seen.even, tracked, seen.align == SPECIALISED, seen.small)
    plan.add(Code.LOOK, r=held.first, b=held.dims, x=wanted, y=size)
    return True


def tensor(plan: Plan, number: int, value: Any, place: int, seen: Trait) -> bool:
    """A tensor that shows itself, as torch's do."""
    shown = objects.shown(type(value))
    said = None if shown is None else objects.taken(shown, value)
    held = None if said is None else array(plan, place, len(seen.units))
    if shown is None or said is None or held is None:
        return False
    told = objects.record(shown, *said, seen.dtype.is_float, seen.dtype in PARTS)
    plan.object(told)
    plan.add(Code.TENSOR, r=held.first, a=number, b=held.dims, x=told.ctypes.data)
    return look(plan, held, seen.dtype.numpy_bytes, seen)


def packed_tensor(plan: Plan, number: int, value: Packed, place: int, seen: Trait) -> bool:
    """A packed tensor: where it has the same sight, specialisation sees the same."""
    held, compiled = array(plan, place, value.ndim), plan.compiled
    if held is None or seen.wide or seen.device != compiled.device:
        return False
    if seen.device == "cpu" and compiled.target in TARGETS:
        return False  # extents decide the code too, and of the host's memory a sight has none
    if plan.starter.handle is not None and is_torch(value.held.owner) and not objects.shown(type(value.held.owner)):
        return False  # torch's current stream is not for native code to see
    plan.add(
        Code.PACKED,
        r=held.first,
        a=number,
        b=value.ndim,
        x=plan.object(sight(value.held, value.seen)),
        y=objects.slot(Packed, "native"),
        z=plan.object(Packed),
    )
    return True


READERS: Mapping[type, Reader] = {
    int: integer,
    float: real,
    bool: truth,
    np.ndarray: numpy_array,
    Packed: packed_tensor,
}


# What stands outside, and what the contract asks --------------------------------------------------------------


def watch(plan: Plan, watched: Iterable[Watched]) -> None:
    """What decides the code without being passed is as it was."""
    for where, key, value in (*watched, *setting(DEBUG)):
        if type(where) is dict:
            found = 0 if value is None else plan.object(value)
            plan.add(Code.WATCH, x=plan.object(where), y=plan.object(key), z=found)
        else:
            plan.add(Code.CELL, x=plan.object(where), y=plan.object(value))


def setting(name: str) -> tuple[Watched, Watched]:
    """An environment variable, and the environment itself, which tests replace."""
    held, key = objects.environment(), os.fsencode(name)
    assert held is not None, "launches are prepared where the environment is a dict"
    return Watched(vars(os), "environ", os.environ), Watched(held, key, held.get(key))


def contract(plan: Plan) -> dict[str, int]:
    """What the contract of the kernel asks of a call; the registers of dims and integer arguments, by name."""
    asked, held = plan.compiled.contract, plan.held
    names = {asked.params[i]: held[i].first for i, _ in asked.integers}
    for i, axis, name, most in asked.extents:
        register = held[i].extent(axis)
        assert most >= WIDEST, "LOOK refuses longer ones"
        if names.setdefault(name, register) != register:
            plan.add(Code.EQUAL, a=names[name], b=register)
    for i, axis, size in asked.sizes:
        plan.add(Code.BETWEEN, a=held[i].extent(axis), x=size, y=size)
    for i, axis, divisor in asked.divisors:
        plan.add(Code.MULTIPLE, a=held[i].extent(axis), x=divisor)
    for i, axis, stride in asked.strides:
        where = {"a": held[i].stride(axis), "b": held[i].extent(axis)}
        if isinstance(stride, str):
            plan.add(Code.PITCH_OF, r=names[stride], **where)
        else:
            plan.add(Code.PITCH, x=stride, **where)
    for i, bytes_, rows in asked.aligned:
        kind = plan.compiled.abi.params[i].type
        assert isinstance(kind, Tensor | Pointer), "memory is aligned"
        bits = kind.dtype.bits if isinstance(kind, Tensor) and kind.packed else 8 * kind.dtype.numpy_bytes
        align(plan, held[i], bits, bytes_, rows)
    if plan.compiled.target not in TARGETS:  # LOOK sees it there
        for i in asked.small:
            close(plan, held[i], plan.compiled.abi.params[i].type)
    return names


def align(plan: Plan, held: Held, bits: int, bytes_: int, rows: bool) -> None:
    """``bits``: those from one element to the next."""
    plan.add(Code.MULTIPLE, a=held.first, x=bytes_)
    step = 8 * bytes_ // gcd(bits, 8 * bytes_)
    for axis in range(held.dims) if rows else ():
        plan.add(Code.ROWS, a=held.stride(axis), b=held.extent(axis), x=step)


def close(plan: Plan, held: Held, kind: Type) -> None:
    """A tensor is small."""
    assert isinstance(kind, Tensor), "pointers have no extents"
    zero, one, far = plan.constant(0), plan.constant(1), plan.constant(0)
    for axis in range(held.dims):
        apart, steps = plan.take(), plan.take()
        plan.add(Code.SUB, r=apart, a=zero, b=held.stride(axis))
        plan.add(Code.MAX, r=apart, a=apart, b=held.stride(axis))
        plan.add(Code.SUB, r=steps, a=held.extent(axis), b=one)
        plan.add(Code.MAX, r=steps, a=steps, b=zero)
        plan.add(Code.MUL, r=apart, a=apart, b=steps)
        plan.add(Code.ADD, r=far, a=far, b=apart)
    plan.add(Code.BETWEEN, a=far, x=0, y=SMALL // kind.dtype.numpy_bytes)


# What is passed on --------------------------------------------------------------------------------------------


def entries(compiled: Launchable) -> Iterable[tuple[int, Slot, int]]:
    """Parameter, kind and axis of every slot."""
    number = {p.name: i for i, p in enumerate(compiled.abi.params)}
    return ((number[e.param], e.slot, e.axis) for e in compiled.abi.entries)


def slot(plan: Plan, place: int, kind: Slot, axis: int) -> int:
    held = plan.held[place]
    return {Slot.EXTENT: held.extent, Slot.STRIDE: held.stride}.get(kind, lambda _: held.first)(axis)


def stream(starter: Starter, given: object, values: Iterable[Any]) -> Stream | None:
    """The stream that is given, else the one that is current for the tensors that can tell, among some values. None
    where a launch may have to wait for work on another, as Python has it do: where one is given and the owner of a
    tensor has its own, and where tensors are of several owners."""
    if starter.handle is None:
        return Stream()
    told = list(tellers(values))
    if given is not None:
        return None if any(shown.waits for shown, _ in told) else Stream(number=starter.handle(given))
    if not told:
        return Stream()
    (shown, device), *others = told
    if not shown.stream or any(other.kind is not shown.kind for other, _ in others):
        return None
    return Stream(current=shown.stream, device=device)


def tellers(values: Iterable[Any]) -> Iterable[tuple[objects.Shown, int]]:
    """How those show themselves that do, and the device that each is on."""
    for value in values:
        teller = value.held.owner if type(value) is Packed else value
        shown = objects.shown(type(teller))
        said = None if shown is None else objects.taken(shown, teller)
        if shown is not None and said is not None:
            yield shown, said[1]


# A call with the very same arguments --------------------------------------------------------------------------


def bound(
    compiled: Launchable, starter: Starter, words: Sequence[int], counts: Sequence[int], order: Stream, keep: object
) -> Program | None:
    """The launch program that takes no arguments and passes on these words; ``keep`` lives as long. None for more words
    than the machine has registers for."""
    plan = Plan(compiled, starter)
    slots = [plan.constant(word) for word in words]
    x, y, z = (plan.constant(count) for count in counts)
    if plan.registers > REGISTERS:
        return None
    return Program(starter, plan.rows, 0, (), slots, (x, y, z), order, (keep,))
