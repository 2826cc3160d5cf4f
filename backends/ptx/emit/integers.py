"""Integer arithmetic of one element, folded where it is known.

Sums of a register and constants stay sums (``Reg.plus``); products by powers of two become shifts. Types narrower than
their register are cut to their width after each step.
"""

from __future__ import annotations

from collections.abc import Callable

from tilevm.types import DType, Kind

from .elements import Element, Known, Reg, centred, operand, register, size_of, wrapped
from .text import Text


def signed(dtype: DType) -> bool:
    return dtype.kind is Kind.SIGNED


def typed(dtype: DType) -> str:
    """How an instruction calls the type of a register: s32, u64 and so on."""
    return f"{'s' if signed(dtype) else 'u'}{size_of(dtype)}"


def is_narrow(dtype: DType) -> bool:
    """Whether a number leaves bits of its register unused."""
    return dtype.bits != size_of(dtype)


def cut(t: Text, x: Element, dtype: DType) -> Element:
    """The low bits of a register as a number of ``dtype``."""
    if isinstance(x, Known):
        return Known(wrapped(dtype, x.value))
    if not is_narrow(dtype):
        return x
    size, kind = size_of(dtype), "rd" if dtype.bits > 32 else "r"
    name = register(t, x, dtype)
    if signed(dtype):
        return Reg(t.pure(kind, f"bfe.s{size}", name, "0", str(dtype.bits)))
    return Reg(t.pure(kind, f"and.b{size}", name, str((1 << dtype.bits) - 1)))


def make(t: Text, dtype: DType, op: str, *xs: Element) -> Element:
    """The result of an instruction, cut to the type."""
    name = t.pure("rd" if dtype.bits > 32 else "r", op, *(operand(t, x, dtype) for x in xs))
    return cut(t, Reg(name), dtype)


def shifted(dtype: DType, x: Reg, by: int) -> Element:
    """A register with more added to it, as the register wraps."""
    return Reg(x.name, centred(size_of(dtype), x.plus + by))


