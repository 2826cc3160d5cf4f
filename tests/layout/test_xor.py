"""Swizzles: the maps themselves, and layouts whose offsets they flip."""

import pytest
from hypothesis import given, strategies as st

from tests.layout.reference import frozen, kronecker, table
from tests.layout.strategies import layouts, memory_layouts, swizzled_layouts, xors
from tilevm.layout import (
    Layout,
    LayoutError,
    Mode,
    Swizzle,
    Xor,
    complement,
    composition,
    left_inverse,
    local,
    right_inverse,
    row_major,
    strided,
)
from tilevm.layout.normal import is_linear

OFFSETS = st.integers(0, 1 << 12)


@pytest.mark.parametrize("parameters", [(3, 4, 3), (2, 4, 3), (1, 4, 3), (3, 3, 3), (3, 1, 3), (2, 0, 5), (0, 2, 0)])
def test_swizzle_as_cute_defines_it(parameters: tuple[int, int, int]) -> None:
    bits, base, shift = parameters
    mask = ((1 << bits) - 1) << (base + shift)
    swizzle = Swizzle(*parameters)
    assert [swizzle(x) for x in range(4096)] == [x ^ ((x & mask) >> shift) for x in range(4096)]
    assert swizzle.swizzle() == (parameters if bits else None)


def test_the_swizzle_of_bytes_that_the_tensor_memory_accelerator_knows() -> None:
    """CUDA driver API, CU_TENSOR_MAP_SWIZZLE_128B: the chunk of 16 bytes ^ the row of 128 bytes, rows counted by 8."""
    assert [Swizzle(3, 4, 3)(x) for x in (0, 128, 1023, 896)] == [0, 144, 911, 1008]


@given(xors(), xors(), OFFSETS)
def test_maps_compose_and_invert(first: Xor, second: Xor, offset: int) -> None:
    assert first.then(second)(offset) == second(first(offset))
    assert first.inverse()(first(offset)) == offset
    assert first.then(first.inverse()) == Xor() == first.inverse().then(first)


@given(xors(), st.integers(0, 5), OFFSETS)
def test_another_unit(xor: Xor, bits: int, offset: int) -> None:
    finer = xor.shifted(bits)
    assert finer((offset << bits) + 1 % (1 << bits)) == (xor(offset) << bits) + 1 % (1 << bits)
    assert finer.shifted(-bits) == xor


def test_a_unit_that_would_be_torn() -> None:
    with pytest.raises(LayoutError, match="xor 2\\^5 flips bit 2, inside elements of 8 offsets"):
        Swizzle(1, 2, 3).shifted(-3)


@given(xors(), OFFSETS)
def test_what_a_swizzle_keeps(xor: Xor, offset: int) -> None:
    assert xor(offset + xor.period) == xor(offset) + xor.period
    assert xor(offset).bit_length() == offset.bit_length()
    whole = offset >> xor.lowest << xor.lowest
    assert xor(whole + 2**xor.lowest - 1) == xor(whole) + 2**xor.lowest - 1


@given(swizzled_layouts())
def test_the_map_is_its_definition(layout: Layout) -> None:
    found = table(layout)
    for index, held in found.items():
        assert layout(index) == dict(next(iter(held))).get("mem", 0)
    assert layout.cosize_of("mem") == 1 + max(layout(index) for index in found)


@given(swizzled_layouts())
def test_canonical_form_and_text(layout: Layout) -> None:
    canonical = layout.canonical()
    assert table(canonical) == table(layout)
    assert canonical == layout and hash(canonical) == hash(layout)
    assert canonical.cosize_of("mem") == layout.cosize_of("mem")
    again = Layout.parse(str(layout))
    assert again == layout and str(again) == str(layout) and repr(again) == repr(layout)


@given(st.one_of(swizzled_layouts(1), memory_layouts(1)), st.one_of(swizzled_layouts(1), memory_layouts(1)))
def test_equal_maps_are_equal_objects(a: Layout, b: Layout) -> None:
    assert (a == b) == (table(a) == table(b))


def every_small() -> list[Layout]:
    """All layouts of 4 elements on two dims and of 8 on one, under all swizzles of three bits."""
    every = [Xor(((0, a << 1), (1, b << 2))) for a in range(4) for b in range(2)]
    strides = range(5)
    planes = [((Mode(2, "mem", s),), (Mode(2, "mem", t),)) for s in strides for t in strides]
    lines = [(tuple(Mode(2, "mem", s) for s in (s, t, u)),) for s in strides for t in strides for u in strides]
    odd = [((Mode(3, "mem", s), Mode(2, "mem", t)),) for s in strides for t in strides]
    return [Layout(dims, xor=xor) for dims in (*planes, *lines, *odd) for xor in every]


def test_canonical_forms_are_unique() -> None:
    pairs = {(frozen(table(layout)), layout) for layout in every_small()}
    assert len(pairs) == len({key for key, _ in pairs}) == len({layout for _, layout in pairs})


def test_linear_layouts_that_are_equal_read_alike() -> None:
    texts: dict[Layout, set[str]] = {}
    for layout in every_small():
        if is_linear(layout.dims):
            texts.setdefault(layout, set()).add(str(layout))
    assert all(len(found) == 1 for found in texts.values())


def test_swizzles_that_change_nothing_are_dropped() -> None:
    assert row_major(2, 4).swizzle(Swizzle(1, 0, 3)) == row_major(2, 4)  # no offset reaches bit 3
    assert strided(2, 4).swizzle(Swizzle(1, 0, 2)) == strided(2, 5)  # the offsets 0 and 5
    assert strided(3, 4).swizzle(Swizzle(2, 0, 2)) == strided(3, 5)  # 0, 5, 10: no power of two, the same by counting


