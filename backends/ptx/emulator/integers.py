"""Integer arithmetic, as the PTX ISA describes it under integer instructions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .kinds import HOLD, Array, bits_of, width
from .operands import unknown
from .pure import Pure, Rule
from .records import Instruction

Two = Callable[[Array, Array], Array]
WIDER = {"u16": "u32", "s16": "s32", "u32": "u64", "s32": "s64"}


def kind_of(at: Instruction) -> str:
    """The type an opcode ends with."""
    return at.parts[-1]


def limits(kind: str) -> tuple[int, int]:
    bits = width(kind)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "s" else (0, (1 << bits) - 1)


def saturated(function: Callable[[int, int], int], kind: str) -> Two:
    """A function on Python's integers, with what does not fit cut to the nearest limit."""
    low, high = limits(kind)
    one = np.frompyfunc(lambda a, b: min(max(function(int(a), int(b)), low), high), 2, 1)
    return lambda a, b: np.asarray(one(a, b)).astype(HOLD[kind])


def sum_rule(at: Instruction) -> Pure:
    kind = kind_of(at)
    subtract = at.parts[0] == "sub"
    if at.has("sat"):
        return Pure((kind,) * 2, kind, saturated(int.__sub__ if subtract else int.__add__, kind))
    return Pure((kind,) * 2, kind, np.subtract if subtract else np.add)


def high_half(a: Array, b: Array) -> Array:
    """The upper half of the product."""
    bits = a.dtype.itemsize * 8
    if bits < 64:
        double = HOLD[("s" if a.dtype.kind == "i" else "u") + str(2 * bits)]
        whole = a.astype(double) * b.astype(double)
        return np.asarray(whole >> np.array(bits).astype(double)).astype(a.dtype)
    exact = np.frompyfunc(lambda x, y: int(x) * int(y) >> 64, 2, 1)
    return np.asarray(exact(a, b)).astype(a.dtype)


def wide(a: Array, b: Array) -> Array:
    """The whole product, in the type of twice the bits."""
    double = HOLD[WIDER[("s" if a.dtype.kind == "i" else "u") + str(a.dtype.itemsize * 8)]]
    return np.asarray(a.astype(double) * b.astype(double))


def low_24(a: Array, b: Array) -> Array:
    """The low half of the product of the low 24 bits."""
    eight = a.dtype.type(8)
    return np.asarray(((a << eight) >> eight) * ((b << eight) >> eight))


def product_rule(at: Instruction) -> Pure:
    """``mul`` and ``mad``: the low half, the high half, or all of the product."""
    kind, parts = kind_of(at), at.parts
    product: Two = np.multiply
    target = kind
    if "wide" in parts:
        product, target = wide, WIDER[kind]
    elif "hi" in parts:
        product = high_half
    elif parts[0] in ("mul24", "mad24"):
        product = low_24
    if parts[0].startswith("mul"):
        return Pure((kind, kind), target, product)
    if at.has("sat"):
        raise unknown(at, "saturation after a product is not known")
    return Pure((kind, kind, target), target, lambda a, b, c: product(a, b) + c)


def quotient(a: Array, b: Array) -> Array:
    """Toward zero. By zero it gives all ones, which PTX leaves open."""
    safe = np.where(b == 0, b.dtype.type(1), b)
    if a.dtype.kind == "i":
        overflows = (safe == -1) & (a == np.iinfo(a.dtype).min)
        safe = np.where(overflows, a.dtype.type(1), safe)
        found = a // safe
        found = found + ((found < 0) & (found * safe != a)).astype(a.dtype)
    else:
        found = a // safe
    return np.where(b == 0, np.zeros_like(found) - a.dtype.type(1), found).astype(a.dtype)


def remainder(a: Array, b: Array) -> Array:
    """With the sign of the dividend; by zero it gives the dividend."""
    safe = np.where(b == 0, b.dtype.type(1), b)
    return np.where(b == 0, a, a - quotient(a, safe) * safe).astype(a.dtype)


def plain(function: Callable[..., Array], count: int) -> Rule:
    """A function of ``count`` operands of the type the opcode ends with."""
    return lambda at: Pure((kind_of(at),) * count, kind_of(at), function)