def add(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``a + b``."""
    if isinstance(a, Known):
        a, b = b, a
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(wrapped(dtype, a.value + b.value))
    if isinstance(b, Known) and b.value == 0:
        return a
    if is_narrow(dtype):
        return make(t, dtype, f"add.s{size_of(dtype)}", a, b)
    base = a if isinstance(a, Reg) else Reg(register(t, a, dtype))
    if isinstance(b, Known):
        return shifted(dtype, base, b.value)
    other = b if isinstance(b, Reg) else Reg(register(t, b, dtype))
    names = sorted((base.name, other.name), key=lambda n: (len(n), n))
    kind = "rd" if dtype.bits > 32 else "r"
    return shifted(dtype, Reg(t.pure(kind, f"add.s{size_of(dtype)}", *names)), base.plus + other.plus)


def sub(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``a - b``."""
    if isinstance(b, Known):
        return add(t, dtype, a, Known(wrapped(dtype, -b.value)))
    if is_narrow(dtype):
        return make(t, dtype, f"sub.s{size_of(dtype)}", a, b)
    other = b if isinstance(b, Reg) else Reg(register(t, b, dtype))
    if isinstance(a, Known):
        return make(t, dtype, f"sub.s{size_of(dtype)}", Known(wrapped(dtype, a.value - other.plus)), Reg(other.name))
    base = a if isinstance(a, Reg) else Reg(register(t, a, dtype))
    if base.name == other.name:
        return Known(wrapped(dtype, base.plus - other.plus))
    kind = "rd" if dtype.bits > 32 else "r"
    name = t.pure(kind, f"sub.s{size_of(dtype)}", base.name, other.name)
    return shifted(dtype, Reg(name), base.plus - other.plus)


def mul(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``a * b``."""
    if isinstance(a, Known):
        a, b = b, a
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(wrapped(dtype, a.value * b.value))
    if isinstance(b, Known):
        return scaled(t, dtype, a, b.value)
    names = sorted((register(t, a, dtype), register(t, b, dtype)), key=lambda n: (len(n), n))
    return make(t, dtype, f"mul.lo.s{size_of(dtype)}", *map(Reg, names))


def scaled(t: Text, dtype: DType, x: Element, factor: int) -> Element:
    """``x`` times a constant: nothing, a shift, or a product; the constant in ``x`` is multiplied apart."""
    size = size_of(dtype)
    if factor == 0:
        return Known(0)
    if factor == 1:
        return x
    base = x if isinstance(x, Reg) and not is_narrow(dtype) else Reg(register(t, x, dtype))
    unsigned = factor & ((1 << size) - 1)
    if unsigned & (unsigned - 1) == 0:
        made = make(t, dtype, f"shl.b{size}", Reg(base.name), Known(unsigned.bit_length() - 1))
    else:
        made = make(t, dtype, f"mul.lo.s{size}", Reg(base.name), Known(centred(size, factor)))
    return shifted(dtype, made, base.plus * factor) if isinstance(made, Reg) and base.plus else made


def power(dtype: DType, x: Element) -> int | None:
    """k where ``x`` is known to be 2**k, and so positive."""
    if isinstance(x, Known) and x.value > 0 and x.value & (x.value - 1) == 0:
        return x.value.bit_length() - 1
    return None


def floordiv(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``floor(a / b)``; 0 for b = 0, -a for b = -1."""
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(wrapped(dtype, a.value // b.value if b.value else 0))
    if (k := power(dtype, b)) is not None:
        return a if k == 0 else make(t, dtype, f"shr.{typed(dtype)}", a, Known(k))
    if isinstance(b, Known) and b.value in (0, -1):
        return Known(0) if b.value == 0 else neg(t, dtype, a)
    safe = divisor(t, dtype, b)
    found, rest = divided(t, dtype, a, safe)
    if signed(dtype):
        crossed = signs_differ(t, dtype, rest, safe)
        found = chosen(t, dtype, crossed, add(t, dtype, found, Known(-1)), found)
    return guarded(t, dtype, b, found, Known(0), neg(t, dtype, a) if signed(dtype) else None)


def mod(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``a - floor(a / b) * b``; a for b = 0."""
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(wrapped(dtype, a.value % b.value if b.value else a.value))
    if (k := power(dtype, b)) is not None:
        return Known(0) if k == 0 else make(t, dtype, f"and.b{size_of(dtype)}", a, Known((1 << k) - 1))
    if isinstance(b, Known) and b.value in (0, -1):
        return a if b.value == 0 else Known(0)
    safe = divisor(t, dtype, b)
    _, rest = divided(t, dtype, a, safe)
    if signed(dtype):
        crossed = signs_differ(t, dtype, rest, safe)
        rest = chosen(t, dtype, crossed, add(t, dtype, rest, safe), rest)
    return guarded(t, dtype, b, rest, a, Known(0) if signed(dtype) else None)


def divisor(t: Text, dtype: DType, b: Element) -> Element:
    """``b``, or 1 where the machine's division by it is not told: 0, and -1, which MIN does not survive."""
    if isinstance(b, Known):
        return b
    name, size = register(t, b, dtype), size_of(dtype)
    if not signed(dtype):
        zero = t.pure("p", f"setp.eq.{typed(dtype)}", name, "0")
        return chosen(t, dtype, zero, Known(1), b)
    near = t.pure("rd" if size == 64 else "r", f"add.s{size}", name, "1")  # 0 or 1 for b of -1 or 0
    odd = t.pure("p", f"setp.lt.u{size}", near, "2")
    return chosen(t, dtype, odd, Known(1), b)


def divided(t: Text, dtype: DType, a: Element, b: Element) -> tuple[Element, Element]:
    """The quotient toward zero and what remains."""
    kind, size = ("rd" if dtype.bits > 32 else "r"), size_of(dtype)
    left, right = operand(t, a, dtype), operand(t, b, dtype)
    quotient = t.pure(kind, f"div.{typed(dtype)}", left, right)
    product = t.pure(kind, f"mul.lo.s{size}", quotient, right)
    return Reg(quotient), Reg(t.pure(kind, f"sub.s{size}", left, product))


def signs_differ(t: Text, dtype: DType, rest: Element, b: Element) -> str:
    """Whether something remains, of the other sign than the divisor."""
    size = size_of(dtype)
    kind = "rd" if size == 64 else "r"
    name = register(t, rest, dtype)
    differ = t.pure(kind, f"xor.b{size}", name, operand(t, b, dtype))
    opposite = t.pure("p", f"setp.lt.s{size}", differ, "0")
    some = t.pure("p", f"setp.ne.s{size}", name, "0")
    return t.pure("p", "and.pred", opposite, some)


def guarded(t: Text, dtype: DType, b: Element, found: Element, at_zero: Element, at_minus: Element | None) -> Element:
    """``found``, but for the divisors that have results of their own."""
    if isinstance(b, Known):
        return cut(t, found, dtype)
    name = register(t, b, dtype)
    if at_minus is not None:
        minus = t.pure("p", f"setp.eq.{typed(dtype)}", name, "-1")
        found = chosen(t, dtype, minus, at_minus, found)
    zero = t.pure("p", f"setp.eq.{typed(dtype)}", name, "0")
    return cut(t, chosen(t, dtype, zero, at_zero, found), dtype)


def chosen(t: Text, dtype: DType, where: str, a: Element, b: Element) -> Element:
    """``a`` where a predicate holds, else ``b``."""
    if a == b:
        return a
    kind = "rd" if dtype.bits > 32 else "r"
    return Reg(t.pure(kind, f"selp.b{size_of(dtype)}", operand(t, a, dtype), operand(t, b, dtype), where))


def neg(t: Text, dtype: DType, x: Element) -> Element:
    """``-x``."""
    return sub(t, dtype, Known(0), x)


def absolute(t: Text, dtype: DType, x: Element) -> Element:
    """``|x|``."""
    if isinstance(x, Known):
        return Known(wrapped(dtype, abs(x.value)))
    return make(t, dtype, f"abs.s{size_of(dtype)}", x) if signed(dtype) else x


def invert(t: Text, dtype: DType, x: Element) -> Element:
    """Every bit flipped."""
    return Known(wrapped(dtype, ~x.value)) if isinstance(x, Known) else make(t, dtype, f"not.b{size_of(dtype)}", x)


def extreme(name: str, function: Callable[[int, int], int]) -> Callable[[Text, DType, Element, Element], Element]:
    def run(t: Text, dtype: DType, a: Element, b: Element) -> Element:
        if isinstance(a, Known) and isinstance(b, Known):
            return Known(function(a.value, b.value))
        return make(t, dtype, f"{name}.{typed(dtype)}", a, b)

    return run


def bitwise(
    name: str, function: Callable[[int, int], int], absorbs: int | None, neutral: int
) -> Callable[[Text, DType, Element, Element], Element]:
    """A function of bits; ``absorbs`` and ``neutral``: constants that give themselves, or the other operand."""

    def run(t: Text, dtype: DType, a: Element, b: Element) -> Element:
        if isinstance(a, Known):
            a, b = b, a
        if isinstance(a, Known) and isinstance(b, Known):
            return Known(wrapped(dtype, function(a.value, b.value)))
        if isinstance(b, Known) and b.value == wrapped(dtype, neutral):
            return a
        if isinstance(b, Known) and absorbs is not None and b.value == wrapped(dtype, absorbs):
            return b
        if name in AFTER_AND and dtype.bits == 32:
            return Reg(after_and(t, name, operand(t, a, dtype), operand(t, b, dtype)))
        return make(t, dtype, f"{name}.b{size_of(dtype)}", a, b)

    return run


AFTER_AND = {"or": 0xEA, "xor": 0x6A}  # tables of lop3 for (a & b) | c and (a & b) ^ c


def after_and(t: Text, name: str, left: str, right: str) -> str:
    """``or`` and ``xor``: in one instruction with the ``and`` that made an operand."""
    if t.maker(right)[0] == "and.b32" != t.maker(left)[0]:
        left, right = right, left
    maker, masked = t.maker(left)
    if maker == "and.b32":
        return t.pure("r", "lop3.b32", *masked, right, f"0x{AFTER_AND[name]:x}")
    return t.pure("r", f"{name}.b32", left, right)


def shl(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``a << b``; 0 where b, read as unsigned, reaches the width."""
    if isinstance(b, Known):
        return scaled_by_shift(t, dtype, a, b.value)
    size = size_of(dtype)
    by = amount(t, dtype, b)
    found = Reg(t.pure("rd" if size == 64 else "r", f"shl.b{size}", operand(t, a, dtype), by))
    return cut(t, found, dtype)  # the machine's own shift gives 0 from the register's width on


def scaled_by_shift(t: Text, dtype: DType, a: Element, by: int) -> Element:
    if not 0 <= by < dtype.bits:
        return Known(0)
    return mul(t, dtype, a, Known(wrapped(dtype, 1 << by)))


def shr(t: Text, dtype: DType, a: Element, b: Element) -> Element:
    """``a >> b``; from the width on 0, or the sign."""
    if isinstance(b, Known):
        far = not 0 <= b.value < dtype.bits
        if isinstance(a, Known):
            return Known((-1 if a.value < 0 else 0) if far else a.value >> b.value)
        if far and not signed(dtype):
            return Known(0)
        return a if b.value == 0 else make(t, dtype, f"shr.{typed(dtype)}", a, Known(dtype.bits if far else b.value))
    return make(t, dtype, f"shr.{typed(dtype)}", a, Reg(amount(t, dtype, b)))


def amount(t: Text, dtype: DType, b: Element) -> str:
    """How far to shift, in 32 bits: the machine takes the width and more as it should, so what is cut must stay far."""
    name = register(t, b, dtype)
    if size_of(dtype) == 32:
        return name
    near = t.pure("rd", "min.u64", name, "64")
    return t.pure("r", "cvt.u32.u64", near)


COMPARED: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def compare(t: Text, dtype: DType, how: str, a: Element, b: Element) -> Element:
    """A bool."""
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(int(COMPARED[how](a.value, b.value)))
    return Reg(t.pure("p", f"setp.{how}.{typed(dtype)}", operand(t, a, dtype), operand(t, b, dtype)))
