"""The number formats, their codec and the functions on block scales as a document."""

from __future__ import annotations

from tilevm.library import quantise
from tilevm.library.hadamard import transformed
from tilevm.report.language import plain
from tilevm.runtime.packed import packed
from tilevm.types import NAMED, DType
from tilevm.types.codec import decode, encode, pack, unpack
from tilevm.types.foreign import ABROAD

COLUMNS = (
    *("name", "bits", "sign", "exponent", "mantissa", "bias", "largest", "smallest normal", "smallest"),
    *("epsilon", "inf", "NaN", "numpy or ml_dtypes"),
)


def table() -> str:
    """The floats that have names of their own, with everything that is true of them."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(row(kind) for kind in NAMED.values() if kind.is_float)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(kind: DType) -> tuple[str, ...]:
    """The cells of one format. Powers of two are exact; other values are rounded to six digits."""
    fields = (kind.bits, int(kind.signed), kind.exponent_bits, kind.mantissa_bits, kind.bias)
    values = (kind.max, kind.smallest_normal, kind.smallest_subnormal, kind.epsilon)
    abroad = ABROAD.get(kind)
    return (
        f"`{kind.name}`",
        *map(str, fields),
        *map(value, values),
        *("yes" if there else "" for there in (kind.has_inf, kind.has_nan)),
        f"`{abroad}`" if abroad else "",
    )


def value(x: float) -> str:
    """A positive number, as a power of two where it is one that is long in decimals."""
    short = f"{x:g}"
    if float(short) == x and len(short) < 8:
        return short
    mantissa, exponent = float(x).hex().split("p")
    return f"2^{int(exponent)}" if float.fromhex(mantissa) == 1 else f"{x:.6g}"


def codec() -> str:
    """The functions between numbers, codes, bytes and kernels."""
    names = {"encode": encode, "decode": decode, "pack": pack, "unpack": unpack, "packed": packed}
    return "\n\n".join(plain(f"tv.{name}", held) for name, held in names.items())


def scales() -> str:
    """The functions of the library that quantise arrays."""
    made = (quantise.mx, quantise.bfp, quantise.nvfp4, quantise.groups, quantise.dequantise)
    named = {**{f"quantise.{f.__name__}": f for f in made}, "quantise.Quantised": quantise.Quantised}
    return "\n\n".join(plain(name, held) for name, held in {**named, "hadamard.transformed": transformed}.items())
