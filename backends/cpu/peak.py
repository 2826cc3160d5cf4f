"""The most that this machine's arithmetic can do, measured."""

from __future__ import annotations

import time

import llvmlite.binding as llvm
from llvmlite import ir

from .artifact import Code, block_of, entry
from .emit import FLOAT, I32, LLVM, PTR, VOID, Emitter
from .host import host, machine
from .pool import threads

CHAINS = 16  # independent sums: latency 4 times 2 a cycle needs 8
TRIPS = 50_000  # in one program
PROGRAMS = 40  # for each thread


def peak_module() -> ir.Module:
    """A kernel of nothing but fused multiply-adds."""
    module = ir.Module("peak")
    module.triple = llvm.get_default_triple()
    function = ir.Function(module, ir.FunctionType(VOID, [PTR, PTR, *[I32] * 6]), "block")
    e = Emitter(module, function, host())
    lanes = e.host.lanes(32)
    memory, program = function.args[1:3]
    x = e.splat(e.b.uitofp(program, FLOAT), lanes)  # known to nobody, and never subnormal
    start = [e.b.fadd(x, e.like(x, float(k))) for k in range(CHAINS)]

    def body(_: LLVM, sums: list[LLVM]) -> list[LLVM]:
        return [e.fma(s, x, x) for s in sums]

    for s in e.loop(TRIPS, start, body):
        e.store(s, memory)
    e.b.ret_void()
    entry(module, function, host())
    return module


def fma_peak() -> float:
    """f32 GFLOP/s of fused multiply-adds on all threads, the best of five."""
    code = Code(machine().emit_object(llvm.parse_assembly(str(peak_module()))))
    total, best = PROGRAMS * threads(), float("inf")
    for _ in range(5):
        words = block_of(())
        begin = time.perf_counter()
        code.run(words, total, (total, 1, 1), 64, threads())
        best = min(best, time.perf_counter() - begin)
    return 2 * CHAINS * host().lanes(32) * TRIPS * total / best / 1e9
