"""Values from other lanes of the warp, and what all lanes of a warp do together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from tilevm.ir import threads
from tilevm.types import DType, i32, u32

from .access import bracket
from .elements import Element, Elements, Known, Reg, bits, condition, kind_of, register
from .integers import compare
from .later import Held
from .memory import shared_places
from .state import State, count_of, dtype_of, spell
from .words import halves, joined, unpacked, words

ALL = "0xffffffff"
Move = Callable[[Element], Element]  # of a word


@spell.rule(threads.Shuffle)
def _(op: threads.Shuffle, s: State) -> Sequence[Elements]:
    lane = bits(s.t, s.number(op.lane), i32)
    return [moved(s, s.values[op.x], dtype_of(op.x), f"shfl.sync.idx.b32 {{}}, {{}}, {lane}, 31, {ALL}")]


@spell.rule(threads.ShuffleXor)
def _(op: threads.ShuffleXor, s: State) -> Sequence[Elements]:
    return [moved(s, s.values[op.x], dtype_of(op.x), f"shfl.sync.bfly.b32 {{}}, {{}}, {op.mask}, 31, {ALL}")]


def moved(s: State, xs: Elements, dtype: DType, form: str) -> Elements:
    """Elements as another lane has them: constants as they are, packed ones by the word."""

    def move(x: Element) -> Element:
        if isinstance(x, Known):
            return x
        name = s.t.fresh("r")
        s.t.line(form.format(name, register(s.t, x, u32)))
        return Reg(name)

    if dtype.bits < 32 and not dtype.is_bool and len(xs) * dtype.bits % 32 == 0:
        return unpacked(s.t, [move(w) for w in words(s.t, xs, dtype)], dtype, len(xs))
    return tuple(x if isinstance(x, Known) else one(s, x, dtype, move) for x in xs)


def one(s: State, x: Element, dtype: DType, move: Move) -> Element:
    """One element: a bool as a number, 64 bits in two halves."""
    if dtype.is_bool:
        number = Reg(s.t.pure("r", "selp.b32", "1", "0", condition(s.t, x)))
        return compare(s.t, u32, "ne", move(number), Known(0))
    if dtype.bits > 32:
        low, high = halves(s.t, x, dtype)
        return joined(s.t, move(low), move(high))
    return move(Reg(register(s.t, x, dtype)))


@spell.rule(threads.MatrixLoad)
def _(op: threads.MatrixLoad, s: State) -> Sequence[Elements]:
    s.t.need(s.target.matrix_copy(op.copy).since)
    held: list[Element] = []
    for place in shared_places(s, op.buffer, op.slot, op.offsets):
        names = tuple(s.t.fresh("r") for _ in range(op.words))
        line = Held(f"{op.copy} {braced(names)}, {bracket(place.address)}", op.span, names)
        s.later.loads.update(dict.fromkeys(names, line))
        held += map(Reg, names)
    s.later.values.add(op.result)
    return [unpacked(s.t, held, dtype_of(op.result), count_of(op.result))]


@spell.rule(threads.Mma)
def _(op: threads.Mma, s: State) -> Sequence[Elements]:
    atom = s.target.atom(op.atom)
    s.t.need(atom.since)
    m, n, k = op.grid
    a, b, acc = (fragments(s, s.values[v], dtype_of(v), c) for v, c in ((op.a, m * k), (op.b, k * n), (op.acc, m * n)))
    kind = kind_of(dtype_of(op.acc)) if dtype_of(op.acc).bits >= 32 else "r"
    copies = len(s.later.copies)
    for step, i, j in product(range(k), range(m), range(n)):  # neighbours do not wait for each other
        if i == j == 0:
            matrices(s, op, a[step::k], b[step * n : (step + 1) * n])
        if step + 1 < k and (i, j) == (min(1, m - 1), 0):
            matrices(s, op, a[step + 1 :: k], b[(step + 1) * n : (step + 2) * n])
        given = (a[i * k + step], b[step * n + j], acc[i * n + j])
        names = tuple(s.t.fresh(kind) for _ in given[2])
        s.t.line(f"{op.atom} {', '.join(map(braced, (names, *given)))}")
        acc[i * n + j] = names
        s.later.spread(s.t, (step * m + i) * n + j + 1, m * n * k, copies)
        s.t.locate(op.span)
    held = [Reg(name) for fragment in acc for name in fragment]
    dtype = dtype_of(op.acc)
    return [tuple(held) if dtype.bits >= 32 else unpacked(s.t, held, dtype, count_of(op.acc))]


def matrices(s: State, op: threads.Mma, a: Sequence[tuple[str, ...]], b: Sequence[tuple[str, ...]]) -> None:
    """Write the loads that give these fragments, as products take them."""
    for fragment in (*a[:1], *b, *a[1:]):
        s.later.need(s.t, fragment)
    s.t.locate(op.span)


def braced(names: Sequence[str]) -> str:
    return f"{{{', '.join(names)}}}"


def fragments(s: State, xs: Elements, dtype: DType, count: int) -> list[tuple[str, ...]]:
    """The registers of each operand that an array holds."""
    each = len(xs) // count
    found = []
    for first in range(0, len(xs), each):
        part = xs[first : first + each]
        whole = part if dtype.bits >= 32 else words(s.t, part, dtype)
        found.append(tuple(register(s.t, x, dtype if dtype.bits >= 32 else u32) for x in whole))
    return found
