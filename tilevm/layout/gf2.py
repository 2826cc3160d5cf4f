"""Vector spaces over GF(2): a vector is an int, its bits the coordinates."""

from __future__ import annotations

from collections.abc import Iterable

Basis = dict[int, int]  # by the length of the vector in bits: no two of one length


def entered(vector: int, basis: Basis) -> bool:
    """Whether ``vector`` lies outside the span; it is then added to the basis, less what the span has of it."""
    while vector:
        row = basis.get(vector.bit_length())
        if row is None:
            basis[vector.bit_length()] = vector
            return True
        vector ^= row
    return False


def echelon(vectors: Iterable[int]) -> list[int]:
    """A basis of what ``vectors`` span, reduced: each has a highest bit that no other one has; highest first."""
    basis: Basis = {}
    for vector in vectors:
        entered(vector, basis)
    rows: list[int] = []
    for length in sorted(basis):
        row = basis[length]
        for lower in reversed(rows):
            row = min(row, row ^ lower)
        rows.append(row)
    return rows[::-1]


def rank(vectors: Iterable[int]) -> int:
    """The dimension of what ``vectors`` span."""
    basis: Basis = {}
    return sum(entered(vector, basis) for vector in vectors)


def beyond(space: Iterable[int], vectors: Iterable[int]) -> list[int]:
    """Those of ``vectors``, in their order, that make ``space`` larger one by one."""
    basis: Basis = {}
    for vector in space:
        entered(vector, basis)
    return [vector for vector in vectors if entered(vector, basis)]


def meet(first: Iterable[int], second: Iterable[int], width: int) -> list[int]:
    """A basis of the intersection of two spans, for vectors of ``width`` bits (Zassenhaus)."""
    rows = echelon([vector << width | vector for vector in first] + [vector << width for vector in second])
    return echelon(row for row in rows if row < 1 << width)
