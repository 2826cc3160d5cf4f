"""Compositions against enumeration: pointwise where there is one, refused exactly where there is none."""

from collections.abc import Callable, Sequence
from itertools import product

import pytest
from hypothesis import assume, given, settings, strategies as st

from tests.layout.reference import Index, table
from tests.layout.strategies import memory_layouts, register_layouts
from tilevm.layout import (
    Layout,
    LayoutError,
    column_major,
    composition,
    local,
    replicate,
    row_major,
    spatial,
    strided,
)
from tilevm.layout.cute.composition import proved, solved
from tilevm.layout.cute.line import first_break, lines
from tilevm.layout.cute.outcome import RefutedError, UndecidedError
from tilevm.layout.cute.runs import run_of
from tilevm.layout.mode import merge

Values = dict[Index, int]


def endless(layout: Layout) -> Callable[[int], int]:
    """The offset of the element that a number counts; the last mode, units aside, has no end."""
    modes: list[tuple[int, int]] = []
    for mode in (mode for dim in layout.dims for mode in dim if mode.extent > 1):
        if modes and mode.stride == modes[-1][0] * modes[-1][1]:
            modes[-1] = (modes[-1][0] * mode.extent, modes[-1][1])
        else:
            modes.append((mode.extent, mode.stride))

    def offset(number: int) -> int:
        total = 0
        for extent, stride in modes[:-1]:
            total += number % extent * stride
            number //= extent
        return total + number * (modes[-1][1] if modes else 0)

    return offset


def pointwise(outer: Layout, inner: Layout) -> Values:
    """The composition by its definition."""
    offset = endless(outer)
    return {index: offset(inner(index)) for index in product(*map(range, inner.shape))}


def is_layout(values: Values, shape: Sequence[int]) -> bool:
    """Whether some modes give these values: every way to factor each dim is tried."""
    dims = []
    for place, extent in enumerate(shape):
        dims.append([values[tuple(i if dim == place else 0 for dim in range(len(shape)))] for i in range(extent)])
    sums = all(value == sum(dim[i] for dim, i in zip(dims, index, strict=True)) for index, value in values.items())
    return sums and all(is_run(dim, 1) for dim in dims)


def is_run(values: list[int], weight: int) -> bool:
    """Whether some modes from ``weight`` on continue those below it."""
    if weight == len(values):
        return True
    factors = [n for n in range(2, len(values) // weight + 1) if len(values) // weight % n == 0]
    for extent in factors if len(values) % weight == 0 else ():
        steps = product(range(extent), range(weight))
        if all(values[weight * k + r] == k * values[weight] + values[r] for k, r in steps):
            if is_run(values, weight * extent):
                return True
    return False


@given(memory_layouts(), memory_layouts())
@settings(max_examples=300)
def test_a_composition_is_pointwise_or_there_is_none(outer: Layout, inner: Layout) -> None:
    expected = pointwise(outer, inner)
    try:
        found = composition(outer, inner)
    except LayoutError:
        assert not is_layout(expected, inner.shape)
        return
    assert found.shape == inner.shape and {index: found(index) for index in expected} == expected


@given(memory_layouts(), memory_layouts())
@settings(max_examples=300)
def test_the_proof_agrees_with_enumeration(outer: Layout, inner: Layout) -> None:
    """What is done for layouts too large to look at each element, on small ones."""
    expected = is_layout(pointwise(outer, inner), inner.shape)
    try:
        proved(lines(run_of(outer)), tuple(merge(modes) for modes in inner.dims))
    except UndecidedError:
        return
    except RefutedError:
        assert not expected
    else:
        assert expected


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (strided((54, 2), (0, 1)), strided(((2, 3),), ((29, 28),))),  # (3, 2):(0, 1): modes of one slope hide its end
        (strided((4, 9, 5), (7, 1, 0)), strided(((6, 6),), ((1, 42),))),
    ],
)
def test_where_only_enumeration_decides(outer: Layout, inner: Layout) -> None:
    with pytest.raises(UndecidedError):
        proved(lines(run_of(outer)), tuple(merge(modes) for modes in inner.dims))
    assert {index: composition(outer, inner)(index) for index in table(inner)} == pointwise(outer, inner)


@given(memory_layouts(), st.integers(1, 40), st.integers(0, 40))
def test_lines_bend_where_the_first_slope_ends(outer: Layout, extent: int, step: int) -> None:
    offset = endless(outer)
    bent = [m for m in range(1, extent) if offset(m * step) != m * offset(step)]
    assert first_break(lines(run_of(outer)), (extent, step)) == min(bent, default=extent)


@given(memory_layouts(), memory_layouts(), memory_layouts())
def test_composition_is_associative(a: Layout, b: Layout, c: Layout) -> None:
    try:
        left, right = composition(composition(a, b), c), composition(a, composition(b, c))
    except LayoutError:
        return
    inside = all(b.size > number for number in (c(i) for i in range(c.size)))
    assert left == right or not inside  # beyond its end, b goes on after its own last mode, a∘b after another