def relu(function: Callable[..., Array]) -> Rule:
    """Minimum or maximum, then zero for what is negative where the opcode says so."""

    def rule(at: Instruction) -> Pure:
        kind = kind_of(at)
        if kind.endswith("x2"):
            raise unknown(at, "pairs of 16-bit integers are not known")
        clamp = at.has("relu")
        return Pure((kind,) * 2, kind, lambda a, b: np.maximum(function(a, b), 0) if clamp else function(a, b))

    return rule


def shift(function: Two, keeps_sign: bool) -> Rule:
    """A shift by a number of 32 bits; at the width and beyond it gives zero, or the sign to the right."""

    def rule(at: Instruction) -> Pure:
        kind = kind_of(at)
        size = width(kind)
        signed = keeps_sign and kind[0] == "s"

        def run(a: Array, amount: Array) -> Array:
            least = np.minimum(amount, size - 1).astype(a.dtype)
            found = function(a, least)
            return found if signed else np.where(amount >= size, a.dtype.type(0), found)

        def shadow(_a: Array, amount: Array, a: Array, lacks_amount: Array) -> Array:
            moved = bits_of(run(a.view(HOLD[kind]), amount))
            return np.where(lacks_amount != 0, ~moved.dtype.type(0), moved)

        return Pure((kind, "u32"), kind, run, shadow)

    return rule


def funnel(at: Instruction) -> Pure:
    """``shf``: 32 bits out of the 64 of b above a."""
    clamp, left = at.has("clamp"), at.has("l")

    def run(a: Array, b: Array, c: Array) -> Array:
        amount = (np.minimum(c, 32) if clamp else c & np.uint32(31)).astype(np.uint64)
        both = b.astype(np.uint64) << np.uint64(32) | a.astype(np.uint64)
        start = np.uint64(32) - amount if left else amount
        return (both >> start).astype(np.uint32)

    return Pure(("b32", "b32", "u32"), "b32", run)


def absolute_difference(a: Array, b: Array, c: Array) -> Array:
    """``sad``."""
    return np.asarray(c + np.where(a < b, b - a, a - b))


def dot(lanes: int) -> Rule:
    """``dp4a`` and ``dp2a``: products of bytes, or of halves with bytes, summed into c."""

    def rule(at: Instruction) -> Pure:
        left, right = at.parts[-2:]
        target = "s32" if "s32" in (left, right) else "u32"
        upper = 2 if at.has("hi") else 0

        def run(a: Array, b: Array, c: Array) -> Array:
            x = split(a, HOLD[left[0] + ("8" if lanes == 4 else "16")], lanes)
            y = split(b, HOLD[right[0] + "8"], 4)[:, upper : upper + lanes]
            total = np.asarray((x * y).sum(axis=1) + c.astype(np.int64))
            return total.astype(np.uint32).view(HOLD[target])

        return Pure(("b32", "b32", target), target, run)

    return rule


def split(words: Array, kind: type[np.generic], count: int) -> Array:
    """The parts of 32-bit words as int64, low ones first: (threads, count)."""
    return np.ascontiguousarray(words).view(kind).reshape(-1, count).astype(np.int64)


def negate(a: Array) -> Array:
    return (np.zeros_like(a) - a).astype(a.dtype)


def absolute(a: Array) -> Array:
    return np.where(a < 0, negate(a), a)


INTEGERS: dict[str, Rule] = {
    "add": sum_rule,
    "sub": sum_rule,
    "mul": product_rule,
    "mad": product_rule,
    "mul24": product_rule,
    "mad24": product_rule,
    "div": plain(quotient, 2),
    "rem": plain(remainder, 2),
    "abs": plain(absolute, 1),
    "neg": plain(negate, 1),
    "min": relu(np.minimum),
    "max": relu(np.maximum),
    "sad": plain(absolute_difference, 3),
    "shl": shift(np.left_shift, keeps_sign=False),
    "shr": shift(np.right_shift, keeps_sign=True),
    "shf": funnel,
    "dp4a": dot(4),
    "dp2a": dot(2),
}
