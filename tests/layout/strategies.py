"""Layouts that hypothesis draws: every kind of digit, in every order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tests.layout.reference import dense
from tilevm.layout import Layout, Mode, Xor


@st.composite
def register_layouts(draw: st.DrawFn, rank: int | None = None, blocks: bool = False) -> Layout:
    """Layouts on thread and reg, of at most four digits; units, replicas and blocks among them."""
    dims = draw(st.integers(0, 3)) if rank is None else rank
    axes = ["thread", "reg", "block"] if blocks else ["thread", "reg"]
    homes = [(dim, axis) for dim in range(dims) for axis in axes]
    homes += [(dims, axis) for axis in axes if axis != "reg"]
    placed = draw(st.lists(st.sampled_from(homes), max_size=4))
    digits = [(draw(st.integers(1, 4)), *home) for home in placed]
    return dense(dims, digits, tuple(draw(st.permutations(range(len(digits))))))


@st.composite
def memory_layouts(draw: st.DrawFn, rank: int | None = None) -> Layout:
    """Layouts on mem with any strides, aliasing and gaps among them."""
    dims = draw(st.integers(0, 3)) if rank is None else rank
    mode = st.builds(Mode, st.integers(1, 4), st.just("mem"), st.integers(0, 9))
    return Layout(tuple(tuple(draw(st.lists(mode, max_size=2))) for _ in range(dims)))


@st.composite
def xors(draw: st.DrawFn, bits: int = 6) -> Xor:
    """Swizzles of the lowest ``bits`` bits: any targets, any sources above them."""
    rows = []
    for target in draw(st.lists(st.integers(0, bits - 2), max_size=3, unique=True)):
        sources = draw(st.integers(0, (1 << (bits - 1 - target)) - 1))
        rows.append((target, sources << (target + 1)))
    return Xor(tuple(rows))


@st.composite
def swizzled_layouts(draw: st.DrawFn, rank: int | None = None) -> Layout:
    """Memory layouts under a swizzle: half of them linear over GF(2), as real ones are, the rest of any strides."""
    if draw(st.booleans()):
        return replace(draw(memory_layouts(rank)), xor=draw(xors()))
    dims = draw(st.integers(0, 3)) if rank is None else rank
    order = draw(st.permutations(range(draw(st.integers(0, 5)))))
    runs: list[list[Mode]] = [[] for _ in range(dims)]
    for bit in order if dims else ():
        runs[draw(st.integers(0, dims - 1))].append(Mode(2, "mem", 1 << bit))
    return Layout(tuple(map(tuple, runs)), xor=draw(xors()))


def layouts(rank: int | None = None) -> st.SearchStrategy[Layout]:
    return st.one_of(register_layouts(rank, blocks=True), memory_layouts(rank))
