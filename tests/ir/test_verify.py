"""Faults that the verifier finds, in functions built by hand."""

import pytest

from tilevm.ir import Block, Func, Op
from tilevm.ir.build import block
from tilevm.ir.core import Value
from tilevm.ir.ops import Add, For, If, Mul, Neg, While, Yield
from tilevm.ir.verify import verify
from tilevm.source import TileError
from tilevm.types import Scalar, bool_, f32, i32


def number(hint: str = "n") -> Value:
    return Value(Scalar(i32), hint)


def fault(func: Func) -> str:
    with pytest.raises(TileError) as caught:
        verify(func)
    assert caught.value.help
    return caught.value.message


def test_sound_function_comes_back() -> None:
    n = number()
    func = Func("k", block([n], [Add(a=n, b=n)], []))
    assert verify(func) is func


def test_block_without_end() -> None:
    n = number()
    assert fault(Func("k", Block((n,), (Neg(x=n),)))) == "a block of k does not end in yield"
    assert fault(Func("k", Block((), ()))) == "a block of k does not end in yield"


def test_yield_in_the_middle() -> None:
    body = Block((), (Yield(values=()), Yield(values=())))
    assert fault(Func("k", body)) == "yield stands before the end of its block"


def test_kernel_that_yields() -> None:
    n = number()
    assert fault(Func("k", block([n], [], [n]))) == "a kernel yields nothing"


def test_value_from_nowhere() -> None:
    assert fault(Func("k", block([], [Neg(x=number())], []))) == "neg takes %n, which is not defined here"


def test_value_before_its_definition() -> None:
    n = number()
    first = Neg(x=n, hints=("a",))
    func = Func("k", block([n], [Neg(x=first.result), first], []))
    assert fault(func) == "neg takes %a, which is not defined here"


def test_value_out_of_its_block() -> None:
    n, c, inner = number(), Value(Scalar(bool_), "c"), number("inner")
    made = Neg(x=n, hints=("made",))
    branch = If(condition=c, then=block([], [made], []), otherwise=block([], [], []))
    func = Func("k", block([n, c], [branch, Neg(x=made.result)], []))
    assert fault(func) == "neg takes %made, which is not defined here"
    loop = For(lower=n, upper=n, step=n, carried=(), body=block([inner], [], []))
    func = Func("k", block([n], [loop, Neg(x=inner)], []))
    assert fault(func) == "neg takes %inner, which is not defined here"


def test_instruction_in_two_places() -> None:
    n = number()
    op = Neg(x=n)
    assert fault(Func("k", block([n], [op, op], []))) == "neg stands in two places"


def test_type_of_result_changed() -> None:
    n = number()
    op: Op = Neg(x=n)
    op.results[0].type = Scalar(f32)
    assert fault(Func("k", block([n], [op], []))) == "neg yields i32"


def test_loop_takes_its_index() -> None:
    n, x = number(), Value(Scalar(f32), "x")
    with pytest.raises(TileError, match="the index of this range is i32, not nothing"):
        For(lower=n, upper=n, step=n, carried=(), body=block([], [], []))
    with pytest.raises(TileError, match="the index of this range is i32, not f32"):
        For(lower=n, upper=n, step=n, carried=(), body=block([x], [], []))


def test_loop_carries_what_it_was_given() -> None:
    n, i, x = number(), number("i"), Value(Scalar(f32), "x")
    with pytest.raises(TileError, match="for carries i32 and its body takes f32"):
        For(lower=n, upper=n, step=n, carried=(n,), body=block([i, x], [], [x]))
    with pytest.raises(TileError, match="for carries f32 and its body yields i32"):
        For(lower=n, upper=n, step=n, carried=(x,), body=block([i, x], [], [i]))


def test_condition_takes_what_the_loop_carries() -> None:
    n, c, a = number(), Value(Scalar(bool_), "c"), number("a")
    with pytest.raises(TileError, match="while carries i32 and its condition takes nothing"):
        While(carried=(n,), condition=block([], [], [c]), body=block([a], [], [a]))
    with pytest.raises(TileError, match="a condition is one bool, not i32"):
        While(carried=(n,), condition=block([a], [], [a]), body=block([a], [], [a]))


def test_branches_take_nothing_and_yield_alike() -> None:
    n, c, x = number(), Value(Scalar(bool_), "c"), Value(Scalar(f32), "x")
    with pytest.raises(TileError, match="the branches of an if take nothing"):
        If(condition=c, then=block([n], [], []), otherwise=block([], [], []))
    with pytest.raises(TileError, match="the branches yield i32 and f32"):
        If(condition=c, then=block([], [], [n]), otherwise=block([], [], [x]))
    with pytest.raises(TileError, match="a condition is a bool, not i32"):
        If(condition=n, then=block([], [], []), otherwise=block([], [], []))


def test_operands_of_two_types() -> None:
    with pytest.raises(TileError, match="mul takes operands of one type, not i32 and f32"):
        Mul(a=number(), b=Value(Scalar(f32)))
