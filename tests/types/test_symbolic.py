"""Integer expressions: evaluated, they give Python's numbers; simplified, they give the same."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tilevm.symbolic import OPERATORS, Combine, Expr, Name, Number, alike, cdiv, combine, simplify

NAMES = {"M": 7, "N": -3, "Z": 0}
PYTHON: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b if b else 0,
    "%": lambda a, b: a % b if b else a,
    "cdiv": lambda a, b: (a + b - (1 if b > 0 else -1)) // b if b else 0,
    "min": lambda a, b: a if a < b else b,
    "max": lambda a, b: a if a > b else b,
}
Pair = tuple[Expr, int]  # an expression and the number that Python gives


def joined(parts: tuple[str, Pair, Pair]) -> Pair:
    operator, (a, x), (b, y) = parts
    return combine(operator, a, b), PYTHON[operator](x, y)


leaves = st.one_of(
    st.integers(-9, 9).map(lambda n: (Number(n), n)), st.sampled_from(sorted(NAMES)).map(lambda n: (Name(n), NAMES[n]))
)
pairs = st.recursive(
    leaves, lambda inner: st.tuples(st.sampled_from(sorted(PYTHON)), inner, inner).map(joined), max_leaves=8
)


def test_every_operator_is_checked() -> None:
    assert set(PYTHON) == set(OPERATORS)


@given(pairs)
def test_evaluation(pair: Pair) -> None:
    assert pair[0].evaluate(NAMES) == pair[1]


@given(pairs, st.sets(st.sampled_from(sorted(NAMES))))
def test_simplified(pair: Pair, bound: set[str]) -> None:
    known = {n: NAMES[n] for n in bound}
    assert simplify(pair[0], known).evaluate(NAMES) == pair[1]
    assert simplify(pair[0], NAMES) == Number(pair[1])


@given(st.integers(-50, 50), st.integers(1, 50))
def test_cdiv_rounds_up(a: int, b: int) -> None:
    assert cdiv(Name("a"), b).evaluate({"a": a}) == math.ceil(a / b)


@given(pairs, pairs)
def test_equal_when_written_alike(a: Pair, b: Pair) -> None:
    same = repr(a[0]) == repr(b[0])
    assert alike(a[0], b[0]) == same
    if same or (isinstance(a[0], Number) and isinstance(b[0], Number)):
        assert (a[0] == b[0]) == same
    else:
        with pytest.raises(TypeError, match="known only at launch"):
            assert a[0] == b[0]


def test_operators_build() -> None:
    m = Name("M")
    assert str(2 + m * 3 - 1) == "((2 + (M * 3)) - 1)"
    assert str(9 // m % 4 - -m) == "(((9 // M) % 4) - (0 - M))"
    assert str(cdiv(5 * m, 2)) == "cdiv((5 * M), 2)"
    assert str(7 % m) == "(7 % M)"
    assert str(3 - m) == "(3 - M)"


@pytest.mark.parametrize("operator", ["*", "//", "cdiv"])
def test_one_is_neutral(operator: str) -> None:
    assert combine(operator, Name("M"), 1) == Name("M")


@pytest.mark.parametrize("operator", ["+", "-"])
def test_zero_is_neutral(operator: str) -> None:
    assert combine(operator, Name("M"), 0) == Name("M")
    assert isinstance(combine(operator, 0, Name("M")), Combine)


def test_what_is_no_number_is_another() -> None:
    assert Name("M") != None and Name("M") != "M" and Name("M") not in (None, "M")  # noqa: E711  # as users write it


def test_constants_are_compared() -> None:
    assert Number(16) == Number(16) == 16 and Number(16) != Number(8) and Number(16) != 8


USES: list[Callable[[Any], Any]] = [
    bool,
    range,
    lambda e: [0][e],
    lambda e: e == 1,
    lambda e: e in (1, 2),
    lambda e: e == Fraction(1),
    lambda e: e == np.int64(1),
    lambda e: e == Number(1),
    lambda e: e == Name("N"),
    lambda e: e != Name("N"),
    lambda e: e in (Name("N"),),
    lambda e: (e, 1) == (Name("N"), 1),
    lambda e: {e, Name("N")},
    lambda e: {1: 2}.get(e),
]


@pytest.mark.parametrize("use", USES)
def test_what_only_the_launch_knows(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="launch"):
        use(Name("M"))
