"""What instructions on tiles, memory and control flow do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import Op, Value, ops
from tilevm.source import TileError
from tilevm.types import DType, Pointer, Scalar, Tile, f32

from .machine import Program, step
from .memory import Memory, decoded, encoded
from .rounding import Array
from .values import Held, Poison, container, fit, merge, nothing


def dtype_of(value: Value) -> DType:
    assert isinstance(value.type, Scalar | Tile)
    return value.type.dtype


def integer(n: int) -> list[Held]:
    return [Held(np.asarray(n, np.int32))]


@step.rule(ops.ProgramId)
def _(op: ops.ProgramId, p: Program) -> Sequence[Held]:
    return integer(p.place[op.axis])


@step.rule(ops.NumPrograms)
def _(op: ops.NumPrograms, p: Program) -> Sequence[Held]:
    return integer(p.grid[op.axis])


@step.rule(ops.Extent)
def _(op: ops.Extent, p: Program) -> Sequence[Held]:
    return [Held(np.asarray(p.memory[op.tensor].argument.shape[op.axis], container(dtype_of(op.result))))]


@step.rule(ops.Constant)
def _(op: ops.Constant, p: Program) -> Sequence[Held]:
    return [constant(op)]


def constant(op: ops.Constant) -> Held:
    if op.of.is_integer:
        return Held(fit(op.of, np.asarray(int(op.value) & (2**op.of.bits - 1), np.uint64)))
    return Held(fit(op.of, np.asarray(op.value)))


@step.rule(ops.Splat)
def _(op: ops.Splat, p: Program) -> Sequence[Held]:
    return [rearranged(p.values[op.x], lambda x: np.broadcast_to(x, op.shape))]


@step.rule(ops.Empty)
def _(op: ops.Empty, p: Program) -> Sequence[Held]:
    return [Held(np.zeros(op.shape, container(op.of)), Poison(np.ones(op.shape, bool), op.span))]


@step.rule(ops.Arange)
def _(op: ops.Arange, p: Program) -> Sequence[Held]:
    return [Held(np.arange(op.start, op.start + op.size, dtype=np.int64).astype(np.int32))]


@step.rule(ops.Broadcast)
def _(op: ops.Broadcast, p: Program) -> Sequence[Held]:
    return [rearranged(p.values[op.x], lambda x: np.broadcast_to(x, op.shape))]


@step.rule(ops.Reshape)
def _(op: ops.Reshape, p: Program) -> Sequence[Held]:
    return [rearranged(p.values[op.x], lambda x: x.reshape(op.shape))]


@step.rule(ops.SetLayout, ops.Convert)
def _(op: ops.SetLayout | ops.Convert, p: Program) -> Sequence[Held]:
    """A tile is one array here, whoever holds its elements."""
    return [p.values[op.x]]


@step.rule(ops.Permute)
def _(op: ops.Permute, p: Program) -> Sequence[Held]:
    return [rearranged(p.values[op.x], lambda x: x.transpose(op.dims))]


def rearranged(held: Held, move: object) -> Held:
    """``held`` with elements, and their poison, moved alike."""
    assert callable(move)
    poison = held.poison and Poison(move(held.poison.where), held.poison.origin)
    return Held(move(held.data), poison)


@step.rule(ops.Reduce)
def _(op: ops.Reduce, p: Program) -> Sequence[Held]:
    held, dtype = p.values[op.x], dtype_of(op.x)
    poison = held.poison and Poison(np.asarray(held.poison.where.any(axis=op.axis)), held.poison.origin)
    with np.errstate(all="ignore"):
        return [Held(fit(dtype, folded(op, held.data, dtype)), poison)]


def folded(op: ops.Reduce, x: Array, dtype: DType) -> Array:
    if isinstance(op, ops.Sum):
        return np.asarray(x.sum(axis=op.axis, dtype=container(dtype)))
    if isinstance(op, ops.Any | ops.All):
        return np.asarray(x.any(axis=op.axis) if isinstance(op, ops.Any) else x.all(axis=op.axis))
    most = isinstance(op, ops.Max)
    if dtype.is_float:
        neutral = -np.inf if most else np.inf
        return np.asarray((np.fmax if most else np.fmin).reduce(x, axis=op.axis, initial=neutral))
    return np.asarray(x.max(axis=op.axis) if most else x.min(axis=op.axis))


@step.rule(ops.Dot)
def _(op: ops.Dot, p: Program) -> Sequence[Held]:
    return product(p.values[op.a], p.values[op.b], p.values[op.acc], dtype_of(op.acc))


@step.rule(ops.DotScaled)
def _(op: ops.DotScaled, p: Program) -> Sequence[Held]:
    a, b = (scaled(p, *pair) for pair in ((op.a, op.a_scale, 1), (op.b, op.b_scale, 0)))
    return product(a, b, p.values[op.acc], f32)


def scaled(p: Program, codes: Value, scale: Value | None, axis: int) -> Held:
    """Codes times the scale of their block along ``axis``, rounded to f32."""
    held = p.values[codes]
    if scale is None:
        return held
    block = held.data.shape[axis] // p.values[scale].data.shape[axis]
    factor = rearranged(p.values[scale], lambda x: x.repeat(block, axis=axis))
    with np.errstate(all="ignore"):
        return Held(fit(f32, held.data * factor.data), merge(held, factor))


def product(a: Held, b: Held, acc: Held, dtype: DType) -> list[Held]:
    """``acc + a @ b`` in ``dtype``; a sum that takes in what was never written is poison."""
    exact = np.float64 if dtype.is_float else np.int64
    with np.errstate(all="ignore"):
        total = acc.data + a.data.astype(exact) @ b.data.astype(exact)
    parts = [acc]
    if a.poison or b.poison:
        rows = np.asarray(a.poison.where.any(axis=1) if a.poison else np.zeros(a.data.shape[0], bool))
        columns = np.asarray(b.poison.where.any(axis=0) if b.poison else np.zeros(b.data.shape[1], bool))
        origin = (a.poison or b.poison).origin  # type: ignore[union-attr]
        parts.append(Held(total, Poison(rows[:, None] | columns[None, :], origin)))
    return [Held(fit(dtype, total), merge(*parts))]


# memory -------------------------------------------------------------------------------------------------------


@step.rule(ops.Load)
def _(op: ops.Load, p: Program) -> Sequence[Held]:
    memory = p.memory[op.tensor]
    offsets = [p.number(o, op, "an offset") for o in op.offsets]
    other = p.array(op.other, op, "the value outside") if op.other is not None else nothing(memory.dtype)
    return [memory.load(offsets, op.shape, other)]


@step.rule(ops.Store)
def _(op: ops.Store, p: Program) -> Sequence[Held]:
    memory, held = p.memory[op.tensor], p.values[op.value]
    offsets = [p.number(o, op, "an offset") for o in op.offsets]
    box = memory.inside(offsets, held.data.shape)
    if held.poison is not None and held.poison.where[box.tile].any():
        raise p.poisoned(op, held, "an element")
    memory.store(offsets, held.data)
    return ()


@step.rule(ops.Gather)
def _(op: ops.Gather, p: Program) -> Sequence[Held]:
    memory = p.memory[op.tensor]
    mask, at = places(op, p, memory, op.indices)
    out = outside(op, p, memory, mask)
    out[mask] = memory.read(tuple(i[mask] for i in at))
    return [Held(out)]


@step.rule(ops.Scatter)
def _(op: ops.Scatter, p: Program) -> Sequence[Held]:
    memory = p.memory[op.tensor]
    mask, at = places(op, p, memory, op.indices)
    memory.write(tuple(i[mask] for i in at), written(op, p, mask)[mask])
    return ()


@step.rule(ops.PointerLoad)
def _(op: ops.PointerLoad, p: Program) -> Sequence[Held]:
    memory = p.memory[op.pointer]
    mask, (at,) = places(op, p, memory, (op.offsets,))
    out = outside(op, p, memory, mask)
    out[mask] = decoded(memory.dtype, memory.elements[at[mask] - memory.argument.lowest])
    return [Held(out)]


@step.rule(ops.PointerStore)
def _(op: ops.PointerStore, p: Program) -> Sequence[Held]:
    memory = p.memory[op.pointer]
    mask, (at,) = places(op, p, memory, (op.offsets,))
    memory.elements[at[mask] - memory.argument.lowest] = encoded(memory.dtype, written(op, p, mask)[mask])
    return ()


Indexed = ops.Gather | ops.Scatter | ops.PointerLoad | ops.PointerStore | ops.Atomic | ops.AtomicCas


def memory_of(op: Indexed) -> Value:
    """The tensor or pointer that an instruction goes to."""
    if isinstance(op, ops.Atomic | ops.AtomicCas):
        return op.memory
    return op.pointer if isinstance(op, ops.PointerLoad | ops.PointerStore) else op.tensor


def places(op: Indexed, p: Program, memory: Memory, indices: Sequence[Value]) -> tuple[Array, list[Array]]:
    """Where the mask holds, and the indices there; an index out of range is the author's error."""
    at = [p.array(i, op, "an index").astype(np.int64) for i in indices]
    mask = np.ones(at[0].shape, bool) if op.mask is None else p.array(op.mask, op, "the mask")
    free = isinstance(memory_of(op).type, Pointer)
    limits = [(memory.argument.lowest, memory.argument.highest)] if free else [(0, e) for e in memory.argument.shape]
    for axis, (index, (low, high)) in enumerate(zip(at, limits, strict=True)):
        wrong = mask & ((index < low) | (index >= high))
        if wrong.any():
            name = memory_of(op).hint
            along = "" if free else f" along axis {axis}"
            raise TileError(
                f"{op.name}: index {index[wrong].flat[0]}{along} of {name} is not within {low} to {high - 1}",
                op.span,
                notes=[p.where()],
                help="give a mask that is false there",
            )
    return np.asarray(mask), at


