"""Native code for a kernel: the module, its machine code, and the launch over a grid."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Artifact, Starter, packer, words_at
from tilevm.compiling import COMPILING
from tilevm.debug import debugging
from tilevm.ir import Func, Op
from tilevm.native import Loaded
from tilevm.passes.layouts.forget import forget
from tilevm.passes.quiet import quiet, sites
from tilevm.source import TileError

from .emit import I32, I64, PTR, VOID, Emitter
from .host import Host, host, machine
from .kernel import Kernel
from .pool import cores, scratch, threads
from .report import Report
from .start import WORTH_SHARING, Context
from .streaming import settle
from .support import check
from .team import team

ENTRY = "run"
COUNTER_BYTES = 64
COUNTED = 2**63  # programs
Words = ctypes.Array[ctypes.c_int64]


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cycles: a module is many small objects, all of them used, and it would look at them
    again and again (measured: 8 % of a compilation, and 100 ms where it happened to look at everything)."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def build(func: Func, abi: KernelAbi, here: Host) -> tuple[ir.Module, int]:
    """The LLVM module of a kernel, and the bytes of scratch that a program needs."""
    module = ir.Module(func.name)
    module.triple = llvm.get_default_triple()
    kernel = Kernel(module, func, abi, here)
    kernel.emit()
    entry(module, kernel.function, here, kernel.c.streams)
    return module, kernel.scratch_bytes


def entry(module: ir.Module, block: ir.Function, here: Host, streams: bool = False) -> None:
    """``run(words, counter, total, chunk, scratch, nx, ny, nz)``: take programs off a shared counter.

    ``streams``: programs store past the caches.
    """
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, PTR, I64, I64, PTR, I32, I32, I32]), ENTRY)
    words, counter, total, chunk, memory, nx, ny, nz = function.args
    e = Emitter(module, function, here)
    head, inside, done = e.block("take"), e.block("inside"), e.block("done")
    e.b.branch(head)
    e.b.position_at_end(head)
    first = e.b.atomic_rmw("add", counter, chunk, "monotonic")
    e.b.cbranch(e.b.icmp_signed("<", first, total), inside, done)
    e.b.position_at_end(inside)
    end = e.b.add(first, chunk)
    end = e.b.select(e.b.icmp_signed("<", end, total), end, total)

    def body(n: Any, _: list[Any]) -> list[Any]:
        program = e.b.add(first, n)
        wide = [e.b.zext(v, I64) for v in (nx, ny)]
        row = e.b.udiv(program, wide[0])
        places = (e.b.urem(program, wide[0]), e.b.urem(row, wide[1]), e.b.udiv(row, wide[1]))
        e.b.call(block, [words, memory, *(e.b.trunc(p, I32) for p in places), nx, ny, nz])
        return []

    e.loop(e.b.sub(end, first), [], body)
    e.b.branch(head)
    e.b.position_at_end(done)
    if streams:
        settle(e)
    e.b.ret_void()


class Stages(Mapping[str, str]):
    """The text of the module, and its assembly, both made when asked for."""

    def __init__(self, module: Callable[[], str]) -> None:
        self._make = module

    @cached_property
    def _module(self) -> str:
        return self._make()

    @cached_property
    def _assembly(self) -> str:
        with COMPILING:
            return str(machine().emit_assembly(llvm.parse_assembly(self._module)))

    def __getitem__(self, name: str) -> str:
        return {"llvm": lambda: self._module, "asm": lambda: self._assembly}[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(("llvm", "asm"))

    def __len__(self) -> int:
        return 2


class NativeKernel:
    """A kernel that runs on this machine's cores."""

    def __init__(
        self, abi: KernelAbi, binary: bytes, room: int, text: Callable[[], str], tells: Sequence[Op] = ()
    ) -> None:
        """``room``: bytes of scratch for a program. ``tells``: the instructions that print or assert."""
        self.abi, self.binary, self._scratch, self._sites = abi, binary, room, tells
        self._pack = packer(abi)
        self.stages: Mapping[str, str] = Stages(text)
        self.resources: Mapping[str, int] = {"scratch_bytes": room, "code_bytes": len(binary)}
        self.code = Code(binary)
        self._context = Context(self.code.address, len(abi.entries))

    @property
    def data(self) -> bytes | None:
        """The scratch that a program needs, and the machine code; instructions that tell something are not in it."""
        return None if self._sites else self._scratch.to_bytes(8, "little") + self.binary

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        total = grid[0] * grid[1] * grid[2]
        if total == 0:
            return
        report = Report(self._sites) if self._sites else None
        words = block_of([*self._pack(arguments), *(() if report is None else (report.words.ctypes.data,))])
        self._share(words, total, grid)
        if report is not None:
            report.tell(grid)

    def _share(self, words: Words, total: int, grid: tuple[int, int, int]) -> None:
        """Run all programs on as many threads as are worth it. Raises TileError for more than 63 bits count."""
        if total >= COUNTED:
            shape = " x ".join(map(str, grid))
            raise TileError(
                f"{self.abi.name}: {shape} programs are {total}, and the CPU counts to 2**63-1",
                help="let each program do more",
            )
        small = 0.0 < self._context.seconds * total < WORTH_SHARING
        begin = time.perf_counter()
        count = self.code.run(words, total, grid, self._scratch, 1 if small else threads())
        self._context.measured((time.perf_counter() - begin) * count / total)

    def starter(self) -> Starter | None:
        """How native code starts it; None where it prints or asserts."""
        return None if self._sites else self._context.starter(self._scratch, self._long)

    def _long(self, slots: int, stream: int, nx: int, ny: int, nz: int) -> None:
        self._share(block_of(words_at(slots, len(self.abi.entries))), nx * ny * nz, (nx, ny, nz))


