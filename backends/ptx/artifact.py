"""Functions of NVIDIA's GPUs made PTX, assembled when somebody asks, and run by the emulator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, not_here
from tilevm.compiling import once
from tilevm.debug import debugging
from tilevm.ir import Func, threads
from tilevm.ir.rewrite import walk
from tilevm.passes.quiet import quiet
from tilevm.passes.threads.pressure import refuse_large
from tilevm.target import occupancy, target as find_target
from tilevm.text import print_func

from .arguments import Passing
from .assemble import AssemblyWarning, Machine, assemble, at_hand
from .emit import Listing, emit
from .emulator import Kernel, parse
from .records import Records, Report

WORD = 4  # bytes that are changed at once where one of them is to be
ATOMICS = (threads.GlobalAtomic, threads.GlobalAtomicCas)


def unit_bits(op: threads.GlobalAtomic | threads.GlobalAtomicCas) -> int:
    """Bits of what an atomic instruction changes."""
    of = op.of if isinstance(op, threads.GlobalAtomic) else None
    found = of or op.memory.type.dtype  # type: ignore[union-attr]
    return found.bits


class Texts(Mapping[str, str]):
    """Texts of a kernel: the PTX is at hand, that of the threads is written for whoever asks."""

    def __init__(self, ptx: str, thread: Callable[[], str]) -> None:
        self._ptx, self._thread = ptx, once(thread)

    def __getitem__(self, name: str) -> str:
        if name not in ("thread", "ptx"):
            raise KeyError(name)
        return self._ptx if name == "ptx" else self._thread()

    def __iter__(self) -> Iterator[str]:
        return iter(("thread", "ptx"))

    def __len__(self) -> int:
        return 2


class Written:
    """A kernel as PTX, and as machine code once somebody asks for it and there is an assembler."""

    def __init__(self, func: Func, abi: KernelAbi) -> None:
        assert func.target is not None, f"{func.name} is not at thread level"
        func = func if debugging() else quiet(func)
        refuse_large(func)
        self.abi, self.target, self.listing = abi, find_target(func.target), emit(func)
        self.architecture = self.target.name  # what machine code is made for
        self.records = Records.of(func)
        self.changes_bytes = any(isinstance(op, ATOMICS) and unit_bits(op) == 8 for op in walk(func.body))
        self.stages: Mapping[str, str] = Texts(self.listing.text, lambda: print_func(func))

    @cached_property
    def machine(self) -> Machine | None:
        """What the assembler makes of it; None where there is none.

        Raises TileError where the assembler refuses.
        """
        return assemble(self.listing.text, self.architecture) if self.assembled else None

    @property
    def assembled(self) -> bool:
        """Whether machine code is made of it here."""
        return at_hand()

    @cached_property
    def told(self) -> Machine | None:
        """The same for whoever asks for it. Warns of spilled registers, and of the assembler's advice."""
        if self.machine is not None:
            for remark in remarks(self.abi.name, self.architecture, self.machine):
                warnings.warn(remark, AssemblyWarning, stacklevel=5)  # at whoever asks the compiled kernel
        return self.machine

    @property
    def binary(self) -> bytes:
        """The cubin; the PTX where there is no assembler."""
        return self.listing.text.encode("ascii") if self.told is None else self.told.cubin

    @property
    def resources(self) -> Mapping[str, int]:
        """Threads of a block and bytes of its shared memory; where there is an assembler, registers of a thread, bytes
        that it spills, and blocks on a processor ("occupancy") too."""
        threads_, shared = self.listing.threads, self.listing.shared
        found = {"threads": threads_, "shared": shared}
        if self.told is None:
            return found
        counts = {name: self.told.counts[name] for name in ("registers", "spill_stores", "spill_loads")}
        return {**found, **counts, "occupancy": occupancy(self.target, threads_, counts["registers"], shared)}

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        raise not_here(self.abi, self.target.name)


def remarks(name: str, machine: str, made: Machine) -> Iterator[str]:
    """What the user should know of machine code."""
    stores, loads = made.counts["spill_stores"], made.counts["spill_loads"]
    if stores or loads:
        yield (
            f"{name} for {machine} has more in registers than there are: {stores} bytes are stored and {loads} loaded "
            "again; take more warps, or smaller tiles"
        )
    yield from (f"{name} for {machine}: {line}" for line in made.advice)


class Emulated(Written):
    """A kernel as PTX, which the emulator runs."""

    @cached_property
    def kernel(self) -> Kernel:
        return ready(self.listing)

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        """Run every block of the grid.

        Raises EmulationError, a TileError, for the first race, missing wait or access out of bounds; before that,
        TileError for the first program whose assertion failed.
        """
        passing = Passing(self.abi, arguments, WORD if self.changes_bytes else 1)
        given, report = list(passing.values()), Report(self.records, grid)
        if self.records.sites:
            given += [passing.memory.add(report.memory, "what is told"), self.records.room(report.programs)]
        try:
            self.kernel.launch(grid, self.listing.threads, given, self.listing.shared, passing.memory)
        finally:
            if self.records.sites:
                report.tell()


def ready(listing: Listing) -> Kernel:
    """A kernel that the emulator can run."""
    return parse(listing.text, f"<{listing.name}.ptx>").kernel(listing.name)


class Emulator:
    """The backend of the emulator: thread-level functions become PTX."""

    def compile(self, func: Func, abi: KernelAbi) -> Emulated:
        return Emulated(func, abi)


class Writer:
    """The backend of machines that are not here: thread-level functions become PTX, and machine code."""

    def compile(self, func: Func, abi: KernelAbi) -> Written:
        return Written(func, abi)
