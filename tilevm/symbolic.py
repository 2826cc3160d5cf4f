"""Integer expressions over names bound at launch: what a grid is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Expr:
    """An integer expression. Python's operators on it build larger ones; ``evaluate`` gives its number.

    Two expressions are equal when they are written alike. To compare one with a number is an error: a function that
    is traced would take the answer for that of every launch.
    """

    def __add__(self, other: Operand) -> Expr:
        return combine("+", self, other)

    def __radd__(self, other: Operand) -> Expr:
        return combine("+", other, self)

    def __sub__(self, other: Operand) -> Expr:
        return combine("-", self, other)

    def __rsub__(self, other: Operand) -> Expr:
        return combine("-", other, self)

    def __mul__(self, other: Operand) -> Expr:
        return combine("*", self, other)

    def __rmul__(self, other: Operand) -> Expr:
        return combine("*", other, self)

    def __floordiv__(self, other: Operand) -> Expr:
        return combine("//", self, other)

    def __rfloordiv__(self, other: Operand) -> Expr:
        return combine("//", other, self)

    def __mod__(self, other: Operand) -> Expr:
        return combine("%", self, other)

    def __rmod__(self, other: Operand) -> Expr:
        return combine("%", other, self)

    def __neg__(self) -> Expr:
        return combine("-", 0, self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | float):
            raise TypeError("whether an expression equals a number is known only at launch")
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __bool__(self) -> bool:
        raise TypeError("the truth of an expression is known only at launch; use min, max or tv.cdiv")

    def __index__(self) -> int:
        raise TypeError("the value of an expression is known only at launch")

    def evaluate(self, names: Mapping[str, int]) -> int:
        """The number, with ``names`` bound."""
        raise AssertionError("abstract")


Operand = Expr | int


@dataclass(frozen=True, eq=False)
class Number(Expr):
    """A constant."""

    value: int

    def __str__(self) -> str:
        return str(self.value)

    def evaluate(self, names: Mapping[str, int]) -> int:
        return self.value


@dataclass(frozen=True, eq=False)
class Name(Expr):
    """A dim of the signature, an extent such as ``a.shape[0]``, or an integer argument."""

    name: str

    def __str__(self) -> str:
        return self.name

    def evaluate(self, names: Mapping[str, int]) -> int:
        return names[self.name]


def _floordiv(a: int, b: int) -> int:
    return a // b if b else 0


def _mod(a: int, b: int) -> int:
    return a % b if b else a


def _cdiv(a: int, b: int) -> int:
    return -(-a // b) if b else 0


# Division by zero follows SEMANTICS: x // 0 = 0, x % 0 = x.
OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": _floordiv,
    "%": _mod,
    "cdiv": _cdiv,
    "min": min,
    "max": max,
}


@dataclass(frozen=True, eq=False)
class Combine(Expr):
    """Two expressions under one of :data:`OPERATORS`."""

    operator: str
    a: Expr
    b: Expr

    def __str__(self) -> str:
        if self.operator.isalpha():
            return f"{self.operator}({self.a}, {self.b})"
        return f"({self.a} {self.operator} {self.b})"

    def evaluate(self, names: Mapping[str, int]) -> int:
        return OPERATORS[self.operator](self.a.evaluate(names), self.b.evaluate(names))


def expression(value: Operand) -> Expr:
    """``value`` as an expression."""
    return value if isinstance(value, Expr) else Number(value)


def combine(operator: str, a: Operand, b: Operand) -> Expr:
    """``a operator b``; folded when both are numbers or one is neutral."""
    x, y = expression(a), expression(b)
    if isinstance(x, Number) and isinstance(y, Number):
        return Number(OPERATORS[operator](x.value, y.value))
    if y == Number(1) and operator in ("*", "//", "cdiv"):
        return x
    if y == Number(0) and operator in ("+", "-"):
        return x
    return Combine(operator, x, y)


def cdiv(a: Operand, b: Operand) -> Expr:
    """``a / b``, rounded up."""
    return combine("cdiv", a, b)


def simplify(expr: Expr, names: Mapping[str, int]) -> Expr:
    """``expr`` with the names that are known replaced by their numbers."""
    if isinstance(expr, Name) and expr.name in names:
        return Number(names[expr.name])
    if isinstance(expr, Combine):
        return combine(expr.operator, simplify(expr.a, names), simplify(expr.b, names))
    return expr
