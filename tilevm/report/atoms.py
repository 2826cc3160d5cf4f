"""The matrix instructions of all machines in words: a row a set of fragments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilevm.layout import Layout
from tilevm.target import TARGETS, MmaAtom, target
from tilevm.types import DType

Row = tuple[str, ...]
Types = tuple[DType, DType, DType]


@dataclass(frozen=True)
class Fragments:
    """What the rows are told apart by. The forms of wgmma for every n share a row: n and c are None there."""

    family: str
    m: int
    n: int | None
    k: int
    blocks: int
    a: Layout | None
    b: Layout | None
    c: Layout | None

    @property
    def shape(self) -> str:
        front = f"{self.blocks} of " if self.blocks > 1 else ""
        return f"{front}{self.m} × {self.n or 'n'} × {self.k}"


FAMILY = re.compile(r"wgmma|mma\.sync|v_mfma_scale|v_mfma")


def fragments(atom: MmaAtom) -> Fragments:
    found = FAMILY.match(atom.name)
    assert found, f"{atom.name} belongs to no family"
    n, c = (None, None) if found[0] == "wgmma" else (atom.n, atom.c)
    return Fragments(found[0], atom.m, n, atom.k, atom.blocks, atom.a, atom.b, c)


HEAD = ("instruction", "m × n × k", "types", "machines", "a", "b", "c")


def atoms(names: Sequence[str] = TARGETS) -> list[Row]:
    """A row a set of fragments: instructions of the same shape whose operands lie alike, on the same machines."""
    held: dict[Fragments, dict[Types, dict[str, set[int]]]] = {}
    accumulators: dict[tuple[Fragments, int], Layout] = {}
    for name in names:
        for atom in target(name).mma_atoms:
            key, types = fragments(atom), (atom.a_dtype, atom.b_dtype, atom.c_dtype)
            held.setdefault(key, {}).setdefault(types, {}).setdefault(name, set()).add(atom.n)
            accumulators[key, atom.n] = atom.c
    return [
        (
            key.family,
            key.shape + columns(key, ns),
            told(types),
            ", ".join(there),
            *places(key, accumulators[key, ns[-1]]),
        )
        for key, by_types in held.items()
        for (there, ns), types in alike(by_types).items()
    ]


def alike(by_types: Mapping[Types, Mapping[str, set[int]]]) -> dict[tuple[Row, tuple[int, ...]], list[Types]]:
    """The types that are on the same machines, with the same n."""
    found: dict[tuple[Row, tuple[int, ...]], list[Types]] = {}
    for types, there in by_types.items():
        ns = sorted(set().union(*there.values()))
        found.setdefault((tuple(there), tuple(ns)), []).append(types)
    return found


def columns(key: Fragments, ns: Sequence[int]) -> str:
    """Which n there are, where the row stands for several; the layout of c is told for the largest."""
    if key.n is not None:
        return ""
    return f", n = {runs(ns)}"


def runs(ns: Sequence[int]) -> str:
    """Numbers in words: runs of equal steps as ``8 to 256 by 8``."""
    words, rest = [], list(ns)
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 0
        count = 1
        while step and count < len(rest) and rest[count] - rest[count - 1] == step:
            count += 1
        words += [f"{rest[0]} to {rest[count - 1]} by {step}"] if count > 2 else [str(rest[0])]
        rest = rest[count if count > 2 else 1 :]
    return ", ".join(words)


def told(types: Sequence[Types]) -> str:
    """Pairs of a and b, then the accumulators: ``f16 · f16 → f32/f16``; a slash where each goes with each."""
    by_pair: dict[tuple[DType, DType], list[str]] = {}
    for a, b, c in types:
        by_pair.setdefault((a, b), []).append(c.name)
    by_results: dict[tuple[str, ...], list[tuple[DType, DType]]] = {}
    for pair, results in by_pair.items():
        by_results.setdefault(tuple(results), []).append(pair)
    return "; ".join(f"{pairs(found)} → {'/'.join(results)}" for results, found in by_results.items())


def pairs(found: Sequence[tuple[DType, DType]]) -> str:
    left, right = (list(dict.fromkeys(pair[side].name for pair in found)) for side in (0, 1))
    if len(found) == len(left) * len(right):
        return f"{'/'.join(left)} · {'/'.join(right)}"
    return ", ".join(f"{a} · {b}" for a, b in found)


def places(key: Fragments, c: Layout) -> Row:
    return tuple("shared memory" if layout is None else f"`{layout}`" for layout in (key.a, key.b, c))