@given(swizzled_layouts(1), swizzled_layouts(1))
def test_products(outer: Layout, inner: Layout) -> None:
    """Where a product exists it is what the definition says, and the quotients undo it."""
    try:
        both = outer * inner
    except LayoutError:
        return
    assert table(both) == kronecker(table(outer), table(inner))
    if is_linear(outer.dims) and is_linear(inner.dims):
        assert (both / inner) * inner == both
        assert outer * both.left_divide(outer) == both


def test_products_of_swizzled_tiles() -> None:
    atom = row_major(8, 64).swizzle(Swizzle(3, 3, 3))
    tiles = row_major(2, 3) * atom
    assert str(tiles) == "(8,2):(64@mem,1536@mem) (64,3):(1@mem,512@mem) xor 3^6 4^7 5^8"
    assert tiles / atom == row_major(2, 3) and tiles.left_divide(row_major(2, 3)) == atom
    assert (atom * row_major(1, 2)).xor == Swizzle(3, 4, 3)  # the same bytes, halves as elements


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: row_major(2, 1) * row_major(6, 48).swizzle(Swizzle(3, 3, 3)), "repeats every 512: pad it"),
        (lambda: row_major(8, 8).swizzle(Swizzle(1, 0, 3)) * strided(3, 1), "cannot count steps of 3 offsets"),
        (lambda: local(4).swizzle(Swizzle(1, 0, 1)), "has no mode on mem"),
        (lambda: Swizzle(3, 4, -3), "the shift must be 1 or more"),
        (lambda: Swizzle(-1, 4, 3), "must not be negative"),
        (lambda: Swizzle(1, 4000, 300), "reaches beyond bit 4096"),
        (lambda: Swizzle(1, 1 << 20, 3), "takes three ints of at most 4096, not 1048576"),
        (lambda: Xor(((3, 1 << 2),)), "xor 3\\^2: a source bit must be above its target"),
        (lambda: Xor(((3, 1 << 4), (3, 1 << 5))), "names target bit 3 twice"),
        (lambda: Layout.parse("8:1@mem xor 2^1"), "character 13: xor 2\\^1: a source bit must be above"),
        (lambda: Layout.parse("8:1@mem xor 0^1^1"), "character 13: a source bit stands twice"),
        (lambda: Layout.parse("8:1@mem xor"), "unexpected end"),
        (lambda: Layout.parse("Sw<3,3> o 8:1"), "character 7: unexpected '>'"),
        (lambda: Layout.parse("8:1@mem xor 0^99999"), "bits must be in 0 … 4095"),
    ],
)
def test_refusals(build: object, message: str) -> None:
    assert callable(build)
    with pytest.raises(LayoutError, match=message):
        build()


@given(layouts())
def test_a_swizzle_is_seen_only_where_offsets_are(layout: Layout) -> None:
    held = Layout(layout.dims, layout.replicas, Swizzle(2, 0, 2))
    assert (held == layout) == (table(held) == table(layout))


@given(swizzled_layouts(2), st.integers(0, 3), st.integers(0, 3))
def test_slices_of_swizzled_memory(layout: Layout, dim: int, entry: int) -> None:
    """Exact where the offset is a multiple of the period, refused elsewhere."""
    index = tuple(entry % layout.shape[0] if dim % 2 == 0 and k == 0 else None for k in range(2))
    try:
        part, offsets = layout.slice(index)
    except LayoutError:
        assert layout.xor
        return
    for rest in table(part):
        whole = (
            tuple(next(iter(rest[k:])) if index[k] is None else index[k] for k in range(2))
            if len(rest) == 2
            else (
                index[0],
                rest[0],
            )
        )
        assert layout(whole) == part(rest) + offsets.get("mem", 0)


@given(swizzled_layouts(2), memory_layouts(1))
def test_compositions_keep_the_swizzle(outer: Layout, inner: Layout) -> None:
    try:
        both = composition(outer, inner)
    except LayoutError:
        return
    plain = Layout(outer.dims)
    for index in table(inner):
        assert both(index) == outer.xor(composition(plain, inner)(index))


@given(swizzled_layouts(2))
def test_notation_reads_back(layout: Layout) -> None:
    try:
        text = layout.cute()
    except LayoutError:
        assert layout.canonical().xor.swizzle() is None
        return
    assert Layout.parse(text) == layout


def test_what_has_no_swizzled_answer() -> None:
    swizzled = row_major(8, 64).swizzle(Swizzle(3, 3, 3))
    for function in (complement, left_inverse, right_inverse):
        with pytest.raises(LayoutError, match="is swizzled: take it of the layout without"):
            function(swizzled)
    with pytest.raises(LayoutError, match="only multiples of 512 can"):
        swizzled.slice((1, None))
    stages = row_major(3, 1, 1) * swizzled.unsqueeze(0)
    assert stages.slice((2, None, None)) == (swizzled, {"mem": 1024})
    assert swizzled.cute() == "Sw<3,3,3> o 0 o (8,64):(64,1)"


def test_cute_notation() -> None:
    swizzled = row_major(8, 64).swizzle(Swizzle(3, 3, 3))
    assert Layout.parse("Sw<3,3,3> o 0 o (8,64):(64,1)") == swizzled == Layout.parse("Sw<3,3,3> o (8,64):(64,1)")
