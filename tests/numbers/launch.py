"""Where kernels on numbers of any width run, which number types they run on, and bits read one by one."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

import tilevm as tv
from tests.types.reference import SPECIALS
from tilevm.source import TileError
from tilevm.types import NAMED, DType, float_, integer

DEVICES = ("cpu", "vm")


def splits() -> Iterator[DType]:
    """Every small float."""
    for exponent, mantissa, signed, specials in np.ndindex(9, 11, 2, len(SPECIALS)):
        try:
            yield float_(exponent, mantissa, bool(signed), SPECIALS[specials])
        except TileError:
            continue


INTEGERS = [integer(bits, signed) for bits in range(1, 65) for signed in (True, False)]
FLOATS = list({kind.name: kind for kind in (*NAMED.values(), *splits()) if kind.is_float}.values())
KINDS = [*INTEGERS, tv.bool_, *FLOATS]


def random_bytes(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8)


def tensor(held: np.ndarray, kind: DType, shape: Sequence[int]) -> Any:
    return tv.packed(held, kind, shape)


def bytes_for(kind: DType, shape: Sequence[int], more: int = 3) -> int:
    """The bytes of a packed tensor, and some behind it."""
    return -(-prod(shape) * kind.bits // 8) + more


def bits(held: np.ndarray) -> int:
    """The stream of bits as one number."""
    return int.from_bytes(held.tobytes(), "little")


def code(stream: int, kind: DType, place: int) -> int:
    return stream >> place * kind.bits & (1 << kind.bits) - 1


def with_code(stream: int, kind: DType, place: int, new: int) -> int:
    mask = (1 << kind.bits) - 1 << place * kind.bits
    return stream & ~mask | new << place * kind.bits


def plain(kind: DType, codes: Sequence[int]) -> list[int]:
    """Codes after they were numbers once: NaN has one code for each sign then, bits without use are 0."""
    held = np.array(codes, f"u{kind.numpy_bytes}")
    found: list[int] = tv.encode(tv.decode(held, kind), kind, saturate=False).tolist()
    return found


def settled(stream: int, kind: DType, places: Iterable[int]) -> int:
    """The stream with the codes at some places made plain: a machine may keep the NaN that it was given."""
    for place in places:
        stream = with_code(stream, kind, place, plain(kind, [code(stream, kind, place)])[0])
    return stream
