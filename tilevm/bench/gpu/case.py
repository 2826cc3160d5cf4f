"""What is measured: a problem makes a case, whose rivals compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tilevm.bench.gpu.setting import Setting

OURS = "tilevm"
TENFOLD = {"TB/s": 1e12, "TFLOP/s": 1e12}  # units of rates, and how much work a second one is
HOST = "us"  # the unit of what launching costs the host


Calls = tuple[Callable[[], Any], ...]


@dataclass(frozen=True)
class Rival:
    """``ways``: name to calls; the fastest counts, and "" is the name of an only one. Of a way the calls do the same
    on sets of buffers of their own, and each gives what it computed, a tensor or a tuple of them.

    ``outs``: the buffers that the first call of each way writes, to be poisoned before it is checked; none where a
    call makes its result anew.
    """

    name: str
    ways: Mapping[str, Calls]
    outs: tuple[Any, ...] = ()

    @classmethod
    def of(cls, name: str, calls: Calls, *outs: Any) -> Rival:
        """A rival that has one way."""
        return cls(name, {"": calls}, outs)

    @classmethod
    def once(cls, name: str, call: Callable[[], Any], *outs: Any) -> Rival:
        """A rival that has one way, on one set of buffers."""
        return cls(name, {"": (call,)}, outs)


def alone(found: Any) -> tuple[Any, ...]:
    return (found,)


@dataclass(frozen=True)
class Expected:
    """Results of the first call in float64, and how far each element may be from them.

    ``parts`` takes of what a call gives the tensors that ``exact`` is of, which need not be all of it.
    """

    exact: tuple[Any, ...]
    room: tuple[Any, ...]
    parts: Callable[[Any], tuple[Any, ...]] = alone


@dataclass(frozen=True)
class Case:
    """``rivals``: the first leads, and the others' times are told over its. ``work``: FLOP, or bytes read and written
    when each is moved once; 0 in units of HOST. ``expected``: computed when asked for."""

    work: float
    unit: str
    rivals: tuple[Rival, ...]
    expected: Callable[[], Expected]

    def rivals_of(self, name: str) -> list[tuple[str, Calls]]:
        """All ways of a rival, with their names."""
        return [way for rival in self.rivals if rival.name == name for way in rival.ways.items()]

    def rate(self, seconds: float) -> float:
        """``seconds`` in the unit of the case."""
        return seconds * 1e6 if self.unit == HOST else self.work / seconds / TENFOLD[self.unit]


@dataclass(frozen=True)
class Problem:
    """A case that can be made. ``family``: of the plots; ``at``: its place there, such as a length."""

    name: str
    family: str
    at: int
    make: Callable[[Setting], Case]
    ceiling: bool = False  # its lead's rate is what others of this unit are held against


def named(how: Mapping[str, int]) -> str:
    """Tiles as the name of a way."""
    shape = "x".join(str(how[name]) for name in ("BM", "BN", "BK") if name in how)
    stages = f", {how['stages']} stages" if "stages" in how else ""
    return f"{shape}{stages}, {how['num_warps']} warps"
