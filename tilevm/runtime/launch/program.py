"""Launch programs and their chains in memory, and launchers: what Python calls."""

from __future__ import annotations

import ctypes
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from tilevm.backend import Starter
from tilevm.runtime.launch.objects import Method
from tilevm.runtime.launch.rows import ChainField, Field, FindField, HeldField, Row, Words, table

MACHINE = (
    "tilevm.runtime.launch.machine:machine"  # by name: it needs LLVM, which a process that calls little need not load
)
MOST = 64  # programs of a chain; what is called in more ways goes to Python
FAST_WITH_NAMES, ONE = 0x80 | 0x2, 0x8  # METH_FASTCALL | METH_KEYWORDS, and METH_O
Counts = tuple[int, int, int]
OWN: Counts = (-1, -1, -1)  # of a launcher whose programs tell how many to run


@dataclass(frozen=True)
class Stream:
    """Where a launch program finds the stream: a number, or a function that tells the current one of a device (DLPack's
    kind, and its number in the upper half)."""

    number: int = 0
    current: int = 0
    device: int = 0


def machine() -> Any:
    """The launch machine: the addresses of its functions."""
    return pkgutil.resolve_name(MACHINE)()


def pointer(words: Any) -> int:
    """Where an array begins."""
    found: int = words.ctypes.data
    return found


@dataclass(frozen=True, eq=False)
class Program:
    """A launch program. ``rows`` guard; ``slots`` and ``counts`` number registers: what is passed on, and the
    programs along each axis, or the most of them where the launcher says how many; ``names``: what a call gives by
    name, behind ``values`` by position. ``keep``: the objects that rows name by address."""

    starter: Starter
    rows: Sequence[Row]
    values: int
    names: tuple[str, ...]
    slots: Sequence[int]
    counts: Counts
    stream: Stream = Stream()
    keep: Sequence[object] = ()
    head: Words = field(init=False, repr=False)
    held: Sequence[object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lines, slots = table(self.rows), np.array([*self.slots, 0], np.int64)
        names = np.array([*map(id, self.names), 0], np.int64)
        head = np.zeros(len(Field), np.int64)
        for index, value in {
            Field.ROWS: pointer(lines),
            Field.VALUES: self.values,
            Field.NAMES: pointer(names),
            Field.NAME_COUNT: len(self.names),
            Field.SLOTS: pointer(slots),
            Field.SLOT_COUNT: len(self.slots),
            **dict(zip((Field.X, Field.Y, Field.Z), self.counts, strict=True)),
            Field.START: self.starter.address,
            Field.CONTEXT: self.starter.context,
            Field.STREAM: self.stream.number,
            Field.STREAM_OF: self.stream.current,
            Field.DEVICE: self.stream.device,
            Field.RELEASES: self.starter.releases,
            Field.LONG: id(self.starter.long),
            Field.FAIL: id(self.starter.fail),
        }.items():
            head[index] = value
        object.__setattr__(self, "head", head)
        object.__setattr__(self, "held", (lines, slots, names))


class Chain:
    """The launch programs of a kernel; it only grows, so what native code is at stays where it is."""

    def __init__(self, name: str) -> None:
        self.programs: list[Program] = []
        self._pointers = np.zeros(MOST, np.int64)
        self._words = np.zeros(len(ChainField), np.int64)
        self._words[ChainField.PROGRAMS], self._words[ChainField.NONE] = pointer(self._pointers), id(None)
        self._name = name.encode()  # the definition below points at it
        self._method = Method(self._name, machine().entry, FAST_WITH_NAMES, None)

    def add(self, program: Program) -> bool:
        """Try a program too, before all others; False where there are as many as may be."""
        count = len(self.programs)
        if count == MOST:
            return False
        self.programs.append(program)
        self._pointers[1 : count + 1] = self._pointers[:count].copy()
        self._pointers[0] = pointer(program.head)
        self._words[ChainField.COUNT] = count + 1
        return True

    def launcher(self, otherwise: Callable[..., None], counts: Counts = OWN) -> Callable[..., None]:
        """What Python calls, with ``counts`` of its own; ``otherwise`` takes every call that no program takes."""
        held = np.zeros(len(HeldField), np.int64)
        held[HeldField.CHAIN], held[HeldField.OTHERWISE] = pointer(self._words), id(otherwise)
        held[HeldField.X], held[HeldField.Y], held[HeldField.Z] = counts
        made: Callable[..., None] = function(self._method, held, (self, otherwise))
        return made


@cache
def finding() -> Method:
    return Method(b"find", machine().find, ONE, None)


def finder(launchers: dict[Any, Any]) -> Callable[[Any], Any]:
    """What looks up a grid of exact ints in a dict; None for one that is not there, and for any other."""
    words = np.zeros(len(FindField), np.int64)
    words[FindField.DICT], words[FindField.INT] = id(launchers), id(int)
    words[FindField.TUPLE], words[FindField.NONE] = id(tuple), id(None)
    made: Callable[[Any], Any] = function(finding(), words, launchers)
    return made


def function(method: Method, words: Words, keep: object) -> Any:
    """A function of Python's that is native code with these words; ``keep`` lives as long."""
    make: Any = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    return make(ctypes.addressof(method), words.tobytes(), keep)
