"""Elements packed in words of 32 bits, and taken out of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tilevm.types import DType, u32

from .elements import Element, Elements, Known, Part, Reg, Whole, bits, extracted, register, wrapped
from .text import Text

WORD = 32


def part(dtype: DType, word: Whole, at: int) -> Element:
    """The number in a word's bits from ``at`` on, which lie within it."""
    if isinstance(word, Known):
        return Known(wrapped(dtype, (word.value & 0xFFFFFFFF) >> at))
    return word if dtype.bits == WORD else Part(word, at, dtype.bits)


def whole(t: Text, x: Element, dtype: DType) -> Whole:
    """An element that stands in a register of its own, its bits counted from 0."""
    if isinstance(x, Known):
        return Known(x.value & ((1 << dtype.bits) - 1))
    return Reg(register(t, x, dtype))


def words(t: Text, xs: Sequence[Element], dtype: DType) -> Elements:
    """The bits of elements one behind another, cut into words; the last one is filled with zeros."""
    if dtype.bits == 64:
        return tuple(half for x in xs for half in halves(t, x, dtype))
    if dtype.bits == WORD:
        return tuple(whole_word(t, x, dtype) for x in xs)
    if WORD % dtype.bits == 0:
        each = WORD // dtype.bits
        return tuple(packed(t, xs[i : i + each], dtype) for i in range(0, len(xs), each))
    return tuple(stream(t, xs, dtype))


def whole_word(t: Text, x: Element, dtype: DType) -> Whole:
    return Known(x.value & 0xFFFFFFFF) if isinstance(x, Known) else Reg(register(t, x, dtype))


def halves(t: Text, x: Element, dtype: DType) -> tuple[Whole, Whole]:
    """The low and the high word of a number of 64 bits."""
    if isinstance(x, Known):
        return Known(x.value & 0xFFFFFFFF), Known(x.value >> WORD & 0xFFFFFFFF)
    low, high = t.several(("r", "r"), "mov.b64", register(t, x, dtype))
    return Reg(low), Reg(high)


def joined(t: Text, low: Element, high: Element) -> Whole:
    """Two words as a number of 64 bits."""
    if isinstance(low, Known) and isinstance(high, Known):
        return Known((low.value & 0xFFFFFFFF) | (high.value & 0xFFFFFFFF) << WORD)
    return Reg(t.pure("rd", "mov.b64", f"{{{bits(t, low, u32)}, {bits(t, high, u32)}}}"))


def packed(t: Text, xs: Sequence[Element], dtype: DType) -> Whole:
    """One word of elements that fill it, or its low bits."""
    first = xs[0]
    if isinstance(first, Part) and all(follows(x, first, i * dtype.bits) for i, x in enumerate(xs)):
        if len(xs) * dtype.bits == WORD:
            return first.word
        return Reg(extracted(t, Part(first.word, 0, len(xs) * dtype.bits), u32))
    if all(isinstance(x, Known) for x in xs):
        return Known(sum(low(x, dtype) << i * dtype.bits for i, x in enumerate(xs) if isinstance(x, Known)))
    if dtype.bits in (8, 16):
        return permuted(t, xs, dtype)
    return inserted(t, xs, dtype)


def follows(x: Element, first: Part, at: int) -> bool:
    """Whether an element is as wide as the first one of a word, and stands in it at a bit."""
    return isinstance(x, Part) and x.at == at and x.bits == first.bits and x.word == first.word


def low(x: Known, dtype: DType) -> int:
    return x.value & ((1 << dtype.bits) - 1)


def permuted(t: Text, xs: Sequence[Element], dtype: DType) -> Whole:
    """Bytes and halves by ``prmt``, straight out of the words that they stand in."""
    size = dtype.bits // 8
    taken = [place for x in xs for place in places(t, x, dtype, size)]
    taken += [(Known(0), 0)] * (4 - len(taken))
    left, right = taken[:2], taken[2:]
    if len({word for word, _ in taken}) <= 2:
        return permute(t, taken)
    pair = [permute(t, [*side, *side]) for side in (left, right)]
    return permute(t, [(pair[0], 0), (pair[0], 1), (pair[1], 0), (pair[1], 1)])


def places(t: Text, x: Element, dtype: DType, size: int) -> Iterator[tuple[Whole, int]]:
    """The word and the byte in it for each byte of an element."""
    if isinstance(x, Part):
        yield from ((x.word, x.at // 8 + i) for i in range(size))
    else:
        word = whole(t, x, dtype)
        yield from ((word, i) for i in range(size))


def permute(t: Text, taken: Sequence[tuple[Whole, int]]) -> Whole:
    """Four bytes out of at most two words."""
    sources = list(dict.fromkeys(word for word, _ in taken))
    if len(sources) == 1 and [at for _, at in taken] == [0, 1, 2, 3]:
        return sources[0]
    selector = sum((sources.index(word) * 4 + at) << 4 * i for i, (word, at) in enumerate(taken))
    names = [bits(t, word, u32) for word in sources]
    return Reg(t.pure("r", "prmt.b32", names[0], names[-1], f"0x{selector:04x}"))


def inserted(t: Text, xs: Sequence[Element], dtype: DType) -> Whole:
    """Fields of a few bits put into a word one after another."""
    known = sum(low(x, dtype) << i * dtype.bits for i, x in enumerate(xs) if isinstance(x, Known))
    word = bits(t, Known(known), u32)
    for i, x in enumerate(xs):
        if not isinstance(x, Known):
            word = t.pure("r", "bfi.b32", register(t, x, dtype), word, str(i * dtype.bits), str(dtype.bits))
    return Reg(word)


def stream(t: Text, xs: Sequence[Element], dtype: DType) -> Iterator[Whole]:
    """Words of elements that may lie across their edges."""
    count = -(-len(xs) * dtype.bits // WORD)
    names = ["0"] * count
    for i, x in enumerate(xs):
        value, (word, at) = register(t, whole(t, x, dtype), u32), divmod(i * dtype.bits, WORD)
        fits = min(dtype.bits, WORD - at)
        names[word] = t.pure("r", "bfi.b32", value, names[word], str(at), str(fits))
        if fits < dtype.bits:
            names[word + 1] = t.pure("r", "bfe.u32", value, str(fits), str(dtype.bits - fits))
    yield from map(Reg, names)


def unpacked(t: Text, given: Sequence[Element], dtype: DType, count: int) -> Elements:
    """``count`` elements out of words."""
    if dtype.bits == 64:
        return tuple(joined(t, given[2 * i], given[2 * i + 1]) for i in range(count))
    held = [w if isinstance(w, Known | Reg) else Reg(register(t, w, u32)) for w in given]
    return tuple(field(t, held, dtype, i * dtype.bits) for i in range(count))


def field(t: Text, held: Sequence[Whole], dtype: DType, begin: int) -> Element:
    """The number in some bits of a run of words."""
    word, at = divmod(begin, WORD)
    if at + dtype.bits <= WORD:
        return part(dtype, held[word], at)
    low_word, high_word = (bits(t, w, u32) for w in held[word : word + 2])
    both = t.pure("r", "shf.r.wrap.b32", low_word, high_word, str(at))
    return part(dtype, Reg(both), 0)