@given(register_layouts(), memory_layouts())
def test_registers_follow_an_index_layout(outer: Layout, inner: Layout) -> None:
    assume(outer.axes)  # one that moves nowhere lies on mem as well, and has no end there
    order = [index[::-1] for index in product(*(range(n) for n in reversed(outer.shape)))]
    try:
        found = composition(outer, inner)
    except LayoutError:
        return
    held = table(outer)
    assert table(found) == {index: held[order[inner(index)]] for index in table(inner)}


@given(register_layouts(), st.data())
def test_dims_of_a_register_layout_can_be_transposed(layout: Layout, data: st.DataObject) -> None:
    dims = data.draw(st.permutations(range(layout.rank)))
    inner = column_major(*layout.shape).permute(dims)
    assert composition(layout, inner) == layout.permute(dims)


def test_known_compositions() -> None:
    assert composition(row_major(4, 8), row_major(4, 8)) == strided((4, (4, 2)), ((2, (8, 1))))
    fragment = spatial(8, 4) * local(1, 2)
    assert composition(fragment, column_major(8, 8)) == fragment
    assert composition(replicate(2) * local(4), row_major(2, 2)) == replicate(2) * local(2, 2)
    assert composition(row_major(8), spatial(4)) == strided(4, 1)
    # steps of 3 carry over both ends at once, and the two carries cancel: CuTe refuses it
    assert composition(strided((2, 3, 10), (1, 3, 8)), strided(20, 3)) == strided(20, 4)
    assert composition(strided((2, 3, 10), (1, 3, 8)), strided(2**40, 3)) == strided(2**40, 4)
    # the dim of the inner layout is one mode only after the outer one: the 36s go around
    assert composition(strided((4, 9, 5), (7, 1, 0)), strided(((6, 6),), ((1, 42),))) == strided(((4, 9),), ((7, 1),))


def test_huge_compositions() -> None:
    huge = 2**70
    assert composition(strided((2**40, 7), (7, 1)), strided((3**20, 5**9), (3, 1))) == strided((3**20, 5**9), (21, 7))
    assert composition(strided((huge, huge), (huge, 1)), strided(huge, huge // 2)) == strided(
        ((2, huge // 2),), ((huge * huge // 2, 1),)
    )
    with pytest.raises(LayoutError, match="do not divide each other"):
        composition(strided((huge, huge), (huge, 1)), strided(huge, 3))
    with pytest.raises(LayoutError, match="do not divide each other"):
        composition(strided((2**40, 7), (7, 1)), strided((3**30, 5**9), (3, 1)))


def test_huge_compositions_where_a_cut_does_not_divide() -> None:
    """The first values of a dim refute it, though its mode of 2**70 might go on in the next one."""
    with pytest.raises(RefutedError) as caught:
        solved(lines(run_of(strided((7, 3**15), (0, 6)))), strided(((2**70, 3, 2),), ((3, 5, 1),)).dims)
    offset = endless(strided((7, 3**15), (0, 6)))
    assert caught.value.index < (256,) and (offset(3 * caught.value.index[0]),) != caught.value.due
    with pytest.raises(LayoutError, match=r"do not divide each other: index \(84,\)"):
        composition(strided((7, 3**15), (0, 6)), strided(((2**70, 3, 2),), ((3, 5, 1),)))


def test_what_stays_undecided() -> None:
    """A limit: it is no layout, as index 12345 would tell, but no bounded search here looks there."""
    inner = strided(((2**70, 2**20), (12345, 2)), ((12, 6), (6, 5)))
    with pytest.raises(LayoutError, match="undecided, for a mode begins at index 2, within 12345:6@mem"):
        composition(strided((4, 12345), (6, 0)), inner)


@pytest.mark.parametrize(
    ("compose", "message"),
    [
        (
            lambda: composition(strided((4, 6, 8), (2, 3, 5)), strided(6, 3)),
            "composition: no layout, for 4:2@mem of the outer and 6:3@mem of the inner layout do not divide each "
            r"other: index \(4,\) comes to 9@mem, where the steps before it lead to 14@mem",
        ),
        (lambda: composition(row_major(4, 6), row_major(5, 3)), r"for 4:6@mem of the outer and 5:3@mem of the inner"),
        (lambda: composition(local(4), row_major(5)), r"index \(4,\) gives 4, but the outer layout has 4 elements"),
        (lambda: composition(local(4), strided(4, 0)), "reg must be filled"),
        (lambda: composition(local(2) * spatial(3), strided(2, 4)), "moves 1@thread and 1@reg at once"),
        (lambda: composition(row_major(4), spatial(2) * local(2)), "moves on reg and thread, where one axis is due"),
        (lambda: composition(row_major(4), replicate(2) * spatial(2)), "has replicas"),
    ],
)
def test_refusals(compose: Callable[[], Layout], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        compose()


def test_refusals_are_true() -> None:
    """The index in a message is a counterexample: the map there differs from the sum of its steps."""
    outer, inner = strided((4, 6), (1, 7)), strided((3, 5), (2, 1))
    with pytest.raises(RefutedError) as caught:
        proved(lines(run_of(outer)), inner.dims)
    offset = endless(outer)
    assert (offset(inner(caught.value.index)),) != caught.value.due
