"""How one product is made: what lies in a cell, where operands are read, what scratch that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import lcm

from tilevm.ir import Value, ops
from tilevm.passes.scales import FEW
from tilevm.types import DType, Tensor, Tile, bf16, f32, i16

from ..host import Host
from ..index import Map, inputs, moves, shape, whole_tile
from ..realise import Realisation, stored

Dot = ops.Dot | ops.DotScaled
BITS = 32  # of a cell and of a sum, for lanes that are combined by turning
VECTORS = 2  # of b in one step: NR = 2 vectors


@dataclass(frozen=True)
class Cell:
    """What one lane multiplies in one step: ``group`` neighbours along k of dtype ``unit``, summed in ``total``."""

    unit: DType
    group: int
    total: DType

    @property
    def bits(self) -> int:
        return self.unit.bits * self.group


def cell_of(op: Dot, host: Host) -> Cell:
    """Pairs of 16 bits where the host multiplies these (dpbf16ps, vpdpwssd), else numbers of the result's dtype."""
    total, factor = dtype_of(op.acc), dtype_of(op.a)
    if shape(op.a)[1] % 2 == 0:
        if factor == bf16 and host.bf16_pairs:
            return Cell(bf16, 2, total)
        if factor.is_integer and (factor.bits <= 8 or factor == i16) and host.i16_pairs:
            return Cell(i16, 2, total)
    return Cell(total, 1, total)


@dataclass(frozen=True)
class Matrix:
    """An operand as rows of neighbours: ``value``, of which the operand is the transpose where ``flipped``.

    ``root`` seen through ``map`` is what the rows are read from in place: a kept tile, or what ``load`` reads, whose
    box may have to be looked at first. Without ``root`` the matrix is computed into scratch.
    """

    value: Value
    flipped: bool
    root: Value | None
    map: Map
    load: ops.Load | None = None

    @property
    def sure(self) -> bool:
        """Whether the rows are always read in place."""
        if self.root is None:
            return False
        return self.load is None or (bool(self.load.inbounds) and all(self.load.inbounds))


def matrix_of(operand: Value, unit: DType, realised: Realisation) -> Matrix:
    """Where ``operand`` is read."""
    flip = operand.owner if realised.made_here(operand) and isinstance(operand.owner, ops.Permute) else None
    value = flip.x if flip is not None and flip.dims == (1, 0) else operand
    flipped = value is not operand
    node = whole_tile(value)
    while realised.made_here(node.value) and isinstance(node.value.owner, ops.Reshape | ops.Permute):
        (node,) = inputs(node.value.owner, node.map)
    wanted = [0, 1] if shape(value)[0] > 1 else [1]
    in_order = [m for m in node.map if m is not None] == wanted
    if in_order and readable(node.value, node.map, unit, realised):
        load = node.value.owner if realised.made_here(node.value) else None  # a kept one may be overwritten by now
        return Matrix(value, flipped, node.value, node.map, load if isinstance(load, ops.Load) else None)
    return Matrix(value, flipped, None, ())


def readable(value: Value, map: Map, unit: DType, realised: Realisation) -> bool:
    """Whether rows of neighbours of dtype ``unit`` lie in memory."""
    if not realised.made_here(value):
        moved = moves(value.owner) and value not in realised.kept
        return not moved and stored(value) == unit and map[-1] == 1
    load = value.owner
    if not isinstance(load, ops.Load) or load.other is not None:
        return False
    kind = load.tensor.type
    assert isinstance(kind, Tensor)
    return kind.dtype == unit and kind.strides[map.index(1)] == 1


@dataclass(frozen=True)
class Start:
    """What the sums begin with: zero; or acc; or acc = ``base`` * ``factor`` with a factor (m, 1) for each row."""

    zero: bool = False
    base: Value | None = None
    factor: Value | None = None


@dataclass(frozen=True, eq=False)
class Scales:
    """The factors of an operand's blocks along k: those of row r begin at r * ``row``, and are ``step`` apart."""

    value: Value
    count: int
    row: int
    step: int

    @cached_property
    def kept(self) -> Value:
        """They in scratch."""
        return Value(Tile(f32, shape(self.value)), "scales")


