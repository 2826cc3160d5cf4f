"""Boxes of tensors as threads reach them: addresses from layouts, the widest vectors that are sure, masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.ir import Value, ops, threads
from tilevm.passes.bounds import Facts, extent as edge
from tilevm.passes.integers import Linear, wrap
from tilevm.passes.threads.coordinates import Places
from tilevm.passes.threads.lowering import Lowering, dtype_of
from tilevm.passes.threads.reach import largest, offset_type
from tilevm.types import Dim, DType, Kind, Tensor, i32, i64, integer, u8, u32, u64

WIDEST = 16  # bytes of the widest access of a thread
FEW = 2  # registers that a loop may spare for what its index is compared with


@dataclass(frozen=True)
class Box:
    """A box of a tensor: where it begins, which dims need no mask, and where its elements lie in threads."""

    tensor: Value
    offsets: tuple[Value, ...]
    inbounds: tuple[bool, ...]
    shape: tuple[int, ...]
    at: Places

    @property
    def type(self) -> Tensor:
        assert isinstance(self.tensor.type, Tensor)
        return self.tensor.type

    def sure(self, dim: int) -> bool:
        """Whether no mask is needed along a dim."""
        return bool(self.inbounds) and self.inbounds[dim]


@dataclass(frozen=True)
class Groups:
    """Registers by the vector that moves them: ``order`` all of them, ``first`` of each vector, ``width`` in one."""

    order: tuple[int, ...]
    first: tuple[int, ...]
    width: int


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    return tuple(map(int, np.argsort(np.array(order))))


# what memory holds --------------------------------------------------------------------------------------------


def unit_of(dtype: DType) -> DType:
    """What an element is in memory, where it fills no whole bytes: an unsigned integer that does."""
    if dtype.is_bool:
        return u8
    return dtype if dtype.bits in (8, 16, 32, 64) else integer(8 * dtype.numpy_bytes, signed=False)


def coded(low: Lowering, x: Value, unit: DType) -> Value:
    """Elements as they lie in memory."""
    held = dtype_of(x)
    if held == unit:
        return x
    if held.is_float:
        x = low.add(ops.View, x=x, to=integer(held.bits, signed=False))
    return low.cast(x, unit)


def decoded(low: Lowering, x: Value, dtype: DType) -> Value:
    """Elements as threads compute with them."""
    unit = dtype_of(x)
    if unit == dtype:
        return x
    if dtype.is_bool:
        return low.compare(ops.Ne, x, low.number(0, unit))
    if dtype.is_float:
        return low.add(ops.View, x=low.cast(x, integer(dtype.bits, signed=False)), to=dtype)
    return low.cast(x, dtype)


# vectors ------------------------------------------------------------------------------------------------------


def vectors(facts: Facts, box: Box) -> Groups:
    """The widest vectors of neighbours in memory that are aligned and wholly inside or outside, in every thread."""
    fast = next((d for d, stride in enumerate(box.type.strides) if stride == 1 and box.shape[d] > 1), None)
    size_ = unit_of(box.type.dtype).bits // 8
    width = 1 if fast is None else min(WIDEST // size_, widest(facts, box, fast))
    return vectors_of(box.at, fast, width)


def vectors_of(at: Places, fast: int | None, width: int) -> Groups:
    """Registers in vectors of ``width`` neighbours along ``fast``, or of the most that there are."""
    while width > 1:
        assert fast is not None, "vectors go along a dim"
        found = grouped(at, fast, width)
        if found is not None:
            return found
        width //= 2
    every = tuple(range(at.layout.registers))
    return Groups(every, every, 1)


def widest(facts: Facts, box: Box, fast: int) -> int:
    """The elements along ``fast`` that may go together: what divides the place where the box begins, the alignment
    of the tensor, and the edge behind which elements are masked."""
    kind = box.type
    found = max(1, kind.align // (unit_of(kind.dtype).bits // 8))
    found = power_in(found, facts.multiple(facts.linear(box.offsets[fast])))
    if not box.sure(fast):
        found = power_in(found, kind.dims[fast].multiple_of)
    if fast in box.at.exceeds(box.shape):
        found = power_in(found, box.shape[fast])
    for digit in box.at.digits[fast]:
        found = power_in(found, digit.weight)
    return found


def power_in(most: int, number: int) -> int:
    """The largest power of two that divides ``number`` and is not over ``most``."""
    low = number & -number if number else most
    return min(1 << (most.bit_length() - 1), low)


def grouped(at: Places, fast: int, width: int) -> Groups | None:
    """The registers in runs of ``width`` that lie side by side along ``fast``; None where they do not."""
    rest = np.delete(at.registers, fast, axis=0)
    order = np.lexsort((at.registers[fast], *rest[::-1]))
    if len(order) % width:
        return None
    held = at.registers[:, order].reshape(len(at.registers), -1, width)
    step = np.zeros((len(at.registers), 1, width), np.int64)
    step[fast] = np.arange(width)
    if not (np.array_equal(held, held[..., :1] + step) and np.all(held[fast, :, 0] % width == 0)):
        return None
    runs = order.reshape(-1, width)
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    return Groups(tuple(map(int, runs.ravel())), tuple(map(int, runs[:, 0])), width)


def together(groups: Groups, held: np.ndarray) -> Groups:
    """Vectors that are neighbours in shared memory too."""
    width = groups.width
    while width > 1:
        vectors_ = held[:, groups.order].reshape(len(held), -1, width)
        if np.array_equal(vectors_, vectors_[..., :1] + np.arange(width)) and not np.any(vectors_[..., 0] % width):
            break
        width //= 2
    return Groups(groups.order, groups.order[::width], width)


# addresses ----------------------------------------------------------------------------------------------------


def element_offsets(low: Lowering, box: Box, groups: Groups) -> Value:
    """For each vector the elements between element 0 of the tensor and the vector's first; i32 where that reaches.

    What the thread and register decide is fixed in loops, so it is summed first; then where the box begins.
    """
    most = [largest(low.facts, offset, farthest(box.at, dim)) for dim, offset in enumerate(box.offsets)]
    of = offset_type(box.type, most)
    found = own_elements(low, box, groups, of)
    start: Value | None = None
    for dim, offset in enumerate(box.offsets):
        for part in parts(offset):
            start = low.plus(start, scaled(low, box.tensor, dim, low[part], of))
    found = low.plus(found, start)
    assert found is not None, "a box of one dim or more has offsets"
    return low.splat(found, len(groups.first))


def own_elements(low: Lowering, box: Box, groups: Groups, of: DType) -> Value | None:
    """What threads and registers decide of an offset; None for 0."""
    near = [d for d, stride in enumerate(box.type.strides) if of == i64 and stride is not None]
    if sum(distance(box, dim) for dim in near) > i32.max:
        near = []
    found = widened(low, box, groups, near) if near else None
    for dim in range(len(box.shape)):
        if dim in near:
            continue
        index = low.plus(low.index(box.at, dim), registers_part(low, box.at, dim, groups.first))
        if index is not None:
            found = low.plus(found, scaled(low, box.tensor, dim, index, of))
    return found


def widened(low: Lowering, box: Box, groups: Groups, dims: Sequence[int]) -> Value | None:
    """The same along dims whose strides are known, as i64: a thread's part is added up in 32 bits, which do that far
    into a tile, and a register's is a number."""
    thread: Value | None = None
    own = np.zeros(len(groups.first), np.int64)
    for dim in dims:
        stride, index = box.type.strides[dim], low.index(box.at, dim)
        assert stride is not None, "it is known"
        own += box.at.registers[dim][list(groups.first)] * stride
        thread = low.plus(thread, None if index is None else scaled(low, box.tensor, dim, index, i32))
    return low.plus(None if thread is None else low.cast(thread, i64), low.numbers(own, i64) if own.any() else None)