def outside(op: ops.Gather | ops.PointerLoad, p: Program, memory: Memory, mask: Array) -> Array:
    """What the result holds where nothing is read."""
    if op.other is None:
        return nothing(memory.dtype, mask.shape)
    return np.broadcast_to(p.array(op.other, op, "the value outside"), mask.shape).copy()


def written(op: ops.Scatter | ops.PointerStore, p: Program, mask: Array) -> Array:
    held = p.values[op.value]
    if held.poison is not None and (held.poison.where & mask).any():
        raise p.poisoned(op, held, "an element")
    return held.data


# control ------------------------------------------------------------------------------------------------------


@step.rule(ops.For)
def _(op: ops.For, p: Program) -> Sequence[Held]:
    lower, upper, stride = (p.number(v, op, "a bound") for v in (op.lower, op.upper, op.step))
    carried: Sequence[Held] = [p.values[v] for v in op.carried]
    kind = container(dtype_of(op.lower))
    for i in range(lower, upper, stride) if stride else ():
        carried = p.block(op.body, [Held(np.asarray(i, kind)), *carried])
    return carried


@step.rule(ops.While)
def _(op: ops.While, p: Program) -> Sequence[Held]:
    carried: Sequence[Held] = [p.values[v] for v in op.carried]
    while truth(op, p, p.block(op.condition, carried)[0]):
        carried = p.block(op.body, carried)
    return carried


@step.rule(ops.If)
def _(op: ops.If, p: Program) -> Sequence[Held]:
    return p.block(op.then if truth(op, p, p.values[op.condition]) else op.otherwise)


def truth(op: Op, p: Program, held: Held) -> bool:
    if held.poison is not None and held.poison.where.any():
        raise p.poisoned(op, held, "the condition")
    return bool(held.data)
