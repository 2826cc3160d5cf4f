"""Expressions on layouts: what they give, and what a mistake is answered."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from tests.layout.strategies import layouts
from tilevm import layout as algebra
from tilevm.layout import (
    Layout,
    LayoutError,
    Swizzle,
    column_local,
    column_major,
    column_spatial,
    local,
    logical_divide,
    replicate,
    row_major,
    spatial,
    strided,
)
from tilevm.report.pictures import read_layout
from tilevm.report.pictures.words import FUNCTIONS, KINDS, METHODS, SPECIAL
from tilevm.source import TileError
from tilevm.target import target

FRAGMENT = Layout.parse("(8,2):(4@thread,2@reg) (2,4,2):(1@reg,1@thread,4@reg)")
READ = {
    "spatial(8, 4) * local(1, 2)": spatial(8, 4) * local(1, 2),
    "  spatial(8, 4)\n * local(1, 2) ": spatial(8, 4) * local(1, 2),
    "spatial(4, 8, order=[1, 0])": spatial(4, 8, order=[1, 0]),
    "column_local(2, 2) * column_spatial(8, 4)": column_local(2, 2) * column_spatial(8, 4),
    "(local(2, 1) * spatial(8, 4) * local(1, 2)) / local(1, 2)": local(2, 1) * spatial(8, 4),
    "(spatial(8, 4) * local(1, 2)).left_divide(spatial(8, 4))": local(1, 2),
    "replicate(4) * spatial(8)": replicate(4) * spatial(8),
    "row_major(8, 64).swizzle(Swizzle(3, 3, 3))": row_major(8, 64).swizzle(Swizzle(3, 3, 3)),
    "column_major(2*4, 3+5-1)": column_major(8, 7),
    "strided(((2, 2), 8), ((1, 4), 16))": strided(((2, 2), 8), ((1, 4), 16)),
    "spatial(8, 4).reduce(-1, keepdims=True)": spatial(8, 4).reduce(-1, keepdims=True),
    "spatial(8, 4).permute((1, 0)).flatten()": spatial(8, 4).permute((1, 0)).flatten(),
    "row_major(8, 8).slice((None, 3))": row_major(8, 8).slice((None, 3))[0],
    "spatial(8, 1).expand((8, 4), axis='reg')": spatial(8, 1).expand((8, 4), axis="reg"),
    "spatial(1, 8).squeeze().unsqueeze(0).reshape((2, 4)).canonical()": spatial(2, 4),
    "logical_divide(row_major(8, 8), (2, 4))": logical_divide(row_major(8, 8), (2, 4)),
    '"8:1@reg" * spatial(4)': local(8) * spatial(4),
    "8:4@thread 4:1@thread": spatial(8, 4),
    "'(8,4):(1,8)'": column_major(8, 4),
    "Sw<3,3,3> o (8,64):(64,1)": row_major(8, 64).swizzle(Swizzle(3, 3, 3)),
    "():()": Layout(),
    "sm_80:m16n8k16.f16:a": FRAGMENT,
    " sm_80 : 16x8x16 . bf16 : a ": FRAGMENT,
    "'sm_80:m16n8k16.f16:a' / local(1, 2)": FRAGMENT / local(1, 2),
    "gfx942:v_mfma_f32_16x16x16_f16:d": next(
        atom.c for atom in target("gfx942").mma_atoms if atom.name == "v_mfma_f32_16x16x16_f16"
    ),
}
REFUSED = {
    "spatal(8, 4)": ("column 1: no constructor of layouts is called 'spatal'", "did you mean 'spatial'?"),
    "spatial(8, 4).premute((1, 0))": ("column 1: no method of layouts is called 'premute'", "did you mean 'permute'?"),
    "spatial(8) * loca": ("column 14: nothing here is called 'loca'", "did you mean 'local'?"),
    "spatial * 2": ("column 1: spatial has to be called", "write spatial(…)"),
    "spatial(8).shape": ("column 1: 'shape' is not called", "there are permute, reshape"),
    "spatial(8).squeeze": ("column 1: 'squeeze' is not called", "write .squeeze(…)"),
    "spatial(8, 4) * 3": ("column 1: a layout and a number do not go together", "join two layouts"),
    "spatial(8) + spatial(8)": ("column 1: this operator does not join a layout and a layout", "* and /"),
    "spatial(8, 4) / local(3, 1)": ("column 1: ", None),
    "spatial(8).reshape(8)": ("column 1: reshape: shape must be a tuple of whole numbers", None),
    "spatial(8).swizzle(3)": ("column 1: swizzle: xor must be a swizzle, such as Swizzle(3, 3, 3)", None),
    "spatial(8).reshape()": ("column 1: reshape: missing a required argument: 'shape'", None),
    "spatial('mem')": ("column 1: spatial: shape must be a tuple of whole numbers", None),
    "spatial(*(8, 4))": ("column 1: arguments are written out, without stars", None),
    "local(2.5)": ("column 7: float stands where whole numbers and layouts are due", None),
    "local(1 if 2 else 3)": ("column 7: layouts are not written so", "calls, * and / make them"),
    "local(2) @ local(2)": ("column 1: this operator does not join", None),
    "[x for x in (1, 2)]": ("column 1: layouts are not written so", None),
    "__import__('os')": ("column 1: no constructor of layouts is called '__import__'", None),
    "spatial(8).__class__.__mro__": ("column 1: '__mro__' is not called", None),
    "spatial(8, 4": ("column 8: this is no expression: '(' was never closed", None),
    "": ("column 1: this is no expression", None),
    "3 * 4": ("column 1: this is a number, and not a layout", "write one, such as spatial"),
    "Swizzle(3, 3, 3)": ("column 1: this is a swizzle, and not a layout", None),
    "local(2**3)": ("column 7: this operator does not join a number and a number", None),
    "local(99999999999 * 99999999999)": ("column 7: a number beyond 2**64", None),
    "spatial(8) * 'é' * loca(2)": ("column 14: layout text, character 1: unexpected 'é'", None),
    "'8:1@reg' * 'rep 2:1@thread' * loca(2)": ("column 32: no constructor", "'local'"),
    "sm_81:m16n8k16.f16:a": ("no machine is called 'sm_81'", "did you mean"),
    "sm_80:m16n8k16.f17:a": ("no matrix instruction of sm_80 has the word 'f17'", "did you mean 'f16'?"),
    "sm_80:m16n8k16.f64:a": ("no matrix instruction of sm_80 has all of m16n8k16, f64", "tilevm targets sm_80"),
    "sm_80:f16:a": ("4 instructions of sm_80 have these words, and hold a in different ways", "m16n8k8"),
    "sm_80:m16n8k16:x": ("a matrix instruction has no operand 'x'", "did you mean 'a'"),
    "sm_80:m16n8k16": ("'sm_80:m16n8k16' names no operand", "sm_80:m16n8k16.f16:a"),
    "sm_90a:wgmma.m64n64k16.f16.f32:b": ("holds no b in registers", None),
    "-" * 101 + "1": ("column 101: the expression is nested deeper than 100 levels", None),
    "(" * 5000: ("this is no expression", None),
    "x" * 20000: ("an expression of 20000 characters", "at most 10000 are read"),
}


@pytest.mark.parametrize("text", READ)
def test_read(text: str) -> None:
    assert read_layout(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_refused(text: str) -> None:
    message, help = REFUSED[text]
    with pytest.raises(TileError) as caught:
        read_layout(text)
    assert message in caught.value.message
    assert help is None or help in (caught.value.help or "")


def test_the_place_is_marked() -> None:
    with pytest.raises(TileError) as caught:
        read_layout(' spatial(8) * "é:1" * loca(2)'.replace("é:1", "2:1@reg"))
    expected = (
        "error: column 25: no constructor of layouts is called 'loca'\n"
        '  |  spatial(8) * "2:1@reg" * loca(2)\n'
        "  |                           ^^^^\n"
        "help: did you mean 'local'?"
    )
    assert str(caught.value) == expected.replace("column 25", "column 27")


def test_layout_text_keeps_its_own_message() -> None:
    with pytest.raises(LayoutError, match="layout text, character 9: unexpected end after '8:1@re 4'"):
        read_layout("8:1@re 4")


@given(layouts())
def test_the_text_of_every_layout_is_an_expression(layout: Layout) -> None:
    assert read_layout(str(layout)) == layout
    assert read_layout(f'"{layout}"') == layout


def test_every_constructor_can_be_called() -> None:
    named = {name: getattr(algebra, name) for name in algebra.__all__}
    public = {name for name, each in named.items() if callable(each) and not isinstance(each, type)}
    assert public - set(FUNCTIONS) == {"convert", "covers"}  # which give no layout
    assert set(FUNCTIONS) <= public
    assert all(hasattr(Layout, name) for name in METHODS)
    assert {name for name, _ in SPECIAL} <= {*FUNCTIONS, *METHODS}
    assert {parameter for name, parameter in SPECIAL} <= {*KINDS, "stride"}


SIGNS = "()[],.*/+-:@'\"<>= 0123456789"
WORDS = [*FUNCTIONS, *METHODS, *SIGNS, "mem", "thread", "reg", "rep", "xor", "None", "sm_80"]
LEAVES = ["spatial(4, 2)", "local(2)", "row_major(4, 4)", "2", "(1, 0)", "'8:1'", "None", "Swizzle(1, 0, 2)", "-1"]
CALLS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds("{} * {}".format, inner, inner),
        st.builds("({}) / ({})".format, inner, inner),
        st.builds("{}({}, {})".format, st.sampled_from([*FUNCTIONS]), inner, inner),
        st.builds("({}).{}({})".format, inner, st.sampled_from([*METHODS]), inner),
    ),
    max_leaves=6,
)


def answered(text: str) -> None:
    """A layout or an answer."""
    try:
        assert isinstance(read_layout(text), Layout)
    except (TileError, LayoutError) as error:
        assert str(error)


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    answered(text)


@given(st.lists(st.sampled_from(WORDS), max_size=24).map("".join))
def test_any_words_are_answered(text: str) -> None:
    answered(text)


@given(CALLS)
def test_any_calls_are_answered(text: str) -> None:
    answered(text)


@pytest.mark.parametrize(
    "text",
    [
        "spatial(" + "9" * 4000 + ")",
        "local(" + " * ".join(["99999"] * 90) + ")",
        "strided(" + "(" * 90 + "1" + ",)" * 90 + ", 1)",
        "local(2)" + ".unsqueeze(0)" * 95,
        " * ".join(["local(3)"] * 90),
        "row_major(99991, 99991, 99991).swizzle(Swizzle(3, 3, 3))",
        "'" + "(" * 9000 + "'",
        "\\d'\\d'",
        "1and 2",
        "\0",
        "\ud800",
    ],
    ids=lambda text: repr(text[:24]),
)
def test_strange_text_is_answered(text: str) -> None:
    answered(text)
