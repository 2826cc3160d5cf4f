"""Number types made from their facts: integers by width, small floats by their split into fields."""

from __future__ import annotations

from functools import cache
from typing import Any

from tilevm.source import TileError, nearest
from tilevm.types.dtype import DType, Kind, Specials

# What a bare name means where neither IEEE nor "every code is a number" is what the field means by it:
# OCP OFP8 1.0, the scale type of OCP MX 1.0, and the scale type proposed with FP4 training.
BARE: dict[tuple[int, int, bool], Specials] = {
    (4, 3, True): Specials.NAN_ALL_ONES,
    (8, 0, False): Specials.NAN_ALL_ONES,
    (5, 3, False): Specials.NAN_ALL_ONES,
}
SHORT = {  # splits that are called otherwise
    (5, 10, True, Specials.IEEE): "f16",
    (8, 7, True, Specials.IEEE): "bf16",
    (8, 0, False, Specials.NAN_ALL_ONES): "f8e8m0",
}


@cache
def integer(bits: int, signed: bool) -> DType:
    """``i<bits>`` or ``u<bits>``, 1 to 64 bits."""
    if not 1 <= bits <= 64:
        raise TileError(
            f"an integer has 1 to 64 bits, not {bits}", help="take the next wider one, or split the number over two"
        )
    kind = Kind.SIGNED if signed else Kind.UNSIGNED
    return DType(f"{'i' if signed else 'u'}{bits}", bits, kind, signed=signed)


def float_(exponent: int, mantissa: int, signed: bool = True, specials: Specials | str | None = None) -> DType:
    """The small float with this split, 2 to 16 bits: ``float_(2, 3)`` is ``f6e2m3``.

    Without ``specials`` it is what the bare name means: ``float_(4, 3)`` is ``f8e4m3``, as OCP has it, and so are
    ``f8e8m0`` and ``f8ue5m3``; else 8 bits or more follow IEEE, and fewer have only finite codes, as the OCP small
    formats do. ``specials`` may be ``"ieee"`` (infinity and NaN), ``"fn"`` (NaN alone, the code of all ones),
    ``"fnuz"`` (NaN alone, in the place of -0) and ``"finite"``; the name then tells them: ``f8e4m3ieee``,
    ``f8e4m3fnuz``, ``f6e2m3fn``, ``f8e5m2finite``. The bias is ``2**(exponent-1) - 1``, and one more for fnuz. Raises
    :class:`TileError` where the parts do not fit, or leave no code for the specials.
    """
    if not (is_count(exponent) and is_count(mantissa)):
        raise TileError(f"a float is split into whole bits, not {exponent!r} and {mantissa!r}", help="pass two ints")
    exponent, mantissa = int(exponent), int(mantissa)
    bits = bool(signed) + exponent + mantissa
    if not (0 <= exponent <= 8 and 0 <= mantissa <= 10 and 2 <= bits <= 16):
        raise TileError(
            f"no float has {exponent} exponent and {mantissa} mantissa bits"
            f"{' and a sign' if signed else ''}: {bits} bits in all",
            help="0 to 8 exponent bits, 0 to 10 mantissa bits, 2 to 16 bits in all",
        )
    signed, bare = bool(signed), bare_specials(exponent, mantissa, bool(signed))
    specials = bare if specials is None else as_specials(specials)
    split = f"f{bits}{'' if signed else 'u'}e{exponent}m{mantissa}"
    name = SHORT.get((exponent, mantissa, signed, specials), split + ("" if specials is bare else specials.value))
    if why := impossible(exponent, mantissa, signed, specials):
        raise TileError(f"{name} is impossible: {why}", help=f"{split} is the type with this split")
    bias = (1 << (exponent - 1)) - (specials is not Specials.NAN_NEGATIVE_ZERO) if exponent else 0
    return DType(name, bits, Kind.FLOAT, exponent, mantissa, bias, signed, specials)


def is_count(bits: Any) -> bool:
    """Whether a number of bits is whole, of numpy or not; a truth is no number of them."""
    return hasattr(type(bits), "__index__") and not isinstance(bits, bool)


def as_specials(word: Specials | str) -> Specials:
    """The member that is meant."""
    try:
        return Specials(word)
    except ValueError:
        words = [s.value for s in Specials]
        near = nearest(str(word), words)
        help = f"did you mean {near!r}?" if near else f"there are {', '.join(map(repr, words))}"
        raise TileError(f"a float's codes are not spent on {word!r}", help=help) from None


def bare_specials(exponent: int, mantissa: int, signed: bool) -> Specials:
    """What the name without a suffix means."""
    if found := BARE.get((exponent, mantissa, signed)):
        return found
    return Specials.IEEE if exponent + mantissa + signed >= 8 and exponent and mantissa else Specials.NONE


def impossible(exponent: int, mantissa: int, signed: bool, specials: Specials) -> str | None:
    """Why a split cannot spend its codes so, if it cannot."""
    if specials is Specials.IEEE and not (exponent and mantissa):
        return "infinity and NaN are told apart by an exponent and a mantissa, and it lacks one of them"
    if specials is Specials.NAN_NEGATIVE_ZERO and not signed:
        return "NaN takes the code of -0, and it has no sign"
    if specials is Specials.NAN_ALL_ONES and exponent + mantissa < 2:
        return "NaN would take every code but zero's"
    return None
