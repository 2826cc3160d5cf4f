"""What str prints, parse reads; and what it refuses, with the place."""

import pytest
from hypothesis import given, strategies as st

from tests.layout.reference import table
from tests.layout.strategies import layouts, swizzled_layouts
from tilevm.layout import Layout, LayoutError, column_local, local, replicate, spatial, strided
from tilevm.layout.text import parser, printed


@given(layouts())
def test_round_trip(layout: Layout) -> None:
    again = Layout.parse(str(layout))
    assert again == layout and table(again) == table(layout)
    assert str(again) == str(layout)


@given(st.one_of(layouts(), swizzled_layouts()))
def test_what_is_printed_is_read_as_the_grammar_reads_it(layout: Layout) -> None:
    found = printed(str(layout))
    assert (found is None) == (str(layout) == "():()")  # that one is left to the grammar
    assert found is None or Layout(*found) == layout
    assert Layout(*parser().parse(str(layout))) == layout


@given(st.text(alphabet="():,@^01٣28 repthadmgxo", max_size=24))
def test_reading_fast_never_reads_otherwise(source: str) -> None:
    found = printed(source)
    if found is not None:
        assert Layout(*found) == Layout(*parser().parse(source))


@given(st.text(alphabet="():,@0128 repthadmg", max_size=20))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        layout = Layout.parse(source)
    except LayoutError:
        return
    assert Layout.parse(str(layout)) == layout


@pytest.mark.parametrize(
    ("source", "layout"),
    [
        (
            "(8,2):(4@thread,2@reg) (2,4,2):(1@reg,1@thread,4@reg)",
            column_local(2, 2) * spatial(8, 4) * local(1, 2),
        ),
        ("(8,2):(4@thread,1@reg) rep 4:1@thread", (local(2, 1) * spatial(8, 4) * local(1, 2)).reduce(1)),
        ("rep (2,4):(1@thread,2@thread)", replicate(8)),
        (" 8:1@reg\n\t2:8@reg ", column_local(8, 2)),
        ("(2,(2,2)):(1@mem,(2@mem,4@mem))", strided(8, 1)),
        ("1:0 4:1@thread", spatial(1, 4)),
        ("1:0", local(1)),
        ("():()", Layout()),
        ("():() rep 4:1@thread", replicate(4)),
        # without an axis, CuTe's notation: one dim an item
        ("8:1", strided(8, 1)),
        ("(8,4):(4,1)", strided((8, 4), (4, 1))),
        ("((2,2),8):((1,4),16)", strided(((2, 2), 8), ((1, 4), 16))),
        ("((2,(2,2)),8):((1,(4,8)),16)", strided(((2, 2, 2), 8), ((1, 4, 8), 16))),
    ],
)
def test_known_texts(source: str, layout: Layout) -> None:
    assert Layout.parse(source) == layout


def test_nesting_is_read() -> None:
    assert Layout.parse("((2,2),8):((1,2),16)")(((1, 1), 3)) == 51


def test_repr_reads_back() -> None:
    layout = replicate(2) * spatial(4)
    assert repr(layout) == "Layout.parse('4:1@thread rep 2:4@thread')"
    assert eval(repr(layout)) == layout


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "character 1: unexpected end"),
        ("8", "character 2: unexpected end after '8'"),
        ("8:1@reg)", r"character 8: unexpected '\)' after '8:1@reg'"),
        ("(8:1", "character 3: unexpected ':' after"),
        ("8:é", "character 3: unexpected 'é' after '8:'"),
        ("8:1@reg rep", "character 12: unexpected end"),
        ("8:1@reg rep 2:8@thread 3:1@reg", "character 24: unexpected '3'"),
        ("(8,2):(1@reg)", "character 6: the extents and strides beside it differ in form"),
        ("8:1@reg ((2,2),2):(8@reg,(16@reg,32@reg))", "character 18: the extents and strides beside it differ"),
        ("8:1 2:8", "character 3: stride 1 needs an axis, as in 1@mem"),
        ("8:1@reg rep 2:1", "character 15: stride 1 needs an axis"),
        ("8:1@lane", "character 1: 'lane' is not an axis"),
        ("2:1@reg 0:1@reg", "character 9: 0:1@reg: the extent must be at least 1"),
        ("8:3@reg", "8:3@reg should have stride 1"),
        ("(" * 50_000, "character 50001: unexpected end"),
        ("9" * 4000 + ":1", "character 1: a mode on mem has an extent or a stride of 2"),
        ("9" * 5000 + ":1", "character 4301: unexpected '9"),
    ],
)
def test_refusals_name_the_place(source: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        Layout.parse(source)


def test_only_text_is_read() -> None:
    with pytest.raises(TypeError, match="the text of a layout is a str, not bytes"):
        Layout.parse(b"8:1")  # type: ignore[arg-type]


def test_deep_brackets_do_not_exhaust_the_stack() -> None:
    depth = 5000
    source = f"{'(' * depth}8{')' * depth}:{'(' * depth}1{')' * depth}"
    assert Layout.parse(source) == strided(8, 1)
