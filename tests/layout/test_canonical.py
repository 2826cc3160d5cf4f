"""Equal maps are equal objects, and no others."""

import pickle
from itertools import product

from hypothesis import given

from tests.layout.reference import dense_layouts, frozen, table
from tests.layout.strategies import layouts
from tilevm.layout import Layout, Mode, local, replicate, row_major, spatial, strided


def assert_unique(found: list[Layout]) -> None:
    """Tables and layouts stand in one-to-one correspondence."""
    pairs = {(frozen(table(layout)), layout) for layout in found}
    assert len(pairs) == len({key for key, _ in pairs}) == len({layout for _, layout in pairs})


def test_register_layouts_are_unique() -> None:
    for rank, extents in product((0, 1, 2), ((), (1,), (2,), (4,), (2, 2), (2, 3), (3, 2), (1, 4), (2, 2, 2))):
        assert_unique(list(dense_layouts(rank, extents)))


def test_unit_dims_count_in_the_shape() -> None:
    assert spatial(1, 4) != spatial(4) != spatial(4, 1)
    assert spatial(1) != Layout() == local() == replicate(1)
    assert spatial(1, 1) == local(1, 1) == row_major(1, 1)


def test_memory_layouts_are_unique() -> None:
    modes = [Mode(extent, "mem", stride) for extent in (1, 2, 3, 4) for stride in range(4)]
    assert_unique([Layout((run,)) for length in (0, 1, 2) for run in product(modes, repeat=length)])
    pairs = [Mode(2, "mem", stride) for stride in range(9)]
    assert_unique([Layout((run,)) for run in product(pairs, repeat=3)])


@given(layouts())
def test_canonical_is_the_same_map_once(layout: Layout) -> None:
    canonical = layout.canonical()
    assert table(canonical) == table(layout)
    assert canonical == layout and hash(canonical) == hash(layout)
    assert canonical.dims == canonical.canonical().dims and str(canonical) == str(layout)


@given(layouts())
def test_layouts_travel(layout: Layout) -> None:
    again = pickle.loads(pickle.dumps(layout))
    assert again == layout and again.dims == layout.dims


def test_neighbours_join_as_in_tilus() -> None:
    given = strided(((8, 4), (4, 2, 2)), ((8, 64), (1, 4, 256)))
    assert given == strided((32, (8, 2)), (8, (1, 256)))
    assert given.canonical().dims[1] == (Mode(8, "mem", 1), Mode(2, "mem", 256))


def test_replicas_merge_axis_by_axis() -> None:
    given = Layout((), tuple(Mode(2, axis, stride) for stride in (2, 1) for axis in ("thread", "block")))
    assert given.canonical().replicas == (Mode(4, "block", 1), Mode(4, "thread", 1))
    assert given == Layout.parse("rep (4,4):(1@thread,1@block)")


def test_a_layout_is_no_other_thing() -> None:
    assert local(2) != "2:1@reg" and local(2) is not None
    assert len({local(4), Layout.parse("(2,2):(1@reg,2@reg)"), spatial(4)}) == 2