def distance(box: Box, dim: int) -> int:
    """The most elements of memory that a tile goes along a dim of known stride."""
    return farthest(box.at, dim) * abs(box.type.strides[dim] or 0)


def parts(offset: Value) -> tuple[Value, ...]:
    """What an offset is the sum of: it and a constant apart, where the constant is not below 0.

    A sum that wraps is below 0, so what lies there is masked, and its address is nobody's.
    """
    op = offset.owner
    fixed = isinstance(op, ops.Add) and isinstance(op.b.owner, ops.Constant) and dtype_of(offset).kind is Kind.SIGNED
    return (op.a, op.b) if isinstance(op, ops.Add) and fixed and op.b.owner.value >= 0 else (offset,)  # type: ignore[union-attr]


def registers_part(low: Lowering, at: Places, dim: int, registers: Sequence[int]) -> Value | None:
    """The registers' part of the index along a dim; None where it is 0 in all."""
    own = at.registers[dim][list(registers)]
    return low.numbers(own) if own.any() else None


def scaled(low: Lowering, tensor: Value, axis: int, index: Value, of: DType) -> Value:
    """An index along an axis in elements of memory, as far as ``of`` holds them."""
    assert isinstance(tensor.type, Tensor)
    stride, found = tensor.type.strides[axis], low.cast(index, of)
    if stride == 1:
        return found
    if stride is None:
        return low.both(ops.Mul, found, low.cast(low.add(threads.Stride, tensor=tensor, axis=axis), of))
    return low.both(ops.Mul, found, low.number(wrap(stride, of), of))


