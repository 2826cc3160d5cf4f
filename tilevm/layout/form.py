"""What a layout is made of: dims and replicas, checked when built, compared by what they map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Self, TypeAlias

from tilevm.layout.error import LayoutError
from tilevm.layout.mode import (
    DENSE,
    LARGEST,
    MEM,
    REG,
    REPLICATED,
    THREAD,
    Mode,
    Modes,
    check_axis,
    extent_of,
    merge,
    spell,
)
from tilevm.layout.normal import largest, live, normal
from tilevm.layout.xor import PLAIN, Xor

Key: TypeAlias = tuple[tuple[Modes, ...], Modes, Xor, bytes]


@dataclass(frozen=True, eq=False, repr=False)
class Form:
    """``dims`` (one run of modes each, fastest first), ``replicas`` (modes on thread or block), ``xor`` on mem.

    L(i) = { Σ digit·stride@axis + Σ r·stride@axis : 0 ≤ r < extent of each replica }, its coordinate on mem swizzled
    by ``xor`` (SEMANTICS, "Layouts, formally"). The grouping of modes is kept for indexing; ``==`` and ``hash`` see the
    map alone, shape included. Raises LayoutError, naming the mode, when thread, reg or block has a gap or an overlap.
    """

    dims: tuple[Modes, ...] = ()
    replicas: Modes = ()
    xor: Xor = PLAIN

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(tuple(modes) for modes in self.dims))
        object.__setattr__(self, "replicas", tuple(self.replicas))
        for mode in self.replicas:
            if mode.axis not in REPLICATED:
                raise LayoutError(f"{mode} cannot be a replica: replicas stand on {' or '.join(REPLICATED)}")
        every = tuple(self.modes())
        if extent_of(every) >= LARGEST:
            raise LayoutError("a layout counts 2**1024 elements or more, replicas among them")
        held: dict[str, list[Mode]] = {}
        for mode in every:
            if mode.extent > 1 and mode.axis in DENSE:
                held.setdefault(mode.axis, []).append(mode)
        for axis, modes in held.items():
            check_filled(axis, sorted(modes, key=stride_of))

    def modes(self) -> Iterator[Mode]:
        """Every mode, of the dims and of the replicas."""
        for run in (*self.dims, self.replicas):
            yield from run

    @property
    def rank(self) -> int:
        return len(self.dims)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(extent_of(modes) for modes in self.dims)

    @property
    def size(self) -> int:
        """Elements that the index counts; replicas do not add to it."""
        return prod(self.shape)

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """The axes that the layout moves on, sorted."""
        return tuple(sorted({mode.axis for mode in self.modes() if mode.extent > 1}))

    def cosize_of(self, axis: str) -> int:
        """1 + the largest coordinate on ``axis``. Raises LayoutError when there is no such axis."""
        check_axis(axis)
        if axis == MEM and self.xor:
            return self.storage
        return self.cosizes.get(axis, 1)

    @cached_property
    def cosizes(self) -> dict[str, int]:
        """1 + the largest coordinate on each axis, before any swizzle."""
        found: dict[str, int] = {}
        for mode in self.modes():
            found[mode.axis] = found.get(mode.axis, 1) + (mode.extent - 1) * mode.stride
        return found

    @cached_property
    def storage(self) -> int:
        """``cosize_of(mem)`` of a swizzled layout."""
        return 1 + largest(self.dims, self.xor)

    @property
    def cosize(self) -> int:
        """``cosize_of`` the only axis. Raises LayoutError when there are several."""
        if len(self.axes) > 1:
            raise LayoutError(f"cosize is of one axis, this layout has {', '.join(self.axes)}: ask cosize_of(axis)")
        return self.cosize_of(self.axes[0]) if self.axes else 1

    @cached_property
    def threads(self) -> int:
        return self.cosize_of(THREAD)

    @cached_property
    def registers(self) -> int:
        """Element slots that each thread holds."""
        return self.cosize_of(REG)

    @cached_property
    def key(self) -> Key:
        """What is unique for a map: dims and swizzle as ``normal`` says, replicas sorted and merged."""
        replicas = merge(sorted(self.replicas, key=lambda mode: (mode.axis, mode.stride)))
        if not self.xor:
            return tuple(merge(modes) for modes in self.dims), replicas, self.xor, b""
        dims, xor, table = normal(self.dims, self.xor)
        return dims, replicas, xor, table

    def canonical(self) -> Self:
        """The equal layout with the fewest modes: no units, neighbours joined, replicas sorted, dead xor bits gone."""
        dims, replicas, xor, table = self.key
        if table:
            dims, xor = tuple(merge(modes) for modes in self.dims), live(self.dims, self.xor)
        found = replace(self, dims=dims, replicas=replicas, xor=xor)
        found.__dict__["key"] = self.key  # one map, one key
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Form):
            return NotImplemented
        if self is other:
            return True
        if self.hashed != other.hashed or self.key != other.key:
            return False
        other.__dict__["key"] = self.key  # one map, one key: the next time the same object is found
        return True

    def __hash__(self) -> int:
        return self.hashed

    @cached_property
    def hashed(self) -> int:
        """The hash of the map, computed once: layouts are keys of many tables."""
        return hash(self.key)

    def __str__(self) -> str:
        """The canonical text: one group a dim, the replicas, the swizzle; equal layouts read alike.

        Except for swizzled layouts that are not linear over GF(2): these may be written in several ways.
        """
        found = self.canonical()
        words = [spell(modes) for modes in found.dims]
        if found.replicas:
            words += ["rep", spell(found.replicas)]
        if found.xor:
            words += ["xor", str(found.xor)]
        return " ".join(words) or "():()"

    def __repr__(self) -> str:
        return f"{type(self).__name__}.parse({str(self)!r})"


def stride_of(mode: Mode) -> int:
    return mode.stride


def check_filled(axis: str, modes: list[Mode]) -> None:
    """Raises LayoutError unless the strides, ascending, are the running products of the extents."""
    filled = 1
    for mode in modes:
        if mode.stride != filled:
            raise LayoutError(
                f"{mode} should have stride {filled}: {axis} must be filled without a gap and without overlap"
            )
        filled *= mode.extent
