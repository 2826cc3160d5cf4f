"""Instructions that work element by element. Operands of one instruction have one shape."""

from __future__ import annotations

from typing import ClassVar

from tilevm.ir.core import Op, Value, attribute, operand, optional
from tilevm.ir.ops.expect import numeric, same_shape, same_type
from tilevm.source import TileError
from tilevm.types import DType, Numeric, Type, bool_, dtype, like, u32


class Binary(Op):
    """``a`` and ``b`` of one type, giving that type."""

    a: Value = operand()
    b: Value = operand()
    accepts: ClassVar[str] = "if"  # families of dtype: i integer, f float, b bool

    def infer(self) -> tuple[Type, ...]:
        same_type(self, self.a, self.b)
        numeric(self, self.a, self.accepts)
        return (self.a.type,)


class Add(Binary, name="add"):
    """``a + b``; integers wrap, floats round to nearest even."""


class Sub(Binary, name="sub"):
    """``a - b``; integers wrap."""


class Mul(Binary, name="mul"):
    """``a * b``; integers wrap."""


class Div(Binary, name="div"):
    """``a / b`` of floats, correctly rounded."""

    accepts = "f"


class FloorDiv(Binary, name="floordiv"):
    """``floor(a / b)``; for integers ``x // 0 = 0`` and ``MIN // -1 = MIN``."""


class Mod(Binary, name="mod"):
    """``a - floor(a / b) * b``, the sign of ``b``; for integers ``x % 0 = x``. Floats: C's fmod, then the sign."""


class Minimum(Binary, name="minimum"):
    """The smaller; the other operand where one is NaN."""


class Maximum(Binary, name="maximum"):
    """The larger; the other operand where one is NaN."""


class And(Binary, name="and"):
    """Bitwise, or logical for bool."""

    accepts = "ib"


class Or(Binary, name="or"):
    """Bitwise, or logical for bool."""

    accepts = "ib"


class Xor(Binary, name="xor"):
    """Bitwise, or logical for bool."""

    accepts = "ib"


class Shl(Binary, name="shl"):
    """``a << b``; 0 when ``b``, read as unsigned, reaches the width."""

    accepts = "i"


class Shr(Binary, name="shr"):
    """``a >> b``, arithmetic for signed types; by the width or more gives 0, or -1 for a negative ``a``."""

    accepts = "i"


class Compare(Op):
    """``a`` and ``b`` of one type, giving bool. NaN compares unequal and unordered."""

    a: Value = operand()
    b: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        same_type(self, self.a, self.b)
        return (like(numeric(self, self.a, "ifb"), bool_),)


class Eq(Compare, name="eq"):
    """``a == b``."""


class Ne(Compare, name="ne"):
    """``a != b``; true for NaN."""


class Lt(Compare, name="lt"):
    """``a < b``."""


class Le(Compare, name="le"):
    """``a <= b``."""


class Gt(Compare, name="gt"):
    """``a > b``."""


class Ge(Compare, name="ge"):
    """``a >= b``."""


class Unary(Op):
    """``x``, giving its own type."""

    x: Value = operand()
    accepts: ClassVar[str] = "if"

    def infer(self) -> tuple[Type, ...]:
        return (numeric(self, self.x, self.accepts),)


class Neg(Unary, name="neg"):
    """``-x``; integers wrap, floats flip the sign bit."""


class Abs(Unary, name="abs"):
    """``|x|``; ``|MIN| = MIN``."""


class Not(Unary, name="not"):
    """Every bit flipped; logical for bool."""

    accepts = "ib"


class FloatUnary(Unary):
    """A function of a float. f16 and bf16 compute in f32 and round once."""

    accepts = "f"


class Exp(FloatUnary, name="exp"):
    """``e ** x``, at most 2 ulp in f32; results below the normal range may flush to zero."""


class Exp2(FloatUnary, name="exp2"):
    """``2 ** x``, at most 2 ulp in f32; results below the normal range may flush to zero."""


class Log(FloatUnary, name="log"):
    """Natural logarithm, at most 2 ulp in f32."""


