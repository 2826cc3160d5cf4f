"""What a layout is made of: dims and replicas, checked when built, compared by what they map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Self, TypeAlias

from tilevm.layout.error import LayoutError
from tilevm.layout.mode import DENSE, LARGEST, REG, REPLICATED, THREAD, Mode, Modes, check_axis, extent_of, merge, spell

Key: TypeAlias = tuple[tuple[Modes, ...], Modes]


@dataclass(frozen=True, eq=False, repr=False)
class Form:
    """``dims`` (one run of modes each, fastest first) and ``replicas`` (modes on thread or block).

    L(i) = { Σ digit·stride@axis + Σ r·stride@axis : 0 ≤ r < extent of each replica } (SEMANTICS, "Layouts,
    formally"). The grouping of modes is kept for indexing; ``==`` and ``hash`` see the map alone, shape included.
    Raises LayoutError, naming the mode, when thread, reg or block has a gap or an overlap.
    """

    dims: tuple[Modes, ...] = ()
    replicas: Modes = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(tuple(modes) for modes in self.dims))
        object.__setattr__(self, "replicas", tuple(self.replicas))
        for mode in self.replicas:
            if mode.axis not in REPLICATED:
                raise LayoutError(f"{mode} cannot be a replica: replicas stand on {' or '.join(REPLICATED)}")
        if extent_of(tuple(self.modes())) >= LARGEST:
            raise LayoutError("a layout counts 2**1024 elements or more, replicas among them")
        for axis in DENSE:
            check_filled(axis, sorted(self.on(axis), key=lambda mode: mode.stride))

    def modes(self) -> Iterator[Mode]:
        """Every mode, of the dims and of the replicas."""
        for run in (*self.dims, self.replicas):
            yield from run

    def on(self, axis: str) -> Iterator[Mode]:
        """The modes that count on ``axis``, without units."""
        return (mode for mode in self.modes() if mode.axis == axis and mode.extent > 1)

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
        """1 + the largest coordinate on ``axis``: 1 + Σ (e−1)·s. Raises LayoutError when there is no such axis."""
        check_axis(axis)
        return 1 + sum((mode.extent - 1) * mode.stride for mode in self.on(axis))

    @property
    def cosize(self) -> int:
        """``cosize_of`` the only axis. Raises LayoutError when there are several."""
        if len(self.axes) > 1:
            raise LayoutError(f"cosize is of one axis, this layout has {', '.join(self.axes)}: ask cosize_of(axis)")
        return self.cosize_of(self.axes[0]) if self.axes else 1

    @property
    def threads(self) -> int:
        return self.cosize_of(THREAD)

    @property
    def registers(self) -> int:
        """Element slots that each thread holds."""
        return self.cosize_of(REG)

    @cached_property
    def key(self) -> Key:
        """The canonical dims and replicas, unique for a map: dims as ``merge`` says, replicas sorted and merged."""
        ordered = sorted(self.replicas, key=lambda mode: (mode.axis, mode.stride))
        return tuple(merge(modes) for modes in self.dims), merge(ordered)

    def canonical(self) -> Self:
        """The equal layout with the fewest modes: no units, neighbours joined, replicas sorted."""
        dims, replicas = self.key
        return replace(self, dims=dims, replicas=replicas)

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Form) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        """The canonical text: one group a dim, then the replicas; equal layouts read alike."""
        dims, replicas = self.key
        words = [spell(modes) for modes in dims]
        if replicas:
            words += ["rep", spell(replicas)]
        return " ".join(words) or "():()"

    def __repr__(self) -> str:
        return f"{type(self).__name__}.parse({str(self)!r})"


def check_filled(axis: str, modes: list[Mode]) -> None:
    """Raises LayoutError unless the strides, ascending, are the running products of the extents."""
    filled = 1
    for mode in modes:
        if mode.stride != filled:
            raise LayoutError(
                f"{mode} should have stride {filled}: {axis} must be filled without a gap and without overlap"
            )
        filled *= mode.extent
