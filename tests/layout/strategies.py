"""Layouts that hypothesis draws: every kind of digit, in every order."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.layout.reference import dense
from tilevm.layout import Layout, Mode


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


def layouts(rank: int | None = None) -> st.SearchStrategy[Layout]:
    return st.one_of(register_layouts(rank, blocks=True), memory_layouts(rank))
