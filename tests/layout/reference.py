"""Layouts by enumeration: the oracle of these tests. It reads dims and replicas, and calls nothing of the algebra."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from math import prod

from tilevm.layout import Layout, Mode

Index = tuple[int, ...]
Coordinates = tuple[tuple[str, int], ...]  # sorted by axis, zeros left out
Table = dict[Index, frozenset[Coordinates]]


def table(layout: Layout) -> Table:
    """Index → the set of coordinates where the element lies, by the definition."""
    shape = [prod(mode.extent for mode in modes) for modes in layout.dims]
    return {index: frozenset(places(layout, index)) for index in product(*map(range, shape))}


def places(layout: Layout, index: Index) -> Iterator[Coordinates]:
    home: dict[str, int] = {}
    for modes, rest in zip(layout.dims, index, strict=True):
        for mode in modes:
            home[mode.axis] = home.get(mode.axis, 0) + rest % mode.extent * mode.stride
            rest //= mode.extent
    for digits in product(*(range(mode.extent) for mode in layout.replicas)):
        found = dict(home)
        for mode, digit in zip(layout.replicas, digits, strict=True):
            found[mode.axis] = found.get(mode.axis, 0) + digit * mode.stride
        found["mem"] = flipped(layout, found.get("mem", 0))
        yield tuple(sorted((axis, value) for axis, value in found.items() if value))


def flipped(layout: Layout, offset: int) -> int:
    """The swizzle by its definition: each target bit plus the parity of its sources."""
    binary = f"{offset:b}"[::-1].ljust(64, "0")
    return offset ^ sum(
        1 << target
        for target, sources in layout.xor.rows
        if sum(binary[bit] == "1" for bit in range(64) if sources >> bit & 1) % 2
    )


def cosize(found: Table, axis: str) -> int:
    return 1 + max(dict(place).get(axis, 0) for held in found.values() for place in held)


def kronecker(outer: Table, inner: Table) -> Table:
    """The product by its definition, on tables of one rank."""
    axes = {axis for found in (outer, inner) for held in found.values() for place in held for axis, _ in place}
    steps = {axis: cosize(inner, axis) for axis in axes}
    shape = [1 + max(index[dim] for index in inner) for dim in range(len(next(iter(inner))))]
    return {
        tuple(i * n + j for i, j, n in zip(high, low, shape, strict=True)): frozenset(
            tuple(sorted(added(dict(a), dict(b), steps).items())) for a in held for b in holding
        )
        for high, held in outer.items()
        for low, holding in inner.items()
    }


def added(outer: dict[str, int], inner: dict[str, int], steps: dict[str, int]) -> dict[str, int]:
    total = {axis: outer.get(axis, 0) * step + inner.get(axis, 0) for axis, step in steps.items()}
    return {axis: value for axis, value in total.items() if value}


def frozen(found: Table) -> frozenset[tuple[Index, frozenset[Coordinates]]]:
    return frozenset(found.items())


def dense_layouts(rank: int, extents: Index) -> Iterator[Layout]:
    """Every layout on thread and reg whose digits have these extents, in any place and any order of strides."""
    homes = [(dim, axis) for dim in range(rank) for axis in ("thread", "reg")] + [(rank, "thread")]
    for placed in product(homes, repeat=len(extents)):
        for order in permutations(range(len(extents))):
            yield dense(rank, [(extent, *home) for extent, home in zip(extents, placed, strict=True)], order)


def dense(rank: int, digits: list[tuple[int, int, str]], order: Index) -> Layout:
    """``digits`` (extent, dim or ``rank`` for a replica, axis) with strides that fill the axes in ``order``."""
    filled = {"thread": 1, "reg": 1, "block": 1}
    strides = {}
    for digit in order:
        extent, _, axis = digits[digit]
        strides[digit] = filled[axis]
        filled[axis] *= extent
    runs: list[list[Mode]] = [[] for _ in range(rank + 1)]
    for digit, (extent, dim, axis) in enumerate(digits):
        runs[dim].append(Mode(extent, axis, strides[digit]))
    return Layout(tuple(map(tuple, runs[:rank])), tuple(runs[rank]))
