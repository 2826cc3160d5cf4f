"""LLVM for the launch machine: blocks, memory by words, and calls of CPython."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

I8, I32, I64, F32, F64 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
I1 = ir.IntType(1)
PTR, VOID = ir.PointerType(), ir.VoidType()
LLVM = Any  # llvmlite has no types
PYTHON: dict[str, tuple[LLVM, tuple[LLVM, ...], bool]] = {  # result, parameters, whether more may follow
    "PyDict_GetItemWithError": (PTR, (PTR, PTR), False),
    "PyErr_Clear": (VOID, (), False),
    "PyEval_RestoreThread": (VOID, (PTR,), False),
    "PyEval_SaveThread": (PTR, (), False),
    "PyLong_AsLongLongAndOverflow": (I64, (PTR, PTR), False),
    "PyLong_FromLongLong": (PTR, (I64,), False),
    "PyObject_CallFunctionObjArgs": (PTR, (PTR,), True),
    "PyObject_Vectorcall": (PTR, (PTR, PTR, I64, PTR), False),
    "Py_DecRef": (VOID, (PTR,), False),
    "Py_IncRef": (VOID, (PTR,), False),
}
WORD = 8  # bytes


class Emitter:
    """Writes one function."""

    def __init__(self, module: ir.Module, name: str, result: LLVM, parameters: Sequence[LLVM]) -> None:
        self.module = module
        self.function = ir.Function(module, ir.FunctionType(result, parameters), name)
        self.b = ir.IRBuilder(self.function.append_basic_block("entry"))

    def block(self, name: str) -> LLVM:
        return self.function.append_basic_block(name)

    def at(self, base: LLVM, count: LLVM | int, size: int = 1) -> LLVM:
        """The address ``count * size`` bytes behind ``base``."""
        where = ir.Constant(I64, count) if isinstance(count, int) else count
        return self.b.gep(base, [where if size == 1 else self.b.mul(where, I64(size))], source_etype=I8)

    def load(self, base: LLVM, count: LLVM | int = 0, size: int = WORD, kind: LLVM = I64) -> LLVM:
        return self.b.load(self.at(base, count, size), typ=kind)

    def store(self, value: LLVM, base: LLVM, count: LLVM | int = 0) -> None:
        self.b.store(value, self.at(base, count, WORD))

    def pointer(self, word: LLVM) -> LLVM:
        return self.b.inttoptr(word, PTR)

    def is_null(self, pointer: LLVM) -> LLVM:
        return self.b.icmp_unsigned("==", pointer, ir.Constant(PTR, None))

    def python(self, name: str, *args: LLVM) -> LLVM:
        """A call of one of :data:`PYTHON`."""
        result, parameters, more = PYTHON[name]
        found = self.module.globals.get(name)
        if found is None:
            found = ir.Function(self.module, ir.FunctionType(result, parameters, var_arg=more), name)
        return self.b.call(found, args)

    def foreign(self, word: LLVM, result: LLVM, *args: LLVM) -> LLVM:
        """A call of the function whose address ``word`` is."""
        kind = ir.FunctionType(result, [a.type for a in args])
        callee = self.b.inttoptr(word, PTR)
        callee.type = ir.PointerType(kind)  # typed for llvmlite alone; LLVM prints and reads it as ptr
        return self.b.call(callee, args)

    def room(self, words: int, name: str) -> LLVM:
        """Words on the stack; to be asked for in the first block."""
        found = self.b.alloca(I64, words, name)
        found.align = WORD
        return found

    def unless(self, condition: LLVM, otherwise: LLVM) -> None:
        """Go to ``otherwise`` where the condition does not hold, and else on."""
        on = self.block("on")
        self.b.cbranch(condition, on, otherwise)
        self.b.position_at_end(on)

    def loop(self, count: LLVM, body: Callable[[LLVM], None]) -> None:
        """``body`` for 0 ... count - 1."""
        before, head, inside, done = self.b.block, self.block("head"), self.block("inside"), self.block("done")
        self.b.branch(head)
        self.b.position_at_end(head)
        n = self.b.phi(I64, "n")
        n.add_incoming(I64(0), before)
        self.b.cbranch(self.b.icmp_signed("<", n, count), inside, done)
        self.b.position_at_end(inside)
        body(n)
        n.add_incoming(self.b.add(n, I64(1)), self.b.block)
        self.b.branch(head)
        self.b.position_at_end(done)
