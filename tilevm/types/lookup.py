"""From a name to its number type."""

from __future__ import annotations

import re
from functools import cache

from tilevm.source import TileError, nearest
from tilevm.types.dtype import DType, Specials
from tilevm.types.foreign import FOREIGN
from tilevm.types.named import NAMED, bf16, f16, f32, f64
from tilevm.types.split import float_, integer

THERE_ARE = "there are bool, i1 to i64, u1 to u64, f16, bf16, f32, f64, and small floats such as f8e4m3"
NUMBER = "(0|[1-9]\\d?)"
SPLIT = re.compile(f"f([1-9]\\d?)(u?)e{NUMBER}m{NUMBER}({'|'.join(s.value for s in Specials)})?", re.ASCII)
TURNED = re.compile(f"f([1-9]\\d?)(u?)m{NUMBER}e{NUMBER}", re.ASCII)
INTEGER = re.compile(r"([iu])(0|[1-9]\d{0,3})", re.ASCII)
COLLOQUIAL = {  # what other languages say
    **FOREIGN,
    **{name[2:]: kind for name, kind in NAMED.items() if "e" in name},  # e4m3, ue8m0
    **{"half": f16, "double": f64, "fp16": f16, "fp32": f32, "fp64": f64, "bfloat": bf16},
    **{"f8": NAMED["f8e4m3"], "fp8": NAMED["f8e4m3"], "f6": NAMED["f6e2m3"], "f4": NAMED["f4e2m1"]},
}


def dtype(name: str | DType) -> DType:
    """The type called ``name``: ``i1`` … ``u64``, ``f16``, ``f6e3m2``, ``f8ue4m3``, ``f8e4m3ieee`` …; a type is itself.

    What ``str`` prints of a type leads back to it. Raises :class:`TileError` with the nearest name when there is none.
    """
    if isinstance(name, DType):
        return name
    if not isinstance(name, str):
        word = getattr(name, "__name__", getattr(name, "name", str(name)))  # numpy's types, numpy's dtypes, torch's
        known = COLLOQUIAL.get(str(word).rpartition(".")[2])
        help = f"pass {known.name!r}" if known else 'as in "f16", or tv.f16'
        raise TileError(f"a number type is called by its name, not by {name!r}", help=help)
    return called(name)


@cache
def called(name: str) -> DType:
    """The type called ``name``."""
    if name in NAMED:
        return NAMED[name]
    if split := SPLIT.fullmatch(name):
        bits, unsigned, exponent, mantissa, suffix = split.groups()
        found = float_(int(exponent), int(mantissa), not unsigned, Specials(suffix) if suffix else None)
        if found.bits == int(bits):
            return found
        raise TileError(
            f"{name}: the parts of this float add up to {found.bits} bits, not {bits}",
            help=f"did you mean {found.name!r}?",
        )
    if whole := INTEGER.fullmatch(name):
        return integer(int(whole[2]), whole[1] == "i")
    near = likely(name)
    raise TileError(f"no number type is called {name!r}", help=f"did you mean {near!r}?" if near else THERE_ARE)


def likely(name: str) -> str | None:
    """The name that ``name`` most likely meant, if one is near; ``torch.float16`` and the like are looked up."""
    name = name.rpartition(".")[2]
    if name in COLLOQUIAL:
        return COLLOQUIAL[name].name
    if turned := TURNED.fullmatch(name):  # the exponent comes first
        return f"f{turned[1]}{turned[2]}e{turned[4]}m{turned[3]}"
    return nearest(name, list(NAMED))
