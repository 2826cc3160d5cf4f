"""What a kernel for debugging tells: where its threads leave it in memory, and how the host reads that.

Each program has a stretch of its own: the number of lines that had no room; a slot a thread for each assertion, with
the time it first failed there and the conditions of the thread; and records of lines, one behind another: the site,
and every register of every thread. What was not written is -1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tilevm.debug import failed, told
from tilevm.ir import Func, Op, Value, threads
from tilevm.ir.rewrite import walk
from tilevm.ir.threads.op import numbers
from tilevm.ir.threads.report import read
from tilevm.passes.threads.coordinates import first_owners
from tilevm.target import target
from tilevm.types import DType
from tilevm.types.codec import decode

WORD, FLAG, HEAD = 8, 4, 8  # bytes of a site's number, of a condition or a time, and before the slots
MOST, ALL = 1 << 16, 1 << 24  # bytes of records of a program, and of all programs unless one line takes more
NEVER = 0xFFFFFFFF
Site = threads.Tell | threads.Check
Array = np.ndarray[Any, Any]


def bytes_of(dtype: DType) -> int:
    """Of an element in a record."""
    return 8 if dtype.bits > 32 else 4


@dataclass(frozen=True)
class Records:
    """The places of what the sites of a function tell, for so many threads of a block."""

    sites: tuple[Site, ...]
    count: int

    @classmethod
    def of(cls, func: Func) -> Records:
        """Those of a thread-level function."""
        assert func.warps is not None and func.target is not None, f"{func.name} is not at thread level"
        found = tuple(op for op in walk(func.body) if isinstance(op, threads.Tell | threads.Check))
        return cls(found, func.warps * target(func.target).lanes)

    def number(self, op: Op) -> int:
        return next(i for i, site in enumerate(self.sites) if site is op)

    def slot(self, op: threads.Check) -> int:
        """Bytes of one thread's slot."""
        return FLAG * (1 + numbers(op, op.condition)[1])

    @cached_property
    def slots(self) -> dict[int, int]:
        """Where the slots of each assertion begin, by its number."""
        at, found = HEAD, {}
        for i, op in enumerate(self.sites):
            if isinstance(op, threads.Check):
                found[i] = at
                at += -(-self.count * self.slot(op) // WORD) * WORD
        return {**found, len(self.sites): at}

    @property
    def head(self) -> int:
        """Where records begin."""
        return self.slots[len(self.sites)]

    def stretches(self, op: threads.Tell) -> list[int]:
        """Where each value begins in a record, and its end."""
        found = [WORD]
        for value in op.values:
            dtype, held = numbers(op, value)
            found.append(found[-1] + -(-self.count * held * bytes_of(dtype) // WORD) * WORD)
        return found

    def room(self, programs: int) -> int:
        """Bytes for the records of each program."""
        longest = max((self.stretches(op)[-1] for op in self.sites if isinstance(op, threads.Tell)), default=0)
        return max(longest, min(MOST, ALL // max(programs, 1) // WORD * WORD))


@dataclass(frozen=True)
class Told:
    """Registers: where this program's memory and its records begin, bytes for records, the thread; and those that
    change, alike in all threads: bytes of records so far, lines that had no room, assertions that were passed."""

    records: Records
    base: str
    begin: str
    room: str
    thread: str
    first: str
    used: str
    lost: str
    time: str


@dataclass(frozen=True)
class Report:
    """The memory of one launch."""

    records: Records
    grid: tuple[int, int, int]

    @property
    def programs(self) -> int:
        return int(np.prod(self.grid))

    @cached_property
    def memory(self) -> Array:
        """A row of bytes for each program."""
        found = np.full((self.programs, self.records.head + self.records.room(self.programs)), 0xFF, np.uint8)
        found[:, :HEAD] = 0
        return found

    def tell(self) -> None:
        """Print in the order of programs; then raise TileError for the first program whose assertion failed."""
        for program, row in enumerate(self.memory):
            for op, values in self.lines(row):
                print(told(op.text, self.place(program), values))
        lost = int(self.memory[:, :HEAD].copy().view(np.uint64).sum())
        if lost:
            print(f"… {lost} lines more, for which the print buffer had no room")
        for program, row in enumerate(self.memory):
            self.judge(row, self.place(program))

    def place(self, program: int) -> tuple[int, int, int]:
        rest, x = divmod(program, self.grid[0])
        z, y = divmod(rest, self.grid[1])
        return x, y, z

    def lines(self, row: Array) -> Iterator[tuple[threads.Tell, list[tuple[DType, Array]]]]:
        """The records of a program."""
        at = self.records.head
        while at < row.size and (site := int(row[at : at + WORD].view(np.int64)[0])) >= 0:
            op = self.records.sites[site]
            assert isinstance(op, threads.Tell)
            places = self.records.stretches(op)
            values = zip(op.values, op.lies, places[:-1], strict=True)
            yield op, [self.value(op, value, lies, row[at + begin :]) for value, lies, begin in values]
            at += places[-1]

    def value(self, op: Op, value: Value, lies: str, raw: Array) -> tuple[DType, Array]:
        """A number, or a tile out of the registers of all threads."""
        dtype, held = numbers(op, value)
        size, shape = bytes_of(dtype), (self.records.count, held)
        codes = raw[: size * self.records.count * held].view(f"u{size}").reshape(shape)
        found = decode(codes & np.uint64((1 << dtype.bits) - 1), dtype)
        return dtype, found[first_owners(*read(lies))] if lies else found[0, 0]

    def judge(self, row: Array, place: tuple[int, int, int]) -> None:
        """Raises TileError for the assertion of a program that failed first."""
        found: list[tuple[int, threads.Check, Array]] = []
        for number, begin in self.records.slots.items():
            op = self.records.sites[number] if number < len(self.records.sites) else None
            if isinstance(op, threads.Check):
                size = self.records.slot(op)
                slots = row[begin : begin + self.records.count * size].view(np.uint32).reshape(self.records.count, -1)
                found.append((int(slots[:, 0].min()), op, slots))
        if not found:
            return
        time, site, slots = min(found, key=lambda f: f[0])
        if time != NEVER:
            holds = (slots[:, 1:] != 0) | (slots[:, :1] != time)
            wrong = np.argwhere(~holds[first_owners(*read(site.lies))])[0].tolist() if site.lies else ()
            raise failed(site.message, site.span, place, wrong)
