"""Kernels of the cards: compiled for one, loaded when first launched, launched in the order of a stream."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple, NoReturn, cast

from tilevm.abi import KernelAbi
from tilevm.backend import ANYWHERE, Argument, Array, Artifact, Starter, packer, words_at
from tilevm.compiling import COMPILING
from tilevm.debug import debugging
from tilevm.ir import Func, threads
from tilevm.ir.rewrite import walk
from tilevm.passes.threads.along_x import along_x
from tilevm.source import TileError
from tilevm.target import target

from ..arguments import Stretch
from ..artifact import ATOMICS, Texts, Written
from ..assemble import Machine, made_by, shelved
from ..records import Records, Report
from .card import Card
from .cards import cards
from .code import Code
from .driver import driver, release, version
from .faults import number
from .memory import Copy, copied, moved, needed
from .module import Function, assembles, load
from .passing import Slots
from .refusal import Try, along_x_of, counted, refuse_memory
from .start import Attribute, Native, Record, start
from .streams import capturing, chosen, finish, handle_of, lasting, wait

Grid = tuple[int, int, int]
STORES = (threads.GlobalStore, *ATOMICS)


class Loaded(NamedTuple):
    """A kernel on its card: the function there, what launching it takes, attributes included, and what launches it."""

    function: Function
    record: Record
    asked: ctypes.Array[Attribute]
    native: Native


class OnCard(Written):
    """A kernel for one card. ``attributes``: what its launches ask for besides the grid."""

    attributes: tuple[Attribute, ...] = ()

    def __init__(
        self,
        abi: KernelAbi,
        card: Card,
        code: Code,
        records: Records,
        stages: Mapping[str, str],
        flat: Callable[[], OnCard],
    ) -> None:
        """``records``: of what it prints and asserts; ``stages``: its texts; ``flat`` makes it anew for grids of which
        all programs are launched along x."""
        self.abi, self.card, self.code, self.records, self.stages = abi, card, code, records, stages
        self._make_flat = flat
        self.target, self.listing, self.architecture = target(code.target), code.listing, card.architecture
        self.careful = debugging()  # every launch is checked and waited for
        self.words = packer(abi)
        self._loaded: Loaded | None = None

    @property
    def assembled(self) -> bool:
        """Whether machine code is at hand or made of it here, rather than by the driver."""
        return shelved(self.listing.text, self.architecture) or assembles(self.architecture)

    @cached_property
    def machine(self) -> Machine | None:
        return self.code.machine or super().machine

    @property
    def data(self) -> bytes | None:
        """What another process needs of it; None where it prints or asserts."""
        return None if self.records.sites else replace(self.code, machine=self.machine).pack()

    @property
    def loaded(self) -> Loaded:
        """The kernel on the card, once for all threads. Raises TileError where it cannot be, or does not fit."""
        if self._loaded is None:
            with COMPILING:
                if self._loaded is None:
                    self._loaded = self.load()
        return self._loaded

    def load(self) -> Loaded:
        text = self.listing.text.encode("ascii") + b"\0"
        image = text if self.machine is None else self.machine.cubin
        shape = (self.listing.threads, self.listing.shared)
        function = load(self.card, image, self.listing.name, *shape)
        place = (function.handle, int(self.card.context), self.card.ring.address)
        asked = (Attribute * len(self.attributes))(*self.attributes)
        record = Record(*place, number(self.abi.name), ctypes.addressof(asked), len(asked), *shape)
        return Loaded(function, record, asked, start())

    def starter(self) -> Starter | None:
        """What launches it without Python, on tensors in the card's memory; None where it tells something, or every
        launch is waited for."""
        if self.records.sites or self.careful:
            return None
        found = self.loaded
        place = (found.native.address, ctypes.addressof(found.record))
        keep = (self, found)
        return Starter(*place, self.fail, self.beyond, releases=True, keep=keep, handle=handle_of, lasting=lasting)

    def fail(self, code: int, stream: int, *grid: int) -> NoReturn:
        """Raises the error of a launch, by the driver's result; which arguments it had, nobody knows any more."""
        self.tried(grid, (), stream).refuse(code)

    @cached_property
    def flat(self) -> OnCard:
        """The kernel for grids of more programs along y or z than the card counts: it takes all of them along x."""
        with COMPILING:
            return self._make_flat()

    def beyond(self, slots: int, stream: int, *grid: int) -> None:
        """Launch such a grid."""
        words, line = words_at(slots, len(self.abi.entries)), along_x_of(self.card, self.abi.name, grid)
        self.flat.start(line, [*words, *grid], (), stream)

    def tried(self, grid: Sequence[int], arguments: Sequence[Argument], stream: int) -> Try:
        """A launch, for whoever says why it cannot be."""
        named = dict(zip((p.name for p in self.abi.params), arguments, strict=False))
        needs = (self.listing.threads, self.listing.shared, self.loaded.function.registers)
        return Try(self.card, self.abi.name, *needs, grid, named, stream)

    def launch(self, grid: Grid, arguments: Sequence[Argument], stream: object = None) -> None:
        """Launch every block of the grid.

        With arguments in the card's memory it returns at once, and neither allocates nor waits. With the host's memory,
        and where the kernel prints or asserts, it copies, waits, and copies back what the kernel wrote.

        Raises TileError where the driver refuses, and for a fault of this kernel or one before it.
        """
        if not counted(self.card, grid):
            line = along_x_of(self.card, self.abi.name, grid)
            self.flat.launch_as(line, [*arguments, *grid], stream, grid)
        else:
            self.launch_as(grid, arguments, stream, grid)

    def launch_as(self, blocks: Grid, arguments: Sequence[Argument], stream: object, grid: Grid) -> None:
        """Launch so many blocks, which are the programs of ``grid``."""
        arrays = [a for a in arguments if isinstance(a, Array)]
        order = chosen(stream, arrays, self.card)
        if self.records.sites or self.elsewhere(arguments):
            self.launch_and_wait(blocks, arguments, order, grid)
            return
        if any(a.stream for a in arrays):
            with self.card.current():
                wait(self.card, order, arrays)
        if self.careful:
            refuse_memory(self.tried(blocks, arguments, order))
        mine = self.start(blocks, self.words(arguments), arguments, order)
        if self.careful:
            with self.card.current():
                if not capturing(self.card, order):
                    finish(self.card, order, mine, f"waiting for {self.abi.name}")

    def start(self, grid: Grid, words: Sequence[int], arguments: Sequence[Argument], stream: int) -> int | None:
        """The launch itself; its number on the card, None where other threads launched there meanwhile."""
        found, slots, ring = self.loaded, Slots(words), self.card.ring
        before = ring.launches
        code = found.native.call(ctypes.addressof(found.record), slots.address, stream, *grid)
        if code:
            self.tried(grid, arguments, stream).refuse(code)
        return before if ring.launches == before + 1 else None

    def launch_and_wait(self, blocks: Grid, arguments: Sequence[Argument], stream: int, grid: Grid) -> None:
        """Launch with memory that is the host's, or that the host reads when all is done."""
        report = Report(self.records, grid)
        hosts = self.elsewhere(arguments)
        with self.card.current():
            self.refuse_capture(bool(hosts), stream)
            found = needed(self.abi, arguments) if hosts else []
            told = [told_in(report)] if self.records.sites else []
            with copied(self.card, [*found, *told], stream) as copies:
                words = self.words(moved(arguments, copies) if hosts else arguments)
                hidden = (copies[-1].address, self.records.room(report.programs)) if told else ()
                mine = self.start(blocks, [*words, *hidden], arguments, stream)
                for copy in self.changed(copies, arguments, len(found)):
                    copy.bring(self.card, stream)
                finish(self.card, stream, mine, f"waiting for {self.abi.name}")
        if told:
            report.tell()

    def elsewhere(self, arguments: Sequence[Argument]) -> list[Array]:
        """The tensors that are not in the card's memory."""
        return [a for a in arguments if isinstance(a, Array) and a.device not in (self.card.device, ANYWHERE)]

    def changed(self, copies: Sequence[Copy], arguments: Sequence[Argument], count: int) -> list[Copy]:
        """Those that the kernel may have written to; those from ``count`` on are its own."""
        stored = [a for p, a in zip(self.abi.params, arguments, strict=True) if p.name in self.code.writes]
        addresses = [a.address for a in stored if isinstance(a, Array)]
        touched = [c for c in copies[:count] if any(c.stretch.begin <= at < c.stretch.end for at in addresses)]
        return [*touched, *copies[count:]]

    def refuse_capture(self, copies: bool, stream: int) -> None:
        """Raises TileError where what has to be waited for is to become part of a graph."""
        if not capturing(self.card, stream):
            return
        why = "its arguments are the host's memory" if copies else "it prints or asserts"
        raise TileError(
            f"{self.abi.name} cannot be part of a CUDA graph: {why}, so the call waits for the card",
            help="pass tensors of the card" if copies else "unset TILEVM_DEBUG while capturing",
        )


