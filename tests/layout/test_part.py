"""Slices and broadcast tiles against enumeration."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, strategies as st

from tests.layout.reference import Index, table
from tests.layout.strategies import layouts, memory_layouts, register_layouts
from tilevm.layout import Layout, LayoutError, column_local, local, replicate, row_major, spatial, strided


def indices(layout: Layout) -> st.SearchStrategy[tuple[int | None, ...]]:
    return st.tuples(*(st.one_of(st.none(), st.integers(0, extent - 1)) for extent in layout.shape))


def filled(index: tuple[int | None, ...], kept: Index) -> Index:
    rest = iter(kept)
    return tuple(next(rest) if entry is None else entry for entry in index)


@given(st.data(), memory_layouts())
def test_slices_of_memory(data: st.DataObject, layout: Layout) -> None:
    index = data.draw(indices(layout))
    found, offsets = layout.slice(index)
    base = offsets.get("mem", 0)
    assert found.rank == index.count(None)
    assert all(layout(filled(index, kept)) == found(kept) + base for kept in table(found))


@given(st.data(), register_layouts())
def test_slices_of_registers(data: st.DataObject, layout: Layout) -> None:
    index = data.draw(indices(layout))
    try:
        found, offsets = layout.slice(index)
    except LayoutError:
        assert not neighbours(layout, index)
        return
    thread = offsets.get("thread", 0)
    slots: dict[int, set[int]] = {}
    for kept in table(found):
        old, new = layout.owners(filled(index, kept)), found.owners(kept)
        assert [owner - thread for owner, _ in old] == [owner for owner, _ in new]
        slots.setdefault(new[0][1], set()).add(old[0][1])
    ordered = [slots[slot] for slot in sorted(slots)]
    assert all(len(olds) == 1 for olds in ordered), "one new slot stands for one old slot"
    firsts = [min(olds) for olds in ordered]
    assert firsts == sorted(firsts) and firsts[0] == offsets.get("reg", 0)
    assert found.registers == len(firsts)


def neighbours(layout: Layout, index: tuple[int | None, ...]) -> bool:
    """Whether the threads that hold the slice are one run, which each start of a fixed digit leaves in step."""
    zero = tuple(None if entry is None else 0 for entry in index)
    kept = [range(n) if entry is None else range(1) for n, entry in zip(layout.shape, zero, strict=True)]
    held = {thread for each in product(*kept) for thread, _ in layout.owners(each)}
    return held == set(range(len(held)))


@given(st.data(), layouts())
def test_expand_holds_the_same_element_everywhere(data: st.DataObject, layout: Layout) -> None:
    shape = tuple(data.draw(st.integers(1, 4)) if extent == 1 else extent for extent in layout.shape)
    registers = all(axis in ("thread", "reg", "block") for axis in layout.axes)
    found = layout.expand(shape)
    assert found.shape == shape
    copies, before = found.size // layout.size, table(layout)
    for index, held in table(found).items():
        old = tuple(0 if extent == 1 else i for i, extent in zip(index, layout.shape, strict=True))
        assert before[old] == ({shrink(place, copies) for place in held} if registers else held)
    assert found.registers == layout.registers * (copies if registers else 1)


def shrink(place: tuple[tuple[str, int], ...], copies: int) -> tuple[tuple[str, int], ...]:
    """A place with the slot that held the element before each slot became ``copies``."""
    parts = [(axis, value // copies if axis == "reg" else value) for axis, value in place]
    return tuple((axis, value) for axis, value in parts if value)


def test_known_slices() -> None:
    assert row_major(4, 8).slice((2, None)) == (row_major(8), {"mem": 16})
    assert column_local(4, 8).slice((2, None)) == (local(8), {"reg": 2})
    assert spatial(4, 8).slice((2, None)) == (spatial(8), {"thread": 16})
    atom = column_local(2, 2) * spatial(8, 4) * local(1, 2)
    assert (spatial(2, 1) * atom).slice((None, None)) == (spatial(2, 1) * atom, {"reg": 0, "thread": 0})
    warps = (spatial(2) * local(2, 1).slice((None, 0))[0]).unsqueeze(1)
    assert warps.slice((None, 0))[0] == spatial(2) * local(2)
    assert strided((4, (2, 3)), (1, (4, 16))).slice((None, (1, 2))) == (strided(4, 1), {"mem": 36})
    assert row_major(2, 3).slice((1, 2)) == (Layout(), {"mem": 5})


def test_known_expansions() -> None:
    rows = (local(2, 1) * spatial(8, 4) * local(1, 2)).reduce(1, keepdims=True)
    assert str(rows) == "(8,2):(4@thread,1@reg) 1:0 rep 4:1@thread"
    assert rows.expand((16, 8)) == Layout.parse("(8,2):(4@thread,8@reg) 8:1@reg rep 4:1@thread")
    assert row_major(4, 1).expand((4, 8)) == strided((4, 8), (1, 0))
    assert spatial(4, 1).expand((4, 8)) == spatial(4, 1) * local(1, 8)
    assert local(1, 1).expand((2, 3)) == local(2, 3)
    assert local(1, 1).expand((2, 3), "mem") == strided((2, 3), (0, 0))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: spatial(4, 8).slice((None, 2)), "with 8:1@thread fixed, 4:8@thread leaves threads that are not"),
        (lambda: (replicate(2) * spatial(4)).slice((1,)), "with 4:1@thread fixed, 2:4@thread leaves threads"),
        (lambda: row_major(4, 8).slice((1,)), "1 entries where 2 are due"),
        (lambda: row_major(4, 8).slice((4, None)), "index 4 is not in 0 … 3"),
        (lambda: row_major(4, 8).slice((None, "x")), "'x' stands in an index"),  # type: ignore[arg-type]
        (lambda: row_major(4, 8).expand((4, 16)), "dim 1 has extent 8, and only unit dims can become 16"),
        (lambda: row_major(4, 1).expand((4,)), r"shape \(4,\) has rank 1, the layout has rank 2"),
        (lambda: row_major(4, 1).expand((4, 0)), "the extent must be at least 1"),
        (lambda: row_major(4, 1).expand((4, 2), "thread"), "copies lie on reg or mem, not on 'thread'"),
    ],
)
def test_refusals(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        ask()
