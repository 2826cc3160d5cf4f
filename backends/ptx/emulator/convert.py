"""``cvt``: between integers and floats of all widths, in every direction of rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import rounding
from .floats import from64, to64
from .integers import limits
from .kinds import HOLD, Array, is_float, resize, width
from .operands import unknown
from .pure import Pure
from .records import Instruction

WHOLE = {"rni": "rn", "rzi": "rz", "rmi": "rm", "rpi": "rp"}
SMALL = {"e4m3": (3, 7, 0x7F), "e5m2": (2, 15, 0x7E)}  # bits of mantissa, bias, a NaN
Convert = Callable[[Array], Array]


def rule(at: Instruction) -> Pure:
    """Types stand last, the result's first; two sources make a pair."""
    target, source = at.parts[-2:]
    if target not in HOLD and target not in ("tf32",):
        raise unknown(at, f"conversion to {target} is not known")
    if target.endswith("x2") and source == "f32":
        return Pure(("f32", "f32"), target, pack(at, target))
    if source.endswith("x2") or target.endswith("x2"):
        return small_pair(at, target, source)
    if target == "tf32":
        return Pure(("f32",), "b32", lambda x: to_tf32(at, x))
    chosen = {
        (False, False): integers,
        (False, True): to_integer,
        (True, False): from_integer,
        (True, True): floats,
    }
    function = chosen[is_float(target), is_float(source)](at, target, source)
    if is_float(target) or is_float(source) or at.has("sat"):
        return Pure((source,), target, function)
    return Pure((source,), target, function, lambda x, lacks: resize(lacks, width(target), source[0] == "s"))


def direction_of(at: Instruction) -> str:
    return next((d for d in ("rn", "rz", "rm", "rp", "rna") if at.has(d)), "rn")


def integers(at: Instruction, target: str, source: str) -> Convert:
    """Cut or stretched by the source's sign; clamped with ``.sat``."""
    if not at.has("sat"):
        hold = HOLD[target]
        return lambda x: x.astype(hold)
    low, high = limits(target)
    clamp = np.frompyfunc(lambda v: min(max(int(v), low), high), 1, 1)
    return lambda x: np.asarray(clamp(x)).astype(HOLD[target])


def to_integer(at: Instruction, target: str, source: str) -> Convert:
    """Rounded to an integer, clamped to the type's limits; NaN gives 0."""
    name = next((n for n in WHOLE if at.has(n)), None)
    if name is None:
        raise unknown(at, "a conversion to an integer says how it rounds")
    turn, (low, high) = rounding.DIRECTIONS[WHOLE[name]], limits(target)
    hold = HOLD[target]

    def run(x: Array) -> Array:
        if at.has("ftz") and source == "f32":
            x = rounding.flush(x)
        y = turn(to64(x, source))
        inside = (y > low) & (y < high)
        found = np.where(inside, y, 0.0).astype(hold)
        found = np.where(y >= high, np.array(high, hold), found)
        return np.where(y <= low, np.array(low, hold), found)

    return run


def from_integer(at: Instruction, target: str, source: str) -> Convert:
    """Rounded once: what float64 cannot hold is rounded to odd on the way."""
    direction = direction_of(at)
    if target == "f64" and direction != "rn":
        raise unknown(at, "f64 is rounded to nearest only")

    def run(x: Array) -> Array:
        wide = x.astype(np.float64)
        if width(source) == 64 and target != "f64":
            lost = np.array([int(v) - int(w) for v, w in zip(x, wide, strict=True)], np.float64)
            wide = rounding.to_odd(wide, lost)
        return from64(rounding.narrow(wide, target, direction), target)

    return run


def floats(at: Instruction, target: str, source: str) -> Convert:
    """Between floats, or to a whole number of the same type (``.rni`` and its like)."""
    whole = next((WHOLE[n] for n in WHOLE if at.has(n)), None)
    direction = direction_of(at)

    def run(x: Array) -> Array:
        if at.has("ftz") and source == "f32":
            x = rounding.flush(x)
        y = to64(x, source)
        y = rounding.narrow(rounding.DIRECTIONS[whole](y) if whole else y, target, direction)
        found = from64(clamp(at, y), target)
        return rounding.flush(found) if at.has("ftz") and target == "f32" else found

    return run


