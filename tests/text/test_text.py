"""The text form: what is printed reads back, and what does not read says where."""

import math
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tilevm.ir import OPS, THREAD_OPS, Func
from tilevm.ir.build import Builder, block
from tilevm.ir.core import Value
from tilevm.ir.ops import Add, Constant
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.source import TileError
from tilevm.symbolic import Name, cdiv
from tilevm.text import print_func, read_func, read_funcs
from tilevm.types import DType, Scalar, f64, i32, i64

HERE = Path(__file__).parent


def test_every_instruction_round_trips() -> None:
    text = (HERE / "every.tvm").read_text(encoding="utf-8")
    func = verify(read_func(text))
    assert {op.name for op in walk(func.body)} == set(OPS)
    assert print_func(func) == text


def test_every_instruction_of_threads_round_trips() -> None:
    text = (HERE / "every_thread.tvm").read_text(encoding="utf-8")
    func = verify(read_func(text))
    assert set(THREAD_OPS) == {op.name for op in walk(func.body)} & set(THREAD_OPS)
    assert (func.warps, func.target) == (2, "sm_80")
    assert print_func(func) == text


def constant_through_text(value: float | int, of: DType) -> float | int:
    builder = Builder()
    builder.add(Constant, value=value, of=of)
    func = read_func(print_func(Func("k", block((), builder.finish().ops, ()))))
    found: float | int = func.body.ops[0].value  # type: ignore[attr-defined]
    return found


@given(st.floats())
def test_floats_round_trip(value: float) -> None:
    found = constant_through_text(value, f64)
    assert type(found) is float
    assert repr(found) == repr(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 5e-324, 1e16, 1e-7])
def test_special_floats_round_trip(value: float) -> None:
    assert repr(constant_through_text(value, f64)) == repr(value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_round_trip(value: int) -> None:
    found = constant_through_text(value, i64)
    assert type(found) is int
    assert found == value


@given(st.lists(st.sampled_from(["", "x", "x.1", "x.1.1", "y", "été"]), max_size=8))
def test_names_are_distinct(hints: list[str]) -> None:
    params = tuple(Value(Scalar(i32), h) for h in hints)
    text = print_func(Func("k", block(params, (), ())))
    assert len(read_func(text).params) == len(hints)


def test_grid_round_trips() -> None:
    grid = (cdiv(Name("M"), 64), Name("a.shape[1]") + -1, 3 - Name("N") * 2 // 5 % 7)
    func = Func("k", block((), (), ()), grid)
    assert read_func(print_func(func)).grid == grid


def test_places_are_comments() -> None:
    text = "func @k(%n: i32) {\n  %a = add %n, %n : i32\n  yield []\n}\n"
    func = read_func(text, "<here>")
    placed = print_func(func, places=True)
    assert "%a = add %n, %n : i32 ; <here>:2:8" in placed
    assert print_func(read_func(placed)) == text


def test_optional_in_the_middle_is_an_underscore() -> None:
    text = (HERE / "every.tvm").read_text(encoding="utf-8")
    assert "gather %m, [%r, %r.1], _, %c" in print_func(read_func(text))


def test_several_functions_in_order() -> None:
    text = (HERE / "errors" / "two_functions.tvm").read_text(encoding="utf-8")
    assert [f.name for f in read_funcs(text)] == ["a", "b"]


def test_comments_are_passed_over() -> None:
    func = read_func("; first\nfunc @k(%n: i32) { ; second\n %a = add %n, %n : i32\n yield [] }")
    assert isinstance(func.body.ops[0], Add)


EVERY = (HERE / "every.tvm").read_text(encoding="utf-8").splitlines()
TOKENS = ("%n", "%0", "%t", "%m", "[", "]", "(", "}", "{}", "{axis = 0}", "{axis = x}", "i32", "f7e9m9", "_")
CONSTANTS = ("7", "-1", "1.5", "true", "none", '"a\\q"', "[7, 7]")


@given(st.integers(1, len(EVERY) - 1), st.integers(0, 12), st.sampled_from((*TOKENS, *CONSTANTS, "")))
def test_changed_text_reads_or_is_refused_at_a_place(line: int, word: int, token: str) -> None:
    words = EVERY[line].split(" ")
    words[word % len(words)] = token
    text = "\n".join([*EVERY[:line], " ".join(words), *EVERY[line + 1 :]])
    try:
        func = read_func(text)
    except TileError as error:
        assert error.span is not None and 1 <= error.span.line <= len(EVERY)
        assert error.help
    else:
        assert print_func(read_func(print_func(func))) == print_func(func)
