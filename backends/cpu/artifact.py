"""Native code for a kernel: the module, its machine code, and the launch over a grid."""

from __future__ import annotations

import ctypes
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from tilevm.abi import KernelAbi, Slot
from tilevm.backend import Argument, Array
from tilevm.ir import Func
from tilevm.types import DType, Kind

from .emit import I32, I64, PTR, VOID, Emitter
from .host import Host, host, machine
from .kernel import Kernel
from .pool import everywhere, scratch, threads
from .support import check

ENTRY = "run"
WORTH_SHARING = 300e-6  # seconds of work below which waking the workers costs more than it gains


def build(func: Func, abi: KernelAbi, here: Host) -> tuple[ir.Module, int]:
    """The LLVM module of a kernel, and the bytes of scratch that a program needs."""
    module = ir.Module(func.name)
    module.triple = llvm.get_default_triple()
    kernel = Kernel(module, func, abi, here)
    kernel.emit()
    entry(module, kernel, here)
    return module, kernel.scratch_bytes


def entry(module: ir.Module, kernel: Kernel, here: Host) -> None:
    """``run(words, counter, total, chunk, scratch, nx, ny, nz)``: take programs off a shared counter."""
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
        e.b.call(kernel.function, [words, memory, *(e.b.trunc(p, I32) for p in places), nx, ny, nz])
        return []

    e.loop(e.b.sub(end, first), [], body)
    e.b.branch(head)
    e.b.position_at_end(done)
    e.b.ret_void()


class Stages(Mapping[str, str]):
    """The text of the module, and its assembly, which is made when asked for."""

    def __init__(self, module: str) -> None:
        self._module = module

    @cached_property
    def _assembly(self) -> str:
        return str(machine().emit_assembly(llvm.parse_assembly(self._module)))

    def __getitem__(self, name: str) -> str:
        return {"llvm": lambda: self._module, "asm": lambda: self._assembly}[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(("llvm", "asm"))

    def __len__(self) -> int:
        return 2


class NativeKernel:
    """A kernel that runs on this machine's cores."""

    def __init__(self, func: Func, abi: KernelAbi) -> None:
        here = host()
        check(func, here)
        module, self._scratch = build(func, abi, here)
        text = str(module)
        self.abi = abi
        self.stages: Mapping[str, str] = Stages(text)
        self.binary: bytes = machine().emit_object(llvm.parse_assembly(text))
        self.resources: Mapping[str, int] = {"scratch_bytes": self._scratch, "code_bytes": len(self.binary)}
        self._engine, self._run = load(self.binary)
        self._seconds = 0.0  # of one program, as last measured

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        total = grid[0] * grid[1] * grid[2]
        if total == 0:
            return
        words = pack(self.abi, arguments)
        counter = ctypes.c_int64(0)
        count = min(threads(), total)
        alone = count == 1 or 0.0 < self._seconds * total < WORTH_SHARING
        chunk = max(1, total // (count * 16))

        def work() -> None:
            self._run(words, ctypes.byref(counter), total, chunk, scratch.address(self._scratch), *grid)

        begin = time.perf_counter()
        if alone:
            work()
        else:
            everywhere(work, count)
        used = (time.perf_counter() - begin) * (1 if alone else count) / total
        self._seconds = used if self._seconds == 0.0 else min(used, self._seconds * 1.1)


def load(binary: bytes) -> tuple[Any, Any]:
    """An engine that holds the object code, and its entry as a callable."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(binary))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)
    pointer, long, int_ = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    kind = ctypes.CFUNCTYPE(None, pointer, pointer, long, long, pointer, int_, int_, int_)
    return engine, kind(address)


def pack(abi: KernelAbi, arguments: Sequence[Argument]) -> ctypes.Array[ctypes.c_int64]:
    """The argument block: one word a slot."""
    given = dict(zip((p.name for p in abi.params), arguments, strict=True))
    words = (ctypes.c_int64 * max(1, len(abi.entries)))()
    for n, entry_ in enumerate(abi.entries):
        held = given[entry_.param]
        if entry_.slot is Slot.SCALAR:
            assert not isinstance(held, Array)
            words[n] = word(held, entry_.dtype)
        else:
            assert isinstance(held, Array)
            numbers = {Slot.POINTER: (held.address,), Slot.EXTENT: held.shape, Slot.STRIDE: held.strides}
            words[n] = numbers[entry_.slot][entry_.axis]
    return words


FORMATS = {"f64": "<d", "f32": "<f", "f16": "<e"}


def word(value: int | float | bool, dtype: DType) -> int:
    """A number as the bits of its word."""
    if dtype.kind is not Kind.FLOAT:
        return ctypes.c_int64(int(value)).value
    if dtype.name == "bf16":
        return int(np.float32(value).view(np.uint32)) >> 16
    raw = struct.pack(FORMATS[dtype.name], value)
    return int.from_bytes(raw, "little")


class CpuBackend:
    """Makes native kernels for this machine."""

    def compile(self, func: Func, abi: KernelAbi) -> NativeKernel:
        return NativeKernel(func, abi)
