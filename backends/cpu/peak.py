"""The most that this machine's arithmetic can do, measured."""

from __future__ import annotations

import time

import llvmlite.binding as llvm
from llvmlite import ir

from .artifact import load
from .emit import FLOAT, I32, I64, LLVM, PTR, VOID, Emitter
from .host import host, machine
from .pool import everywhere, scratch, threads

CHAINS = 16  # independent sums: latency 4 times 2 a cycle needs 8
TRIPS = 2_000_000


def peak_module() -> ir.Module:
    """A loop of nothing but fused multiply-adds, under the entry's signature."""
    module = ir.Module("peak")
    module.triple = llvm.get_default_triple()
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, PTR, I64, I64, PTR, I32, I32, I32]), "run")
    e = Emitter(module, function, host())
    lanes = e.host.lanes(32)
    memory = function.args[4]
    x = e.load(memory, FLOAT, lanes)
    start = [e.b.fadd(x, e.like(x, float(k))) for k in range(CHAINS)]

    def body(_: LLVM, sums: list[LLVM]) -> list[LLVM]:
        return [e.fma(s, x, x) for s in sums]

    total = e.loop(function.args[2], start, body)
    for s in total:
        e.store(s, memory)
    e.b.ret_void()
    return module


def fma_peak() -> float:
    """f32 GFLOP/s of fused multiply-adds on all threads, the best of five."""
    engine, run = load(machine().emit_object(llvm.parse_assembly(str(peak_module()))))
    count, best = threads(), float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        everywhere(lambda: run(0, 0, TRIPS, 1, scratch.address(64), 1, 1, 1), count)
        best = min(best, time.perf_counter() - begin)
    assert engine is not None  # holds the code until here
    return 2 * CHAINS * host().lanes(32) * TRIPS * count / best / 1e9
