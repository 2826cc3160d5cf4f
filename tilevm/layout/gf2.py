"""Vector spaces over GF(2): a vector is an int, its bits the coordinates."""

from __future__ import annotations

from collections.abc import Iterable


def echelon(vectors: Iterable[int]) -> list[int]:
    """A basis of what ``vectors`` span, reduced: each has a highest bit that no other one has; highest first."""
    basis: list[int] = []
    for vector in vectors:
        for row in basis:
            vector = min(vector, vector ^ row)
        if vector:
            top = 1 << (vector.bit_length() - 1)
            basis = [row ^ vector if row & top else row for row in basis]
            basis = sorted([*basis, vector], reverse=True)
    return basis


def rank(vectors: Iterable[int]) -> int:
    """The dimension of what ``vectors`` span."""
    return len(echelon(vectors))


def beyond(space: Iterable[int], vectors: Iterable[int]) -> list[int]:
    """Those of ``vectors``, in their order, that make ``space`` larger one by one."""
    basis = echelon(space)
    found: list[int] = []
    for vector in vectors:
        larger = echelon([*basis, vector])
        if len(larger) > len(basis):
            basis, found = larger, [*found, vector]
    return found


def meet(first: Iterable[int], second: Iterable[int], width: int) -> list[int]:
    """A basis of the intersection of two spans, for vectors of ``width`` bits (Zassenhaus)."""
    rows = echelon([vector << width | vector for vector in first] + [vector << width for vector in second])
    return echelon(row for row in rows if row < 1 << width)
