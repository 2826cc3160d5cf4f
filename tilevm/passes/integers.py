"""Integers known exactly or as sums of names: what bounds are proved with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tilevm.types import DType, Kind

Atom = object  # a dim's name, or the IR value of a program id or loop index


def wrap(value: int, dtype: DType) -> int:
    """``value`` modulo the width of an integer type."""
    value &= (1 << dtype.bits) - 1
    return value - (1 << dtype.bits) if dtype.kind is Kind.SIGNED and value >> (dtype.bits - 1) else value


@dataclass(frozen=True)
class Linear:
    """``constant`` plus the sum of coefficient * atom; no coefficient is 0."""

    terms: tuple[tuple[Atom, int], ...] = ()
    constant: int = 0

    @classmethod
    def of(cls, terms: Iterable[tuple[Atom, int]], constant: int) -> Linear:
        total: dict[Atom, int] = {}
        for atom, factor in terms:
            total[atom] = total.get(atom, 0) + factor
        kept = sorted(((a, f) for a, f in total.items() if f), key=lambda t: (str(type(t[0])), str(t[0]), id(t[0])))
        return cls(tuple(kept), constant)

    def __add__(self, other: Linear) -> Linear:
        return Linear.of((*self.terms, *other.terms), self.constant + other.constant)

    def __sub__(self, other: Linear) -> Linear:
        return self + other * -1

    def __mul__(self, factor: int) -> Linear:
        return Linear.of(((a, f * factor) for a, f in self.terms), self.constant * factor)

    @property
    def number(self) -> int | None:
        """The value, where no name is left."""
        return None if self.terms else self.constant

    def at_least(self, lows: Mapping[Atom, int]) -> int | None:
        """A number that this never falls below, given least values of atoms; None when there is none."""
        total = self.constant
        for atom, factor in self.terms:
            if factor < 0 or atom not in lows:
                return None
            total += factor * lows[atom]
        return total
