"""Philox4x32-10 on vectors: 32-bit words, multiplied in 64-bit lanes."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import ops
from tilevm.types import DType, Scalar

from .arithmetic import rules
from .emit import I32, I64, LLVM, Emitter, lanes_of, vector_of

FACTORS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10


@rules.rule(ops.Philox)
def _(op: ops.Philox, e: Emitter, dtype: DType, xs: Sequence[LLVM]) -> LLVM:
    assert isinstance(op.seed.type, Scalar)
    seed, index = long(e, xs[0], op.seed.type.dtype), long(e, xs[1], dtype)
    block = e.b.lshr(index, e.like(index, 2))
    none = e.number(vector_of(I32, lanes_of(index)), 0)
    words = philox(e, [*halves(e, block), none, none], halves(e, seed))
    found, lane = words[0], halves(e, e.b.and_(index, e.like(index, 3)))[0]
    for n, word in enumerate(words[1:], 1):
        found = e.b.select(e.b.icmp_unsigned("==", lane, e.like(lane, n)), word, found)
    return found


def philox(e: Emitter, counter: list[LLVM], key: tuple[LLVM, LLVM]) -> list[LLVM]:
    """The block of four words at a counter of four words under a key of two."""
    a, b, c, d = counter
    for n in range(ROUNDS):
        first, second = (e.b.add(k, e.like(k, n * w & 0xFFFFFFFF)) for k, w in zip(key, WEYL, strict=True))
        (x, above), (y, over) = (product(e, w, f) for w, f in zip((a, c), FACTORS, strict=True))
        a, b, c, d = e.b.xor(e.b.xor(over, b), first), y, e.b.xor(e.b.xor(above, d), second), x
    return [a, b, c, d]


def product(e: Emitter, word: LLVM, factor: int) -> tuple[LLVM, LLVM]:
    """The low and the high half of a product of words."""
    wide = e.b.zext(word, vector_of(I64, lanes_of(word)))
    return halves(e, e.b.mul(wide, e.like(wide, factor)))


def halves(e: Emitter, x: LLVM) -> tuple[LLVM, LLVM]:
    """A 64-bit number as two words, the lower first."""
    kind = vector_of(I32, lanes_of(x))
    return e.b.trunc(x, kind), e.b.trunc(e.b.lshr(x, e.like(x, 32)), kind)


def long(e: Emitter, x: LLVM, dtype: DType) -> LLVM:
    """An integer as 64 bits."""
    kind = vector_of(I64, lanes_of(x))
    return x if x.type == kind else (e.b.sext if dtype.signed else e.b.zext)(x, kind)