@dataclass(frozen=True, eq=False)
class Plan:
    """One product: a is (m, k), b (k, n); ``rows`` is MR, ``columns`` NR; ``lanes`` cells make a vector.

    Packed a keeps its rows; b lies in panels of ``columns`` columns, cell after cell of k.
    """

    cell: Cell
    m: int
    n: int
    k: int
    rows: int
    lanes: int
    a: Matrix
    b: Matrix
    start: Start
    a_scales: Scales | None = None
    b_scales: Scales | None = None

    @property
    def scaled(self) -> tuple[Scales, ...]:
        """The factors that there are."""
        return tuple(s for s in (self.a_scales, self.b_scales) if s is not None)

    @property
    def block(self) -> int:
        """Neighbours along k that share their factors."""
        return self.k // lcm(*(s.count for s in self.scaled))

    @property
    def columns(self) -> int:
        return self.lanes * VECTORS

    @property
    def cells(self) -> int:
        """Cells along k."""
        return self.k // self.cell.group

    @property
    def by_rows(self) -> bool:
        """Whether each element of the result is a sum along rows of a few of a, and of the transpose of b.

        Nothing is rearranged then, which would take longer than the product of a few rows does. What has scales is
        such a product always.
        """
        if self.scaled:
            return True
        few, whole = self.m <= FEW, self.k % (self.lanes * self.cell.group) == 0 and self.n % self.lanes == 0
        return few and whole and self.b.flipped and not self.a.flipped and self.cell.bits == BITS

    @property
    def rearranged(self) -> bool:
        """Whether b is read in rows and then rearranged; elsewhere its panels are filled at once."""
        return self.b.flipped or self.cell.group > 1

    @property
    def fused(self) -> bool:
        """Whether packed a is filled by the loops before the product, along with what else they make."""
        return self.a.root is None and not self.a.flipped

    @cached_property
    def packed(self) -> Value:
        """a in rows; a vector is added to each, so that rows do not meet in one cache set."""
        return Value(Tile(self.cell.unit, (self.m, self.k + self.lanes * self.cell.group)), "packed")

    @cached_property
    def panels(self) -> Value:
        width = -(-self.n // self.columns) * self.columns
        return Value(Tile(self.cell.unit, (width * self.k,)), "panels")

    @cached_property
    def a_rows(self) -> Value:
        """The rows of a flipped a."""
        return Value(Tile(self.cell.unit, shape(self.a.value)), "rows")

    @cached_property
    def b_rows(self) -> Value:
        """The rows of b, or of its transpose, before they are rearranged."""
        return Value(Tile(self.cell.unit, shape(self.b.value)), "rows")

    @cached_property
    def factors(self) -> Value:
        """A factor for each row of acc."""
        return Value(Tile(self.cell.total, (self.m, 1)), "factors")

    def scratch(self) -> Iterator[Value]:
        """The buffers that live during the product alone."""
        for found in self.scaled:
            yield found.kept
        if not self.by_rows:
            yield self.panels
        if self.rearranged and not self.by_rows and not self.b.sure:
            yield self.b_rows
        if self.a.flipped:
            yield self.packed
            if not self.a.sure:
                yield self.a_rows
        elif not self.fused and not self.a.sure:
            yield self.packed
        if self.start.factor is not None:
            yield self.factors


def plan(op: Dot, host: Host, realised: Realisation) -> Plan:
    (m, k), (_, n) = shape(op.a), shape(op.b)
    cell = cell_of(op, host)
    a, b = (matrix_of(v, cell.unit, realised) for v in (op.a, op.b))
    if a.flipped and cell.group > 1:
        a = Matrix(op.a, False, None, ())  # columns of pairs: gathered one by one
    if isinstance(op, ops.DotScaled) and not b.flipped:
        b = Matrix(ops.Permute(x=op.b, dims=(1, 0)).result, True, None, ())
    rows = min(8 if host.vector_registers == 32 else 4, m)
    return Plan(cell, m, n, k, rows, host.lanes(cell.bits), a, b, start_of(op.acc, realised), *scales_of(op, realised))


def scales_of(op: Dot, realised: Realisation) -> tuple[Scales | None, Scales | None]:
    """The factors of both operands."""
    if not isinstance(op, ops.DotScaled):
        return None, None
    given = op.a_scale
    left = Scales(given, shape(given)[1], shape(given)[1], 1) if given is not None else None
    if op.b_scale is None:
        return left, None
    (count, n), flip = shape(op.b_scale), op.b_scale.owner
    if isinstance(flip, ops.Permute) and realised.made_here(op.b_scale):
        return left, Scales(flip.x, count, count, 1)
    return left, Scales(op.b_scale, count, 1, n)


def start_of(acc: Value, realised: Realisation) -> Start:
    if constant(acc) == 0:
        return Start(zero=True)
    product = acc.owner
    if isinstance(product, ops.Mul) and realised.made_here(acc) and dtype_of(acc).is_float:
        for base, other in ((product.a, product.b), (product.b, product.a)):
            spread = other.owner
            if not isinstance(spread, ops.Broadcast) or shape(spread.x) != (shape(acc)[0], 1):
                continue
            if realised.made_here(other) and not realised.made_here(base):
                return Start(base=base, factor=spread.x)
    return Start()


def constant(value: Value) -> object:
    """The number that every element of a tile is known to have."""
    op = value.owner
    if isinstance(op, ops.Splat | ops.Broadcast | ops.Reshape):
        return constant(op.x)
    return op.value if isinstance(op, ops.Constant) else None


def dtype_of(value: Value) -> DType:
    assert isinstance(value.type, Tile)
    return value.type.dtype
