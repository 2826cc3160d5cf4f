"""What a launch program is planned of: a call, the kernel, and the rows and registers so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tilevm.abi import KernelAbi
from tilevm.backend import Starter
from tilevm.runtime.contract import Contract
from tilevm.runtime.launch.rows import Code, Row
from tilevm.symbolic import Expr


class Watched(NamedTuple):
    """A name outside the kernel: ``value`` is what ``where``, a dict or a closure's cell, now holds; a dict under
    ``key``, and None for nothing there."""

    where: Any
    key: Any
    value: Any


@dataclass(frozen=True)
class Call:
    """A call as it was written. ``values`` by position and then by ``names``; ``places``: of each value, the number of
    the run-time parameter that it is, or None where it must be the same again. ``stream``: the one that is given.
    ``grid``: the counts that the call says as a function, traced."""

    values: Sequence[Any]
    names: tuple[str, ...]
    places: Sequence[int | None]
    watched: Sequence[Watched]
    stream: object = None
    grid: tuple[Expr, ...] | None = None


@dataclass
class Held:
    """The registers of a run-time argument: its address or number, then extents and strides."""

    first: int
    dims: int = 0

    def extent(self, axis: int) -> int:
        return self.first + 1 + axis

    def stride(self, axis: int) -> int:
        return self.first + 1 + self.dims + axis


class Launchable(Protocol):
    """A compiled kernel, as far as calls of it are planned."""

    @property
    def abi(self) -> KernelAbi: ...
    @property
    def contract(self) -> Contract: ...
    @property
    def target(self) -> str: ...
    @property
    def device(self) -> str: ...


@dataclass
class Plan:
    """The rows so far. ``keep``: objects that rows name by address."""

    compiled: Launchable
    starter: Starter
    rows: list[Row] = field(default_factory=list)
    keep: list[object] = field(default_factory=list)
    held: dict[int, Held] = field(default_factory=dict)
    registers: int = 0

    def take(self, count: int = 1) -> int:
        """So many registers that nothing else uses; the first."""
        self.registers += count
        return self.registers - count

    def add(self, code: Code, **fields: int) -> None:
        self.rows.append(Row(code, **fields))

    def object(self, value: object) -> int:
        """The address of an object, which is kept."""
        self.keep.append(value)
        return id(value)

    def constant(self, value: int) -> int:
        register = self.take()
        self.add(Code.CONST, r=register, x=value)
        return register