class Log2(FloatUnary, name="log2"):
    """Logarithm to base 2, at most 2 ulp in f32."""


class Sqrt(FloatUnary, name="sqrt"):
    """Square root, correctly rounded."""


class Rsqrt(FloatUnary, name="rsqrt"):
    """``1 / sqrt(x)``, at most 2 ulp in f32."""


class Tanh(FloatUnary, name="tanh"):
    """Hyperbolic tangent, at most 4 ulp in f32."""


class Sigmoid(FloatUnary, name="sigmoid"):
    """``1 / (1 + exp(-x))``, at most 4 ulp in f32."""


class Erf(FloatUnary, name="erf"):
    """The error function, at most 4 ulp in f32."""


class Floor(FloatUnary, name="floor"):
    """The largest whole number not above ``x``."""


class Ceil(FloatUnary, name="ceil"):
    """The smallest whole number not below ``x``."""


class Fma(Op, name="fma"):
    """``a * b + c`` with one rounding. Formed by the ``fma`` pass alone."""

    a: Value = operand()
    b: Value = operand()
    c: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        same_type(self, self.a, self.b, self.c)
        return (numeric(self, self.a, "f"),)


class Select(Op, name="select"):
    """``a`` where ``condition``, else ``b``."""

    condition: Value = operand()
    a: Value = operand()
    b: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        numeric(self, self.condition, "b")
        same_type(self, self.a, self.b)
        same_shape(self, self.condition, self.a)
        return (self.a.type,)


ROUNDINGS = ("natural", "nearest_even", "toward_zero", "stochastic")


class Cast(Op, name="cast"):
    """``x`` as another number type.

    Natural rounding goes to nearest even where the result is a float, and toward zero from float to integer. Stochastic
    rounding goes away from zero where ``random``, a u32, is less than 2**32 times the part of the step that would be
    dropped. To floats: what lies beyond the largest number becomes that number where ``saturate``, else inf, else NaN,
    else the largest number. Float to integer saturates; integer to integer wraps unless ``saturate``. NaN becomes 0 in
    types without NaN. Anything to bool is ``x != 0``. See ``tv.encode``, which rounds alike.
    """

    x: Value = operand()
    random: Value | None = optional()
    to: DType = attribute(read=lambda text: dtype(text))
    saturate: bool = attribute(False)
    rounding: str = attribute("natural")

    def infer(self) -> tuple[Type, ...]:
        found = numeric(self, self.x, "ifb")
        if self.saturate and self.to.is_bool:
            raise TileError("cast to bool does not saturate", self.span, help="leave saturate out: all but 0 is true")
        if self.rounding not in ROUNDINGS:
            raise TileError(
                f"cast: no rounding is called {self.rounding!r}", self.span, help=f"there are {', '.join(ROUNDINGS)}"
            )
        if self.rounding != "natural" and not (self.to.is_float or (found.dtype.is_float and self.to.is_integer)):
            message = f"cast from {found.dtype} to {self.to} is exact or wraps: nothing is rounded"
            raise TileError(message, self.span, help="leave the rounding out")
        if self.rounding in ("toward_zero", "stochastic") and found.dtype.is_integer and found.dtype.bits > 32:
            help = "convert to f64 first, or round to nearest even"
            raise TileError(f"cast: {found.dtype} to {self.to} does not round {self.rounding}", self.span, help=help)
        self.check_random(found)
        return (like(found, self.to),)

    def check_random(self, found: Numeric) -> None:
        if (self.random is None) is (self.rounding == "stochastic"):
            raise TileError(
                "cast: random numbers go with stochastic rounding, and it with them",
                self.span,
                help=f"leave out both, or give {like(found, u32)} of random numbers and rounding = stochastic",
            )
        if self.random is not None and self.random.type != like(found, u32):
            raise TileError(
                f"cast: {self.random.type} is not one u32 for each element of {found}",
                self.span,
                help=f"draw {like(found, u32)}, as philox gives of so many indices",
            )
