"""Functions of NVIDIA's GPUs made PTX, and run by the emulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from tilevm.abi import KernelAbi
from tilevm.backend import Argument
from tilevm.debug import debugging
from tilevm.ir import Func, threads
from tilevm.ir.rewrite import walk
from tilevm.passes.quiet import quiet
from tilevm.text import print_func

from .arguments import Passing
from .emit import Listing, emit
from .emulator import Kernel, parse

WORD = 4  # bytes that are changed at once where one of them is to be
ATOMICS = (threads.GlobalAtomic, threads.GlobalAtomicCas)


def unit_bits(op: threads.GlobalAtomic | threads.GlobalAtomicCas) -> int:
    """Bits of what an atomic instruction changes."""
    of = op.of if isinstance(op, threads.GlobalAtomic) else None
    found = of or op.memory.type.dtype  # type: ignore[union-attr]
    return found.bits


class Emulated:
    """A kernel as PTX, which the emulator runs."""

    def __init__(self, func: Func, abi: KernelAbi) -> None:
        func = func if debugging() else quiet(func)
        self.abi, self.listing = abi, emit(func)
        self.changes_bytes = any(isinstance(op, ATOMICS) and unit_bits(op) == 8 for op in walk(func.body))
        self.stages: Mapping[str, str] = {"thread": print_func(func), "ptx": self.listing.text}

    @property
    def binary(self) -> bytes:
        return self.listing.text.encode("ascii")

    @property
    def resources(self) -> Mapping[str, int]:
        """Threads of a block, and bytes of its shared memory."""
        return {"threads": self.listing.threads, "shared": self.listing.shared}

    @cached_property
    def kernel(self) -> Kernel:
        return ready(self.listing)

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        """Run every block of the grid.

        Raises EmulationError, a TileError, for the first race, missing wait or access out of bounds.
        """
        passing = Passing(self.abi, arguments, WORD if self.changes_bytes else 1)
        given = list(passing.values())
        self.kernel.launch(grid, self.listing.threads, given, self.listing.shared, passing.memory)


def ready(listing: Listing) -> Kernel:
    """A kernel that the emulator can run."""
    return parse(listing.text, f"<{listing.name}.ptx>").kernel(listing.name)


class Emulator:
    """The backend of the emulator: thread-level functions become PTX."""

    def compile(self, func: Func, abi: KernelAbi) -> Emulated:
        return Emulated(func, abi)