def clamp(at: Instruction, x: Array) -> Array:
    """``.sat`` and ``.relu``."""
    if at.has("sat"):
        x = np.where(np.isnan(x), 0.0, np.clip(x, 0.0, 1.0))
    return np.where(x > 0, x, np.where(np.isnan(x), np.nan, 0.0)) if at.has("relu") else x


def to_tf32(at: Instruction, x: Array) -> Array:
    """The bits of f32 with the 13 low ones cut off after rounding."""
    found = rounding.narrow(x.astype(np.float64), "tf32", direction_of(at))
    return clamp(at, found).astype(np.float32).view(np.uint32)


def pack(at: Instruction, target: str) -> Callable[[Array, Array], Array]:
    """A pair from two f32 numbers: the first goes to the upper half."""
    element, direction = target.removesuffix("x2"), direction_of(at)

    def run(upper: Array, lower: Array) -> Array:
        both = np.stack(np.broadcast_arrays(lower, upper), axis=-1).astype(np.float64)
        if element in SMALL:
            codes = to_small(both, element, at.has("relu"))
            return joined(codes)
        return from64(clamp(at, rounding.narrow(both, element, direction)), target)

    return run


def joined(codes: Array) -> Array:
    """Two bytes as one number, the first in the low half."""
    return np.asarray(codes[:, 0] | codes[:, 1] << np.uint16(8)).astype(np.uint16)


def small_pair(at: Instruction, target: str, source: str) -> Pure:
    """Pairs of 8-bit floats from and to pairs of f16."""
    inner, outer = source.removesuffix("x2"), target.removesuffix("x2")
    if inner in SMALL and target == "f16x2":

        def widen(x: Array) -> Array:
            codes = np.stack([x & np.uint16(255), x >> np.uint16(8)], axis=-1)
            return from64(clamp(at, from_small(codes, inner)), target)

        return Pure(("b16",), target, widen)
    if outer in SMALL and source == "f16x2":

        def shrink(x: Array) -> Array:
            codes = to_small(to64(x, source), outer, at.has("relu"))
            return joined(codes)

        return Pure((source,), "b16", shrink)
    raise unknown(at, f"conversion from {source} to {target} is not known")


def to_small(x: Array, element: str, relu: bool) -> Array:
    """Codes of 8-bit floats, rounded to nearest, what is too large clamped to the largest (``.satfinite``)."""
    mantissa, bias, nan = SMALL[element]
    largest = rounding.FORMATS[element].largest
    x = np.where(relu & (x < 0), 0.0, x)
    y = np.clip(rounding.narrow(np.clip(x, -largest, largest), element), -largest, largest)
    _, exponent = np.frexp(np.abs(y))
    field = np.where(y == 0, 0, np.maximum(exponent - 1 + bias, 0))
    step = np.ldexp(1.0, np.maximum(field, 1) - bias - mantissa)
    whole = np.where(field > 0, np.ldexp(1.0, mantissa), 0.0)
    code = (field << mantissa) + np.where(np.isnan(y), 0.0, np.abs(y) / step - whole).astype(int)
    code = code | np.where(np.signbit(y), 128, 0)
    return np.where(np.isnan(x), nan | (1 if element == "e5m2" else 0), code).astype(np.uint16)


def from_small(codes: Array, element: str) -> Array:
    """The numbers that 8-bit codes stand for."""
    mantissa, bias, nan = SMALL[element]
    magnitude = (codes & np.uint16(127)).astype(int)
    field, fraction = magnitude >> mantissa, magnitude & ((1 << mantissa) - 1)
    whole = np.where(field > 0, 1 << mantissa, 0)
    value = np.ldexp((whole + fraction).astype(np.float64), np.maximum(field, 1) - bias - mantissa)
    if element == "e5m2":
        value = np.where(field == 31, np.where(fraction == 0, np.inf, np.nan), value)
    else:
        value = np.where(magnitude == nan, np.nan, value)
    return np.where(codes & np.uint16(128), -value, value)
