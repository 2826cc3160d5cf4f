"""Lowering of scans, folds, running sums and products.

Each line is walked from its first element to its last. Where lines are fewer than threads and may be grouped, several
lanes walk along one, each its own part: they combine their parts, hand on what those before them came to, and go on
from there. How is a matter of shape and layout, so that runs do not differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tilevm.ir import Block, Value, ops
from tilevm.passes.threads import shared
from tilevm.passes.threads.lines import Cut, Lines, Step
from tilevm.passes.threads.lowering import Lowering, dtype_of, lower
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import DType, Tile, f32

EXACT = (ops.Add, ops.Mul, ops.And, ops.Or, ops.Xor, ops.Minimum, ops.Maximum)  # of integers alike in any grouping


@lower.rule(ops.Scan)
def _(op: ops.Scan, low: Lowering) -> Sequence[Value]:
    lines = of_tile(low, op.xs[0], op.axis, op.reverse, op.results, free(op))
    return scanned(low, lines, op.xs, lambda a, b: combined(low, op.combine, [*a, *b]), op.results)


@lower.rule(ops.Fold)
def _(op: ops.Fold, low: Lowering) -> Sequence[Value]:
    lines = of_tile(low, op.xs[0], op.axis, False, op.results, free(op))
    return folded(low, lines, op.xs, lambda a, b: combined(low, op.combine, [*a, *b]), op.results)


@lower.rule(ops.Cumulative)
def _(op: ops.Cumulative, low: Lowering) -> Sequence[Value]:
    kind = ops.Add if isinstance(op, ops.CumSum) else ops.Mul
    dtype = dtype_of(op.x)
    wide = f32 if dtype.is_float and dtype.bits < 32 else dtype
    lines = of_tile(low, op.x, op.axis, op.reverse, op.results, True)
    return scanned(low, lines, (op.x,), lambda a, b: [low.both(kind, a[0], b[0])], op.results, (wide,))


def free(op: ops.Combining) -> bool:
    """Whether a line may be grouped at will: it is combined by one instruction on integers that is exact."""
    made = [inner for inner in op.combine.ops if not inner.terminator]
    exact = len(made) == 1 and isinstance(made[0], EXACT) and dtype_of(made[0].result).is_integer
    return exact and set(made[0].operands) == set(op.combine.params) and op.combine.end.operands == made[0].results


def combined(low: Lowering, block: Block, given: list[Value]) -> list[Value]:
    """A combining block, which is of numbers, on register arrays; numbers from outside it too."""
    count = given[0].type.size  # type: ignore[union-attr]
    now = dict(zip(block.params, given, strict=True))

    def held(value: Value) -> Value:
        return now[value] if value in now else low.splat(low[value], count)

    for op in block.ops[:-1]:
        made = low.builder.append(op.with_parts([held(v) for v in op.operands], ()))
        now[op.result] = low.splat(made.result, count)
    return [held(v) for v in block.end.operands]


def scanned(
    low: Lowering,
    lines: Lines,
    xs: Sequence[Value],
    step: Step,
    results: Sequence[Value],
    wide: Sequence[DType] | None = None,
) -> list[Value]:
    """What stands after each element of every line. A part goes on from where those before it end."""
    regions = [lines.put(x) for x in xs]
    elements = fetching(low, lines, xs, regions, wide)
    first = elements(low.number(0))
    if lines.part is not None:
        ends = lines.across(lines.along(first, lambda acc, i: step(acc, elements(i))), step)
        first = lines.where(ops.Gt, 0, step(lines.back(ends, 1), first), first)
    out = [lines.beside(region) for region in regions]

    def put(values: list[Value], index: Value) -> list[Value]:
        for region, x, value in zip(out, xs, values, strict=True):
            lines.set(region, low.cast(value, dtype_of(x)), lines.place(index), lines.valid)
        return values

    put(first, low.number(0))
    lines.along(first, lambda acc, i: put(step(acc, elements(i)), i))
    return [lines.result(region, result) for region, result in zip(out, results, strict=True)]


def folded(low: Lowering, lines: Lines, xs: Sequence[Value], step: Step, results: Sequence[Value]) -> list[Value]:
    """What stands after the last element of every line, at the place of its first."""
    regions = [lines.put(x) for x in xs]
    elements = fetching(low, lines, xs, regions, None)
    acc = lines.along(elements(low.number(0)), lambda acc, i: step(acc, elements(i)))
    mask = lines.valid
    if lines.part is not None:
        acc = lines.across(acc, step)
        mask = low.both(ops.And, mask, low.splat(low.compare(ops.Eq, lines.part, low.number(lines.cut.parts - 1)), 1))
    for region, value in zip(regions, acc, strict=True):
        lines.set(region, value, lines.begin, mask)
    return [lines.result(region, result) for region, result in zip(regions, results, strict=True)]


def fetching(
    low: Lowering, lines: Lines, xs: Sequence[Value], regions: Sequence[shared.Region], wide: Sequence[DType] | None
) -> Callable[[Value], list[Value]]:
    """What reads an element of each line, as it is combined."""
    kinds = tuple(wide or (dtype_of(x) for x in xs))

    def elements(index: Value) -> list[Value]:
        each = zip(regions, xs, kinds, strict=True)
        return [low.cast(lines.get(region, dtype_of(x), index), kind) for region, x, kind in each]

    return elements


def of_tile(low: Lowering, x: Value, axis: int, reverse: bool, results: Sequence[Value], free: bool) -> Lines:
    """The lines of ``x``. ``free``: they may be walked in parts, of which each goes on from a sum of sums."""
    shape = shape_of(x)
    tiles = [v for v in (x, *results) if isinstance(v.type, Tile)]
    for cut in cuts(low, shape, axis) if free else ():
        if all(shared.speaks(low.places(v), cut.memory_of(v)) for v in tiles):
            return Lines(low, cut, reverse, results)
    return Lines(low, Cut(shape, axis), reverse, results)


def cuts(low: Lowering, shape: tuple[int, ...], axis: int) -> Iterator[Cut]:
    """Ways to cut lines into parts of two elements or more for lanes of one warp, where there are threads for them; the
    most parts first."""
    parts = low.room.lanes
    while parts > 1:
        cut = Cut(shape, axis, parts)
        if shape[axis] % parts == 0 and cut.length > 1 and cut.count * parts <= low.room.threads:
            yield cut
        parts //= 2