class Code:
    """Machine code with an entry as :func:`entry` makes it."""

    def __init__(self, binary: bytes) -> None:
        self._code = Loaded(llvm, binary, ENTRY)
        self.address = self._code[ENTRY]
        pointer, long, int_ = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
        kind = ctypes.CFUNCTYPE(None, pointer, pointer, long, long, pointer, int_, int_, int_)
        self._call = kind(self.address)

    def run(self, words: Words, total: int, grid: tuple[int, int, int], room: int, most: int) -> int:
        """Run ``total`` programs on up to ``most`` threads with ``room`` bytes of scratch; on how many it was."""
        count, at = min(most, total), ctypes.addressof(words)
        counter = at + ctypes.sizeof(words) - COUNTER_BYTES
        if count > 1:
            job = (self.address, at, counter, total, max(1, total // (count * 16)), *grid)
            if team(max(count, len(cores()))).launch(count, job, room):
                return count
        self._call(words, counter, total, total, scratch.address(room), *grid)
        return 1


def block_of(words: Sequence[int]) -> Words:
    """The argument block: a word a slot, then the hidden ones; on a cache line of its own, the counter."""
    block = (ctypes.c_int64 * (len(words) + 2 * COUNTER_BYTES // 8))()
    block[: len(words)] = [*words]
    return block


class CpuBackend:
    """Makes native kernels for this machine."""

    def compile(self, func: Func, abi: KernelAbi) -> NativeKernel:
        here = host()
        check(func, here)
        func = forget(func if debugging() else quiet(func))
        with COMPILING:
            with uncollected():
                module, room = build(func, abi, here)
                text = str(module)
            binary = machine().emit_object(llvm.parse_assembly(text))
            return NativeKernel(abi, binary, room, lambda: text, sites(func))

    def machine(self) -> str:
        return f"{host()} LLVM {llvm.llvm_version_info}"

    def restore(self, data: bytes, abi: KernelAbi, again: Callable[[], Artifact]) -> NativeKernel:
        with COMPILING:
            return NativeKernel(abi, data[8:], int.from_bytes(data[:8], "little"), lambda: again().stages["llvm"])
