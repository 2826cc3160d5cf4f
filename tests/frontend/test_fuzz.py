"""Whatever a user writes, tracing gives verified IR or a TileError at a place: nothing else escapes."""

import linecache
import math
from itertools import count
from typing import Any

from hypothesis import given, strategies as st

import tilevm as tv
from tests.frontend.types_of import traced
from tilevm.source import TileError, render

NUMBER = count()
NAMES = (*"x y a p n u s flag t v w q tv K HELPERS helper LIST None range".split(),)
LITERALS = (
    *("0", "1", "-3", "2.5", "1e300", "10**30", "True", "'text'", "()", "(1, 2)", "(n, s)", "tv.f16", "...", "b'x'"),
    *("1j", "[1]", "{}"),
)
BINARY = "+ - * / // % ** & | ^ << >> @ == != < <= > >= and or is in".split()
METHODS = "load store to sum max reshape permute gather shape T dtype ndim nothing bits".split()
CALLS = """tv.zeros tv.arange tv.where tv.sum tv.dot tv.exp tv.maximum tv.cdiv tv.full tv.expand tv.program_id
    tv.broadcast tv.static_range tv.range len min int float tuple helper print
    x.load a.load y.store p.load p.store a.gather
    t.to range abs bool tv.static_assert tv.reshape math.sqrt math.floor""".split()
TARGETS = st.sampled_from(("t", "v", "w", "t, v", "(t, (v, w))", "t[0]", "t.a", "*t, v"))
INDICES = st.sampled_from((":", "None", ":, None", "0", "-1", "1:", "n", "None, ...", "::0"))
CHANGES = st.sampled_from(("+", "*", "//", "<<", "@"))
LONE = ("pass", "break", "continue", "del t", "import os", "global K", "raise t", "t: int", "t: int = 3")


def expressions() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(NAMES) | st.sampled_from(LITERALS)

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(BINARY), inner),
            st.builds("({}{})".format, st.sampled_from(("-", "~", "not ", "+")), inner),
            st.builds("({}).{}".format, inner, st.sampled_from(METHODS)),
            st.builds(lambda f, xs: f"{f}({', '.join(xs)})", st.sampled_from(CALLS), st.lists(inner, max_size=3)),
            st.builds(
                "({})[{}]".format, inner, st.sampled_from((":", "None", ":, None", "0", "-1", "1:", "n", "None, ..."))
            ),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds("({}, {})".format, inner, inner),
            st.builds("(lambda: {})".format, inner),
            st.builds("f'{{{}}}'".format, st.sampled_from(("n", "1", "t:d", "K!r"))),
        )

    return st.recursive(atoms, larger, max_leaves=6)


def indent(lines: list[str]) -> str:
    return "\n".join("    " + line for text in lines for line in text.splitlines())


def statements() -> st.SearchStrategy[str]:
    value = expressions()
    simple = st.one_of(
        st.builds(
            "{} = {}".format, st.sampled_from(("t", "v", "w", "t, v", "(t, (v, w))", "t[0]", "t.a", "*t, v")), value
        ),
        st.builds(
            "{} {}= {}".format,
            st.sampled_from(("t", "v", "w", "n")),
            st.sampled_from(("+", "*", "//", "<<", "@")),
            value,
        ),
        value,
        st.builds("assert {}".format, value),
        st.builds("return {}".format, st.just("") | value),
        st.sampled_from(LONE),
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        body = st.lists(inner, min_size=1, max_size=3).map(indent)
        return st.one_of(
            st.builds("if {}:\n{}\nelse:\n{}".format, value, body, body),
            st.builds("for {} in range({}):\n{}".format, st.sampled_from(("k", "t", "t, v")), value, body),
            st.builds("for t in {}:\n{}".format, value, body),
            st.builds("while {}:\n{}".format, value, body),
            st.builds("with {}:\n{}".format, value, body),
        )

    return st.recursive(simple, larger, max_leaves=4)


@tv.function
def helper(x: Any, y: Any = 2) -> Any:
    return x * y


def kernel_of(body: str) -> Any:
    """The kernel with this body; its source lies where inspection finds it."""
    file = f"<fuzz {next(NUMBER)}>"
    text = f"def kernel(x, y, a, p, n, u, s, flag):\n    t = x.load(0, 8)\n    v = 0\n    w = tv.arange(8)\n{body}\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"tv": tv, "math": math, "helper": helper, "K": 4, "HELPERS": (helper, tv.exp), "LIST": [1]}
    exec(compile(text, file, "exec"), names)
    return names["kernel"]


@given(st.lists(statements(), min_size=1, max_size=4))
def test_nothing_else_escapes(lines: list[str]) -> None:
    try:
        kernel = kernel_of(indent(lines))
    except (SyntaxError, ValueError):  # not Python at all
        return
    try:
        traced(kernel)
    except TileError as error:
        assert error.span is not None
        assert "\n" in render(error)
