"""Integer expressions over names bound at launch: what a grid is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Expr:
    """An integer expression. Python's operators on it build larger ones; ``evaluate`` gives its number.

    To compare one with anything that may be a number, or to put it into a set or a dict, is an error unless the two
    are written alike, and so equal at every launch: a function that is traced would take the answer of one launch for
    that of all.
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
        if other is None or isinstance(other, str):  # no number
            return False
        if isinstance(self, Number) and isinstance(other, Number | int | float):
            return self.value == (other.value if isinstance(other, Number) else other)
        if isinstance(other, Expr) and alike(self, other):
            return True
        raise TypeError(f"whether {self} equals {other} is known only at launch")

    def __hash__(self) -> int:
        raise TypeError(f"which of others {self} equals is known only at launch, so no set or dict takes it")

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
NEUTRAL = {"*": 1, "//": 1, "cdiv": 1, "+": 0, "-": 0}  # what changes nothing on the right


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


def alike(a: Expr, b: Expr) -> bool:
    """Whether two expressions are written alike, so that they give the same number at every launch."""
    if a is b or type(a) is not type(b):
        return a is b
    if isinstance(a, Combine) and isinstance(b, Combine):
        return a.operator == b.operator and alike(a.a, b.a) and alike(a.b, b.b)
    return vars(a) == vars(b)


def combine(operator: str, a: Operand, b: Operand) -> Expr:
    """``a operator b``; folded when both are numbers or one is neutral."""
    x, y = expression(a), expression(b)
    if isinstance(x, Number) and isinstance(y, Number):
        return Number(OPERATORS[operator](x.value, y.value))
    if isinstance(y, Number) and y.value == NEUTRAL.get(operator):
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
