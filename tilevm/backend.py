"""What a backend is: it makes an artifact from a function, and the artifact runs."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tilevm.abi import KernelAbi
from tilevm.ir import Func
from tilevm.source import TileError, nearest
from tilevm.types import DType


@dataclass(frozen=True)
class Array:
    """A tensor argument as backends see it.

    ``address`` of element 0; ``shape`` and ``strides`` in elements; ``lowest`` and ``highest``: the offsets of
    elements that the owner's memory holds around ``address``, ``highest`` excluded (for pointers, whose bounds
    nobody states).
    ``owner`` keeps the memory alive and is what error messages name.
    """

    dtype: DType
    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    lowest: int
    highest: int
    owner: Any = field(compare=False, repr=False)
    writable: bool = True


Argument = Array | int | float | bool


class Artifact(Protocol):
    """A compiled kernel. ``stages``: name → text of every form it went through."""

    @property
    def stages(self) -> Mapping[str, str]: ...

    @property
    def binary(self) -> bytes: ...

    @property
    def resources(self) -> Mapping[str, int]: ...

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        """Run every program of the grid; returns when all are done."""
        ...


class Backend(Protocol):
    """Makes artifacts of functions that went through the passes."""

    def compile(self, func: Func, abi: KernelAbi) -> Artifact: ...


@dataclass(frozen=True)
class Place:
    """A device by name: the backend that serves it, the target it runs, and whether passes run before."""

    name: str
    backend: str
    target: str
    optimise: bool


PLACES = {
    "cpu": Place("cpu", "tilevm.backends.cpu:backend", "cpu", optimise=True),
    "vm": Place("vm", "tilevm.backends.vm:backend", "cpu", optimise=False),
}


def place(device: str) -> Place:
    """The place called ``device``. Raises TileError with the nearest name when there is none."""
    if device not in PLACES:
        near = nearest(device, list(PLACES))
        known = ", ".join(PLACES)
        raise TileError(
            f"no device is called {device!r}", help=f"did you mean {near!r}?" if near else f"one of {known}"
        )
    return PLACES[device]


def load(where: Place) -> Backend:
    """The backend that serves a place, imported by name: the core knows no backend otherwise."""
    found: Backend = pkgutil.resolve_name(where.backend)
    return found