# masks --------------------------------------------------------------------------------------------------------


def box_mask(low: Lowering, box: Box, groups: Groups) -> Value | None:
    """Whether each vector lies inside the tensor and the tile; None where all do."""
    found = low.within(box.at, box.shape, groups.first)
    for dim in range(len(box.offsets)):
        if not box.sure(dim):
            found = low.all(found, (left if is_near(low.facts, box, dim) else within)(low, box, dim, groups))
    return None if found is None else low.splat(found, len(groups.first))


def is_near(facts: Facts, box: Box, dim: int) -> bool:
    """Whether a box begins at 0 or above, and ends so near to the tensor's edge that i32 holds the distance."""
    extent, start = box.type.dims[dim], box.offsets[dim]
    place = facts.linear(start)
    least, most = facts.low(place), facts.high(place)
    if extent.wide or dtype_of(start) != i32 or least is None or least < 0 or most is None:
        return False
    beyond = facts.low(edge(extent) - most + Linear(constant=-farthest(box.at, dim)))
    return beyond is not None and beyond >= i32.min


def farthest(at: Places, dim: int) -> int:
    """The largest index along a dim that a thread has."""
    return int(at.threads[dim].max() + at.registers[dim].max())


def left(low: Lowering, box: Box, dim: int, groups: Groups) -> Value:
    """Whether there is more left to the edge than the registers' part of the index, which is known: what else makes the
    index is taken off the extent, for all of them at once.

    Of an offset that grows in a loop it is asked whether it falls below what is left without it, which the loop does
    not change; unless that takes many registers.
    """
    first, *fixed = parts(box.offsets[dim])
    grows = any(atom in low.facts.loops for atom, _ in low.facts.linear(first).terms)
    rest = end_of(low, box.tensor, dim, box.type.dims[dim], i32)
    index, own = part_of(low, box, dim, groups, fewest=grows)
    numbers = low.numbers(own) if any(own) else None
    if grows and len(set(own)) <= FEW and farthest(box.at, dim) + sum(map(constant_of, fixed)) <= i32.max:
        for less in (index, *map(low.__getitem__, fixed), numbers):
            rest = rest if less is None else low.both(ops.Sub, rest, less)
        return low.compare(ops.Gt, rest, low[first])
    for less in (index, low[box.offsets[dim]]):
        rest = rest if less is None else low.both(ops.Sub, rest, less)
    return low.compare(ops.Gt, rest, low.number(0) if numbers is None else numbers)


def part_of(low: Lowering, box: Box, dim: int, groups: Groups, fewest: bool) -> tuple[Value | None, tuple[int, ...]]:
    """The parts of the index along a dim that threads and registers have. ``fewest``: rounded down to what divides the
    distance from where the box begins to the edge, so that fewer differ; all tell the same of what lies inside."""
    facts, index = low.facts, box.at.threads[dim]
    own = box.at.registers[dim][list(groups.first)]
    whole = facts.multiple(edge(box.type.dims[dim]) - facts.linear(box.offsets[dim]))
    if not fewest or not whole or int((index % whole).max() + (own % whole).max()) >= whole:
        return low.index(box.at, dim), tuple(map(int, own))
    return low.index(box.at, dim) if int(index.max()) >= whole else None, tuple(map(int, own // whole * whole))


def constant_of(value: Value) -> int:
    assert isinstance(value.owner, ops.Constant), "what an offset is added to is a constant"
    return int(value.owner.value)


def within(low: Lowering, box: Box, dim: int, groups: Groups) -> Value:
    """Whether 0 <= index < extent."""
    extent = box.type.dims[dim]
    of = i64 if extent.wide or dtype_of(box.offsets[dim]).bits > 32 else i32
    own = low.plus(low.index(box.at, dim), registers_part(low, box.at, dim, groups.first))
    place = low.cast(low[box.offsets[dim]], of)
    if own is not None:
        place = low.both(ops.Add, place, low.cast(own, of))
    return inside(low, place, box.tensor, dim, extent, of)


def inside(low: Lowering, place: Value, tensor: Value, dim: int, extent: Dim, of: DType) -> Value:
    """Whether 0 <= place < extent. A place below 0 is a large number when it is read as unsigned, so one comparison
    tells both edges."""
    unsigned = u64 if of == i64 else u32
    end = low.cast(end_of(low, tensor, dim, extent, of), of)
    return low.compare(ops.Lt, low.cast(place, unsigned), low.cast(end, unsigned))


def end_of(low: Lowering, tensor: Value, dim: int, extent: Dim, of: DType) -> Value:
    """The extent of a tensor."""
    return low.number(extent.size, of) if extent.size is not None else low.add(ops.Extent, tensor=tensor, axis=dim)
