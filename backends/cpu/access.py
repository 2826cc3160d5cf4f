"""Where elements lie: one row of a tensor or buffer, seen from the innermost loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from llvmlite import ir

from tilevm.ir import Value, ops
from tilevm.types import DType, Tensor

from . import packed, packing
from .casts import number_of
from .context import Context
from .emit import I8, I32, I64, LLVM, lanes_of, memory_bytes, memory_type, register_type, vector_of
from .index import Map, shape
from .packed import is_packed
from .small import is_small

GATHERED = 4  # bytes of the smallest elements that an instruction gathers


@dataclass(frozen=True, eq=False)
class Row:
    """Elements along the vector dimension: the address of the first, the step, and which exist.

    ``stride`` counts elements (0: the same element for every lane). Lanes k with (k - ``first``) < ``count``,
    unsigned, exist; ``count`` None: all. A row without vector dimension has ``lanes`` 0 and ``count`` an i1 or None.
    ``streams``: vectors are stored at multiples of their size, and past the caches. ``sure``: the box was looked at
    before (see inside). In a packed tensor ``base`` is the beginning of its ``bytes`` bytes, and ``bit`` where the
    first element begins; ``extent`` counts the elements of a box's row.
    """

    base: LLVM
    element: DType
    stride: LLVM | int
    first: LLVM | None = None
    count: LLVM | None = None
    streams: bool = False
    sure: bool = False
    bit: LLVM | None = None
    bytes: LLVM | None = None
    extent: int = 0

    @property
    def masked(self) -> bool:
        """Whether lanes are looked at one by one."""
        return self.count is not None and self.count.type == I32


def tensor_row(
    c: Context, op: ops.Load | ops.Store, map: Map, where: dict[int, LLVM], vector: int | None, sure: bool = False
) -> Row:
    """The row of a box of a tensor; ``where`` gives the index of every loop outside the vector one.

    ``sure``: the box lies inside, and every row of it begins with a byte.
    """
    view, kind = c.views[op.tensor], op.tensor.type
    size = op.shape if isinstance(op, ops.Load) else shape(op.value)
    assert isinstance(kind, Tensor)
    offset, fits, row = c.e.i64(0), None, Row(view.base, kind.dtype, 0, sure=sure)
    along = vector is not None and vector in map
    for d, start in enumerate(op.offsets):
        at = c.index(start)
        proved = sure or (bool(op.inbounds) and op.inbounds[d])
        if map[d] is not None and map[d] == vector:
            row = replace(row, stride=view.strides[d], extent=size[d])
            if not proved:
                first, count = span(c, at, c.i64(view.extents[d]), size[d])
                row = replace(row, first=first, count=count)
        else:
            m = map[d]
            at = c.e.b.add(at, where[m]) if m is not None and m in where else at
            if not proved:
                inside = c.e.b.icmp_unsigned("<", at, c.i64(view.extents[d]))
                fits = inside if fits is None else c.e.b.and_(fits, inside)
        offset = c.e.b.add(offset, c.e.b.mul(at, c.i64(view.strides[d])))
    # A masked load that touches a page which is not there takes a microsecond: a row outside is not looked at.
    looked = fits if along else None
    if is_packed(kind):
        bit = c.e.b.mul(offset, c.e.i64(kind.dtype.bits))
        bit = bit if looked is None else c.e.b.select(looked, bit, c.e.i64(0))
        row = replace(row, bit=bit, bytes=view.bytes)
    else:
        base = c.e.at(view.base, offset, memory_type(row.element))
        row = replace(row, base=base if looked is None else c.e.b.select(looked, base, view.base))
    return limit(c, row, fits, along, size, map, vector)


def limit(
    c: Context, row: Row, fits: LLVM | None, along: bool, size: Sequence[int], map: Map, vector: int | None
) -> Row:
    """``row`` with nothing in it where the indices outside do not fit."""
    if fits is None:
        return row
    if not along:
        return replace(row, count=fits)
    first, count = row.first, row.count
    if count is None:
        extent = next(e for e, m in zip(size, map, strict=True) if m == vector)
        first, count = c.e.index(0), c.e.index(extent)
    return replace(row, first=first, count=c.e.b.select(fits, count, c.e.index(0)))


def span(c: Context, start: LLVM, extent: LLVM, size: int) -> tuple[LLVM, LLVM]:
    """First lane inside and how many, of ``size`` lanes that begin at index ``start``; both i32."""
    zero, top = c.e.i64(0), c.e.i64(size)
    first = clamped(c, c.e.b.sub(zero, start), zero, top)
    end = clamped(c, c.e.b.sub(extent, start), first, top)
    return c.e.b.trunc(first, I32), c.e.b.trunc(c.e.b.sub(end, first), I32)


def clamped(c: Context, x: LLVM, low: LLVM, high: LLVM) -> LLVM:
    x = c.e.b.select(c.e.b.icmp_signed("<", x, low), low, x)
    return c.e.b.select(c.e.b.icmp_signed(">", x, high), high, x)


def buffer_row(
    c: Context,
    value: Value,
    size: Sequence[int],
    map: Map,
    where: dict[int, LLVM],
    vector: int | None,
    starts: Sequence[int] = (),
) -> Row:
    """The row of a kept value, which lies row-major under the shape ``size``, or of the box at ``starts``."""
    buffer = c.memory.of[value]
    start = sum(at * prod(size[d + 1 :]) for d, at in enumerate(starts))
    base, offset, along = c.buffer(buffer), c.e.i64(start), 0
    for d, m in enumerate(map):
        stride = prod(size[d + 1 :])
        if m is not None and m == vector:
            along = stride
        elif m is not None and m in where:
            offset = c.e.b.add(offset, c.e.b.mul(where[m], c.e.i64(stride)))
    return Row(c.e.at(base, offset, memory_type(buffer.dtype)), buffer.dtype, along)


def mask(c: Context, row: Row, j: LLVM, lanes: int, tail: int) -> LLVM | None:
    """Which lanes of the vector at ``j`` exist; only the first ``tail`` do when that is not 0."""
    found = None
    if row.masked:
        lane = c.e.b.add(c.e.splat(c.e.b.trunc(j, I32), lanes), c.e.iota(lanes))
        inside = c.e.b.sub(lane, c.e.splat(row.first, lanes))
        found = c.e.b.icmp_unsigned("<", inside, c.e.splat(row.count, lanes))
    if tail:
        head = c.e.head(tail, lanes)
        found = head if found is None else c.e.b.and_(found, head)
    return found


def addresses(c: Context, row: Row, j: LLVM, lanes: int) -> LLVM:
    """The addresses of a vector of strided elements."""
    lane = c.e.b.add(c.e.splat(j, lanes), c.e.iota(lanes, I64))
    offsets = c.e.b.mul(lane, c.e.splat(c.i64(row.stride), lanes))
    return c.e.addresses(row.base, offsets, memory_type(row.element))


def load_vector(c: Context, row: Row, j: LLVM, lanes: int, tail: int, other: LLVM | None) -> LLVM:
    """Elements j … j + lanes - 1 of a row, in register form; ``other`` (or 0) where none exists."""
    element = memory_type(row.element)
    exists = mask(c, row, j, lanes, tail)
    if row.bit is not None:
        found = packed_vector(c, row, j, lanes, exists)
    elif isinstance(row.stride, int) and row.stride == 1:
        found = c.e.load(c.e.at(row.base, j, element), element, lanes, exists)
    else:
        found = strided(c, row, j, lanes, exists)
    found = to_register(c, found, row.element)
    if other is not None and exists is not None:
        found = c.e.b.select(exists, found, c.e.splat(other, lanes))
    return found


def strided(c: Context, row: Row, j: LLVM, lanes: int, exists: LLVM | None) -> LLVM:
    """Elements that lie apart. Small ones are read one by one where all exist, as no instruction gathers them."""
    e, element = c.e, memory_type(row.element)
    if memory_bytes(row.element) >= GATHERED:
        return e.gather(addresses(c, row, j, lanes), element, exists)

    def each() -> list[LLVM]:
        found, at, step = e.undefined(vector_of(element, lanes)), e.b.mul(j, c.i64(row.stride)), c.i64(row.stride)
        for n in range(lanes):
            found = e.b.insert_element(found, e.load(e.at(row.base, at, element), element, 0), e.index(n))
            at = e.b.add(at, step)
        return [found]

    if exists is None:
        return each()[0]
    mask = ir.IntType(lanes)
    every = e.b.icmp_signed("==", e.b.bitcast(exists, mask), ir.Constant(mask, -1))
    return e.either(every, each, lambda: [e.gather(addresses(c, row, j, lanes), element, exists)])[0]


def packed_vector(c: Context, row: Row, j: LLVM, lanes: int, exists: LLVM | None) -> LLVM:
    """Codes of a row of a packed tensor."""
    if isinstance(row.stride, int) and row.stride == 1:
        return packed.load_row(c.e, row.base, bit_of(c, row, j), row.bytes, row.element, lanes, exists)
    return packed.gather(c.e, row.base, bits_of(c, row, j, lanes), row.element, exists)


def bit_of(c: Context, row: Row, j: LLVM) -> LLVM:
    """Where element j of a row of a packed tensor begins."""
    step = c.e.b.mul(c.i64(row.stride), c.e.i64(row.element.bits))
    return c.e.b.add(row.bit, c.e.b.mul(j, step))


def bits_of(c: Context, row: Row, j: LLVM, lanes: int) -> LLVM:
    step = c.e.b.mul(c.i64(row.stride), c.e.i64(row.element.bits))
    return packed.places_of(c.e, bit_of(c, row, j), step, lanes)


def load_scalar(c: Context, row: Row, other: LLVM | None) -> LLVM:
    """The one element of a row without vector dimension."""
    element = memory_type(row.element)
    if row.bit is not None:
        return packed_scalar(c, row, other)
    if row.count is None:
        return to_register(c, c.e.load(row.base, element, 0), row.element)
    safe = c.e.b.select(row.count, row.base, c.scratch)
    found = to_register(c, c.e.load(safe, element, 0), row.element)
    return c.e.b.select(row.count, found, other if other is not None else zero(c, row.element))


def packed_scalar(c: Context, row: Row, other: LLVM | None) -> LLVM:
    def read() -> list[LLVM]:
        return [to_register(c, packed.load(c.e, row.base, row.bit, row.element), row.element)]

    if row.count is None:
        return read()[0]
    return c.e.either(row.count, read, lambda: [other if other is not None else zero(c, row.element)])[0]


def store_vector(c: Context, row: Row, value: LLVM, j: LLVM, tail: int) -> None:
    lanes = lanes_of(value)
    exists, held = mask(c, row, j, lanes, tail), to_memory(c, value, row.element)
    if row.bit is not None and isinstance(row.stride, int) and row.stride == 1:
        ends = None if row.masked or row.sure else packing.ends_of(c.e, row.element, j, lanes, row.extent)
        packing.store_row(c.e, row.base, bit_of(c, row, j), held, row.element, exists, ends, row.sure)
    elif row.bit is not None:
        packing.scatter(c.e, row.base, bits_of(c, row, j, lanes), held, row.element, exists)
    elif isinstance(row.stride, int) and row.stride == 1:
        address = c.e.at(row.base, j, memory_type(row.element))
        if row.streams and exists is None:
            c.e.stream(held, address)
        else:
            c.e.store(held, address, exists)
    else:
        c.e.scatter(held, addresses(c, row, j, lanes), exists)


def store_scalar(c: Context, row: Row, value: LLVM) -> None:
    held = to_memory(c, value, row.element)

    def write() -> None:
        if row.bit is not None:
            packing.store(c.e, row.base, row.bit, held, row.element)
        else:
            c.e.store(held, row.base)

    if row.count is None:
        write()
        return
    with c.e.when(row.count):
        write()


def zero(c: Context, dtype: DType) -> LLVM:
    kind = register_type(dtype)
    return c.e.zero(kind)


def to_register(c: Context, x: LLVM, dtype: DType) -> LLVM:
    """An element as registers hold it: what lies in the spare bits of a small number's bytes is passed over."""
    if dtype.is_bool:
        return c.e.b.icmp_unsigned("!=", x, c.e.like(x, 0))
    return number_of(c.e, x, dtype) if dtype.is_integer or is_small(dtype) else x


def to_memory(c: Context, x: LLVM, dtype: DType) -> LLVM:
    return c.e.b.zext(x, vector_of(I8, lanes_of(x))) if dtype.is_bool else x
