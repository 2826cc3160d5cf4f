"""A launch of a thread-level function: blocks one after another, each on shared memory of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Array as Tensor
from tilevm.ir import Block, Func, Op, Value, threads
from tilevm.source import TileError
from tilevm.target import Target, target
from tilevm.types import DType, Pointer

from ..machine import scalar
from ..values import in_memory
from .block import Machine, ThreadBlock
from .hazards import HazardError, Watch
from .history import Clocks, History
from .memory import GlobalMemory, Track
from .shared import Buffer, SharedMemory

WRITES = (threads.GlobalStore, threads.GlobalAtomic, threads.GlobalAtomicCas)


class ThreadRun:
    """A thread-level function that the machine runs as it stands.

    It finds races between the warps of a block, on shared memory and on global memory. What blocks of one launch do
    to each other is not looked at: they run one after another.
    """

    def __init__(self, func: Func, abi: KernelAbi) -> None:
        assert func.warps is not None and func.target is not None, f"{func.name} is not of the thread level"
        self._func, self._abi = func, abi
        self._target, self._warps = target(func.target), func.warps
        if self._warps > self._target.warps_per_block:
            most = self._target.warps_per_block
            message = f"{func.name}: {self._warps} warps, and a block of {func.target} has up to {most}"
            raise TileError(message, func.span, help=f"compile it with num_warps={most} or fewer")
        self._ops = tuple(every(func.body))
        self._buffers = placed([op for op in self._ops if isinstance(op, threads.SharedBuffer)], self._target)
        self.stages: Mapping[str, str] = {}
        self.resources: Mapping[str, int] = {}
        self.binary = b""

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        """Run every program of the grid. Raises HazardError at the first hazard."""
        self._run(grid, arguments, Watch(keep=False))

    def collect(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> tuple[HazardError, ...]:
        """Run on after hazards, as well as that goes; all that were seen, each kind once a place."""
        watch = Watch(keep=True)
        self._run(grid, arguments, watch)
        return tuple(watch.found.values())

    def _run(self, grid: tuple[int, int, int], arguments: Sequence[Argument], watch: Watch) -> None:
        given = list(zip(self._func.params, arguments, strict=True))
        memory = {p: GlobalMemory(a, p.hint, isinstance(p.type, Pointer)) for p, a in given if isinstance(a, Tensor)}
        clocks = Clocks(self._warps)
        self._follow(memory, clocks)
        shared = SharedMemory(self._buffers, end_of(self._buffers.values()), self._granule(), clocks)
        machine = Machine(self._target, self._warps, grid, memory, shared, clocks, watch)
        numbers = {p: scalar(p.type, a) for p, a in given if not isinstance(a, Tensor)}
        body = replace(self._func.body, params=())
        for z, y, x in np.ndindex(grid[2], grid[1], grid[0]):
            block = ThreadBlock(machine, (x, y, z))
            block.values.update({p: block.spread(held) for p, held in numbers.items()})
            block.run(body)

    def _granule(self) -> int:
        """Bytes of the smallest element in shared memory."""
        return min((b.size for b in self._buffers.values()), default=1)

    def _follow(self, memory: Mapping[Value, GlobalMemory], clocks: Clocks) -> None:
        """Keep a history of arguments that are written to, and of those that overlap them."""
        if clocks.warps == 1:
            return
        changed = {op.memory for op in self._ops if isinstance(op, WRITES)}
        for group in overlapping(memory):
            if changed & group.keys():
                sizes = [size_of(m.argument.dtype) for m in group.values() if not m.packed]
                sizes += [size_of(of) for op in self._ops if (of := getattr(op, "of", None)) and reaches(op, group)]
                base = min(m.low for m in group.values())
                end = max(m.low + m.bytes.size for m in group.values())
                track = tracked(base, end, min(sizes), clocks)
                for found in group.values():
                    found.track = track


def every(block: Block) -> Iterator[Op]:
    """All instructions in a block and in those inside it."""
    for op in block.ops:
        yield op
        for inner in op.regions:
            yield from every(inner)


def reaches(op: Op, group: Mapping[Value, GlobalMemory]) -> bool:
    return isinstance(op, threads.GlobalAccess) and op.memory in group  # type: ignore[attr-defined]


def size_of(dtype: DType) -> int:
    return int(np.dtype(in_memory(dtype)).itemsize)


def tracked(base: int, end: int, granule: int, clocks: Clocks) -> Track:
    """A history of these addresses; accesses are aligned, so no unit takes a part of a cell."""
    base -= base % granule
    return Track(base, granule, History(-(-(end - base) // granule), clocks, replicas=True))


def overlapping(memory: Mapping[Value, GlobalMemory]) -> list[dict[Value, GlobalMemory]]:
    """Arguments in groups that share no byte with each other."""
    groups: list[dict[Value, GlobalMemory]] = []
    end = 0
    for value, found in sorted(memory.items(), key=lambda item: item[1].low):
        if not groups or found.low >= end:
            groups.append({})
        groups[-1][value] = found
        end = max(end, found.low + found.bytes.size)
    return groups


def placed(ops: Sequence[threads.SharedBuffer], where: Target) -> dict[threads.SharedBuffer, Buffer]:
    """Where each buffer lies: at its address, or behind the others where it has none yet.

    Raises TileError for an address that is not aligned, and for buffers past the memory that a block may have.
    """
    found = {op: Buffer(op, op.at) for op in ops if op.at is not None}
    for op, buffer in found.items():
        if buffer.at < 0 or buffer.at % op.align:
            help = "leave the address out, and the pass place finds one"
            raise TileError(f"shared: address {buffer.at} is not a multiple of {op.align}", op.span, help=help)
        if end_of([buffer]) > where.limits.shared_per_block:
            most = where.limits.shared_per_block
            message = f"shared: ends at byte {end_of([buffer])}, and a block of {where.name} has {most}"
            raise TileError(message, op.span, help="smaller tiles or fewer stages take less shared memory")
    free = end_of(found.values())
    for op in ops:
        if op.at is None:
            found[op] = Buffer(op, -(-free // op.align) * op.align)
            free = end_of([found[op]])
    return found


def end_of(buffers: Iterable[Buffer]) -> int:
    """Where the last of these ends."""
    return max((b.at + b.op.count * b.op.slots * b.size for b in buffers), default=0)