def told_in(report: Report) -> Stretch:
    """The memory in which a kernel tells something."""
    held: Any = report.memory
    begin = held.ctypes.data
    return Stretch(begin, begin + held.nbytes, "what is told", True)


class Kept(Texts):
    """Texts of a kernel that another process compiled: for that of the threads it is compiled again."""

    def __init__(self, ptx: str, again: Callable[[], Artifact]) -> None:
        super().__init__(ptx, lambda: again().stages["thread"])


class Loader:
    """The backend of one card."""

    def __init__(self, number: int) -> None:
        self.card = cards[number]

    def compile(self, func: Func, abi: KernelAbi) -> OnCard:
        made = Written(func, abi)
        stores = tuple(dict.fromkeys(op.memory.hint for op in walk(func.body) if isinstance(op, STORES)))
        code = Code(made.listing, made.target.name, stores, None)
        return OnCard(abi, self.card, code, made.records, made.stages, lambda: self.flat(func))

    def flat(self, func: Func) -> OnCard:
        """The same for grids that are launched along x."""
        found = along_x(func)
        return self.compile(found, KernelAbi.of(found))

    def machine(self) -> str:
        """What decides the machine code: the card, what assembles, and the driver that loads it."""
        return f"{self.card.architecture} {made_by()} CUDA {release(version(driver()))}"

    def restore(self, data: bytes, abi: KernelAbi, again: Callable[[], Artifact]) -> OnCard:
        code = Code.unpack(data)
        texts = Kept(code.listing.text, again)
        return OnCard(
            abi, self.card, code, Records((), code.listing.threads), texts, lambda: cast(OnCard, again()).flat
        )
