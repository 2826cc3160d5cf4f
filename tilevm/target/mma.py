"""Matrix instructions as records: what they multiply, and which thread holds which element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tilevm.layout import Layout, LayoutError
from tilevm.target.fragment import check_fragment, words
from tilevm.types import DType

Major: TypeAlias = Literal["k", "mn"]  # along which dim an operand in shared memory is contiguous
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Scales:
    """Block scales: one number of ``dtype`` for each ``block`` elements along k, in the low byte of a register or the
    byte that the instruction selects.

    ``a`` has shape (m, k / block), ``b`` has (k / block, n).
    """

    dtype: DType
    block: int
    a: Layout
    b: Layout


@dataclass(frozen=True)
class MmaAtom:
    """One matrix instruction: d = a · b + c for a of m × k, b of k × n, c and d of m × n.

    ``a``, ``b``, ``c`` are layouts of these shapes on thread and reg; d has that of c. A slot of reg is one element,
    in packed order: slot i owns bits [i·w, (i+1)·w) of the thread's registers for the operand. None stands for an
    operand that the instruction reads from shared memory through a descriptor, contiguous along one of ``majors``.
    With ``blocks`` > 1 the instruction does that many products side by side, and every shape has ``blocks`` in front.

    ``since`` is the lowest PTX version with the instruction, on any machine. ``builtin`` is clang's name. ``codes``
    tell the instruction the types of a and b, where the name does not. ``cycles``: clocks between two of them in one
    matrix unit (AMD) or in all four of a processor (wgmma), at least; None where not known.

    Raises LayoutError where a fragment is not of the instruction's shape and threads, or leaves registers half full.
    """

    name: str
    m: int
    n: int
    k: int
    a_dtype: DType
    b_dtype: DType
    c_dtype: DType
    threads: int
    a: Layout | None
    b: Layout | None
    c: Layout
    blocks: int = 1
    scales: Scales | None = None
    majors: tuple[Major, ...] = ()
    since: tuple[int, int] | None = None
    builtin: str = ""
    codes: tuple[int, int] | None = None
    cycles: int | None = None

    def __post_init__(self) -> None:
        for what, dtype, layout, shape in self.operands():
            if layout is not None:
                check_fragment(f"{self.name}, {what}", layout, shape, self.threads)
                words(f"{self.name}, {what}", layout, dtype.bits)
        if bool(self.majors) != (self.a is None or self.b is None):
            raise LayoutError(f"{self.name}: majors are told of operands in shared memory, and only of those")
        if self.scales is not None:
            self.check_scales(self.scales)

    def operands(self) -> Iterator[tuple[str, DType, Layout | None, Shape]]:
        """Name, type, layout and shape of a, b and c."""
        front = (self.blocks,) if self.blocks > 1 else ()
        yield "operand a", self.a_dtype, self.a, (*front, self.m, self.k)
        yield "operand b", self.b_dtype, self.b, (*front, self.k, self.n)
        yield "accumulator", self.c_dtype, self.c, (*front, self.m, self.n)

    def divides(self, m: int, n: int, k: int) -> bool:
        """Whether such instructions make a product of m × k and k × n.

        Of n columns, fewer than an instruction's and a divisor of those, it does each several times (``narrowed``).
        """
        return m % self.m == k % self.k == 0 and (n % self.n == 0 or self.n % n == 0)

    def narrowed(self, columns: int) -> tuple[Layout | None, Layout]:
        """``b`` and ``c`` of a product of as few columns: column j stands for j + ``columns``, j + 2 · ``columns``, ….

        Threads that hold these hold replicas of j; slots that do, beside j in one thread, are left out.
        """
        if columns == self.n:
            return self.b, self.c
        shape = (self.n // columns, columns)
        b = None if self.b is None else self.b.reshape((self.k, *shape)).reduce(1)
        return b, self.c.reshape((self.m, *shape)).reduce(1)

    def check_scales(self, scales: Scales) -> None:
        if self.k % scales.block:
            raise LayoutError(f"{self.name}: k = {self.k} is not a multiple of the {scales.block} under one scale")
        steps = self.k // scales.block
        check_fragment(f"{self.name}, scales of a", scales.a, (self.m, steps), self.threads)
        check_fragment(f"{self.name}, scales of b", scales.b, (steps, self.n), self.threads)

    @property
    def d_dtype(self) -> DType:
        """The type of the result: that of the accumulator."""
        return self.c_dtype

    @property
    def d(self) -> Layout:
        """Where the result lies: over the accumulator."""
        return self.c

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.m, self.n, self.k

    @property
    def words(self) -> tuple[int, int, int]:
        """32-bit registers of a thread for a, b and c; 0 for an operand in shared memory."""
        held = [0 if layout is None else words(what, layout, t.bits) for what, t, layout, _ in self.operands()]
        return held[0], held[1], held[2]
