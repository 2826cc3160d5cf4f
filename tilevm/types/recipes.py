"""Short exact sequences that turn codes of small types into wide floats, as data.

A recipe is a few steps on words that hold one code each. Which one serves a pair of types on a machine is read from one
table: the first whose types fit and whose needs the machine offers. The CPU makes the byte tables; the others are
what GPUs do in an instruction or two for a pair of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilevm.types.codec import decode, encode
from tilevm.types.dtype import DType, Specials
from tilevm.types.named import bf16, f16, f32

Array = np.ndarray[Any, Any]
BYTE_TABLES = "byte tables"  # what a machine may offer: lookups of bytes in tables of up to 256


@dataclass(frozen=True)
class Step:
    """One operation on words of the target's width.

    ``xor`` and ``or`` with bits; ``place``: (mask, up) pairs, the sum of each masked part shifted up; ``sub`` and
    ``mul``, as floats of the target, with a number; ``table``: the word that each code stands for.
    """

    name: str
    args: tuple[Any, ...]


Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Recipe:
    """``fits(source, target)`` says for which types ``steps`` are exact on every code; ``needs``: of the machine."""

    name: str
    fits: Callable[[DType, DType], bool]
    steps: Callable[[DType, DType], Steps]
    needs: str | None = None


def counted(source: DType, target: DType) -> bool:
    return source.is_integer and source.bits <= target.mantissa_bits


def power(target: DType, at: int) -> int:
    """The code of 2**(M - at), M the target's mantissa bits."""
    return (target.bias + target.mantissa_bits - at) << target.mantissa_bits


def raised(source: DType, target: DType, at: int) -> int:
    """For an integer whose code stands alone in a word, ``at`` bits up: the code of the target which, its bits flipped
    in the word, and the number that it stands for taken away from the word's, leaves the integer.

    Law: the code of 2**(M - at) with n in its mantissa, ``at`` bits up, stands for 2**(M - at) + n, for n that the
    bits above hold. Signed integers are first shifted up by half their range, which flips the top bit of the code.
    """
    half = 1 << (source.bits - 1) if source.signed else 0
    return power(target, at) | half << at


def offset(source: DType, target: DType) -> Steps:
    """The same at the lowest bit."""
    half, first = raised(source, target, 0) ^ power(target, 0), 1 << target.mantissa_bits
    flip = (Step("xor", (half,)),) if half else ()
    return (*flip, Step("or", (power(target, 0),)), Step("sub", (float(first + half),)))


def nested(source: DType, target: DType) -> bool:
    """Whether the fields of a float fit into the target's, and its special codes are special there or none."""
    fields = source.exponent_bits <= target.exponent_bits and source.mantissa_bits <= target.mantissa_bits
    alike = source.specials is Specials.IEEE and source.exponent_bits == target.exponent_bits
    plain = source.specials is Specials.NONE and source.exponent_bits < target.exponent_bits
    return source.is_float and not source.without_zero and fields and (alike or plain)


def placed(source: DType, target: DType) -> Steps:
    """Law: the magnitude of a code, moved up to the target's fields, stands there for the number times
    2**(source's bias - target's bias), subnormals too, as both types count theirs alike; a power of two undoes that."""
    size, up = source.exponent_bits + source.mantissa_bits, target.mantissa_bits - source.mantissa_bits
    parts = [((1 << size) - 1, up)]
    if source.signed:
        parts.append((1 << size, target.bits - 1 - size))
    rebias = target.bias - source.bias
    return (Step("place", tuple(parts)), *((Step("mul", (2.0**rebias,)),) if rebias else ()))


def tabled(source: DType, target: DType) -> bool:
    within = not source.is_float or source.max <= f32.max
    return not source.is_bool and source.bits <= 8 and within and target in (bf16, f32)


def looked_up(source: DType, target: DType) -> Steps:
    """Law: a word is a function of its code, and bf16 holds every number of a type of up to 8 bits, so of an f32 the
    lower half is 0."""
    return (Step("table", tuple(map(int, upper_halves(source) << (target.bits - 16)))),)


def upper_halves(source: DType) -> Array:
    """The upper half of the f32 of every code of a type of up to 8 bits, which is its bf16, as u32."""
    codes = np.arange(1 << source.bits).astype(np.uint8)
    words = decode(codes, source).astype(np.float32).view(np.uint32)
    assert not (words & 0xFFFF).any(), f"{source} has numbers that bf16 has not"
    return words >> np.uint32(16)


RECIPES = (
    Recipe("byte tables", tabled, looked_up, BYTE_TABLES),
    Recipe("offset integers", counted, offset),
    Recipe("placed fields", nested, placed),
)


def choose(source: DType, target: DType, offers: Collection[str] = ()) -> Recipe | None:
    """The first recipe for a pair of types on a machine that offers so much; None where a general cast has to do."""
    if target not in (f16, bf16, f32):
        return None
    fitting = (r for r in RECIPES if r.fits(source, target))
    return next((r for r in fitting if r.needs is None or r.needs in offers), None)


def evaluate(steps: Steps, codes: Array, target: DType) -> Array:
    """What steps make of codes: words of the target, in u16 or u32. Floats round to nearest even, as everywhere."""
    words = codes.astype(np.uint32)
    for step in steps:
        words = MEANING[step.name](words, step.args, target)
    return words.astype(f"u{target.numpy_bytes}")


def arithmetic(words: Array, target: DType, change: Callable[[Array], Array]) -> Array:
    """A change of the numbers that words stand for, rounded once."""
    numbers = decode(words.astype(f"u{target.numpy_bytes}"), target)
    return encode(change(numbers), target, saturate=False).astype(np.uint32)


MEANING: dict[str, Callable[[Array, tuple[Any, ...], DType], Array]] = {
    "xor": lambda w, args, t: w ^ np.uint32(args[0]),
    "or": lambda w, args, t: w | np.uint32(args[0]),
    "place": lambda w, args, t: np.bitwise_or.reduce([(w & np.uint32(m)) << np.uint32(up) for m, up in args]),
    "sub": lambda w, args, t: arithmetic(w, t, lambda x: x - args[0]),
    "mul": lambda w, args, t: arithmetic(w, t, lambda x: x * args[0]),
    "table": lambda w, args, t: np.array(args, np.uint32)[w],
}
