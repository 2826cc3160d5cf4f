"""The machine that runs launch programs: native code behind functions of Python's own calling convention.

``launch(self, args, count, names)`` tries the programs of a chain in turn on the call, and runs the kernel of the first
that takes it; what none takes goes to the launcher's Python function. It is METH_FASTCALL | METH_KEYWORDS of
methodobject.h. ``find.py`` has the other function.
"""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir

from tilevm.compiling import once
from tilevm.native import Loaded
from tilevm.runtime.grid import COUNT_LIMIT
from tilevm.runtime.launch import arithmetic, arrays, values
from tilevm.runtime.launch.emit import I32, I64, LLVM, PTR, PYTHON, Emitter
from tilevm.runtime.launch.find import FIND, Find
from tilevm.runtime.launch.guard import Guard
from tilevm.runtime.launch.objects import At, address
from tilevm.runtime.launch.rows import REGISTERS, ChainField, Field, HeldField
from tilevm.runtime.store import compiler, store

RULES = (arithmetic, arrays, values)  # importing them fills the guard's table
ENTRY = "launch"
NULL = ir.Constant(PTR, None)


class Launch(Emitter):
    """Writes ``launch``."""

    def __init__(self, module: ir.Module, guard: LLVM) -> None:
        super().__init__(module, ENTRY, PTR, [PTR, PTR, I64, PTR])
        self.guard = guard
        held, self.args, self.count, self.names = self.function.args
        self.registers, self.slots = self.room(REGISTERS, "registers"), self.room(REGISTERS, "slots")
        self.stream_at = self.room(1, "stream")
        self.held = self.at(held, At.BYTES)
        self.chain = self.load(self.held, HeldField.CHAIN, kind=PTR)

    def write(self) -> None:
        entry, head, try_, next_ = self.b.block, self.block("program"), self.block("try"), self.block("next")
        self.otherwise, self.launched, self.failed = (self.block(n) for n in ("otherwise", "launched", "failed"))
        programs = self.load(self.chain, ChainField.PROGRAMS, kind=PTR)
        most = self.load(self.chain, ChainField.COUNT)
        self.b.branch(head)
        self.b.position_at_end(head)
        n = self.b.phi(I64, "n")
        n.add_incoming(I64(0), entry)
        self.b.cbranch(self.b.icmp_signed("<", n, most), try_, self.otherwise)
        self.b.position_at_end(try_)
        self.program = self.load(programs, n, kind=PTR)
        self.fits(next_)
        passed = self.b.call(self.guard, [self.of(Field.ROWS, PTR), self.args, self.registers])
        self.unless(passed, next_)
        self.run()
        self.b.position_at_end(next_)
        n.add_incoming(self.b.add(n, I64(1)), next_)
        self.b.branch(head)
        self.ends()

    def of(self, field: Field, kind: LLVM = I64) -> LLVM:
        return self.load(self.program, field, kind=kind)

    def fits(self, otherwise: LLVM) -> None:
        """Go on where the call gives as many values by position as the program wants, and the same names."""
        self.unless(self.b.icmp_signed("==", self.count, self.of(Field.VALUES)), otherwise)
        wanted, named, match, fit = (
            self.of(Field.NAME_COUNT),
            self.block("named"),
            self.block("match"),
            self.block("fit"),
        )
        none = self.is_null(self.names)
        self.unless(self.b.icmp_signed("==", none, self.b.icmp_signed("==", wanted, I64(0))), otherwise)
        self.b.cbranch(none, fit, named)
        self.b.position_at_end(named)
        self.b.cbranch(self.b.icmp_signed("==", self.load(self.names, At.TUPLE_COUNT, 1), wanted), match, otherwise)
        self.b.position_at_end(match)
        items, names = self.at(self.names, At.TUPLE_ITEMS), self.of(Field.NAMES, PTR)

        def same(n: LLVM) -> None:
            self.unless(self.b.icmp_signed("==", self.load(items, n), self.load(names, n)), otherwise)

        self.loop(wanted, same)
        self.b.branch(fit)
        self.b.position_at_end(fit)

    def run(self) -> None:
        """Launch what the program says, unless there is nothing to do, or more than a launch can."""
        counts, nothing, some = self.counts(), self.block("nothing"), self.block("some")
        b = self.b
        for count in counts:
            self.unless(b.icmp_signed("<", count, I64(COUNT_LIMIT)), self.otherwise)
        least = b.select(b.icmp_signed("<", counts[0], counts[1]), counts[0], counts[1])
        least = b.select(b.icmp_signed("<", least, counts[2]), least, counts[2])
        b.cbranch(b.icmp_signed("<=", least, I64(0)), nothing, some)
        b.position_at_end(nothing)
        self.give_none()
        b.position_at_end(some)
        numbers = self.of(Field.SLOTS, PTR)

        def pass_on(n: LLVM) -> None:
            where = self.at(self.registers, self.load(numbers, n), 8)
            self.store(b.ptrtoint(where, I64), self.slots, n)

        self.loop(self.of(Field.SLOT_COUNT), pass_on)
        stream = self.stream()
        code = self.start(stream, [b.trunc(count, I32) for count in counts])
        self.judge(code, stream, counts)

    def counts(self) -> list[LLVM]:
        """Programs along x, y and z: the launcher's own, none of them more than the program's; or these."""
        b, found = self.b, []
        own = b.icmp_signed(">=", self.load(self.held, HeldField.X), I64(0))
        for mine, most in zip((HeldField.X, HeldField.Y, HeldField.Z), (Field.X, Field.Y, Field.Z), strict=True):
            asked, computed = self.load(self.held, mine), self.load(self.registers, self.of(most))
            count = b.select(own, asked, computed)
            self.unless(b.icmp_signed("<=", count, computed), self.otherwise)
            found.append(count)
        return found

    def stream(self) -> LLVM:
        """The stream of this launch: the current one, or always the same."""
        b, ask, given = self.b, self.block("ask"), self.block("given")
        self.store(self.of(Field.STREAM), self.stream_at)
        b.cbranch(b.icmp_signed("==", self.of(Field.STREAM_OF), I64(0)), given, ask)
        b.position_at_end(ask)
        device = self.of(Field.DEVICE)
        kind, number = b.trunc(device, I32), b.trunc(b.lshr(device, I64(32)), I32)
        code = self.foreign(self.of(Field.STREAM_OF), I32, kind, number, self.stream_at)
        no_stream = self.block("no_stream")
        b.cbranch(b.icmp_signed("==", code, I32(0)), given, no_stream)
        b.position_at_end(no_stream)
        self.python("PyErr_Clear")
        b.branch(self.otherwise)
        b.position_at_end(given)
        return self.load(self.stream_at)

    def start(self, stream: LLVM, counts: list[LLVM]) -> LLVM:
        """Call what launches; its result. Python's other threads go on where the program says so."""
        b, release, hold, done = self.b, self.block("release"), self.block("hold"), self.block("started")
        passed = (self.of(Field.CONTEXT, PTR), self.slots, stream, *counts)
        b.cbranch(b.icmp_signed("==", self.of(Field.RELEASES), I64(0)), hold, release)
        b.position_at_end(release)
        thread = self.python("PyEval_SaveThread")
        freely = self.foreign(self.of(Field.START), I32, *passed)
        self.python("PyEval_RestoreThread", thread)
        b.branch(done)
        b.position_at_end(hold)
        held = self.foreign(self.of(Field.START), I32, *passed)
        b.branch(done)
        b.position_at_end(done)
        code = b.phi(I32, "code")
        code.add_incoming(freely, release)
        code.add_incoming(held, hold)
        return code

    def judge(self, code: LLVM, stream: LLVM, counts: list[LLVM]) -> None:
        """None for 0; for less what the long way makes of the slots' address, stream and counts; or an error."""
        b, wrong, long, fail = self.b, self.block("wrong"), self.block("long"), self.block("fail")
        b.cbranch(b.icmp_signed("==", code, I32(0)), self.launched, wrong)
        b.position_at_end(wrong)
        b.cbranch(b.icmp_signed("<", code, I32(0)), long, fail)
        b.position_at_end(long)
        self.hand_over(self.of(Field.LONG, PTR), [b.ptrtoint(self.slots, I64), stream, *counts])
        b.position_at_end(fail)
        self.hand_over(self.of(Field.FAIL, PTR), [b.sext(code, I64), stream, *counts])

    def hand_over(self, callee: LLVM, words: list[LLVM]) -> None:
        """Give what a Python function makes of these numbers."""
        numbers = []
        for word in words:
            number = self.python("PyLong_FromLongLong", word)
            self.unless(self.b.not_(self.is_null(number)), self.failed)
            numbers.append(number)
        made = self.python("PyObject_CallFunctionObjArgs", callee, *numbers, NULL)
        for number in numbers:
            self.python("Py_DecRef", number)
        self.b.ret(made)

    def give_none(self) -> None:
        none = self.load(self.chain, ChainField.NONE, kind=PTR)
        self.python("Py_IncRef", none)
        self.b.ret(none)

    def ends(self) -> None:
        self.b.position_at_end(self.launched)
        self.give_none()
        self.b.position_at_end(self.failed)  # out of memory
        self.b.ret(NULL)
        self.b.position_at_end(self.otherwise)
        callee = self.load(self.held, HeldField.OTHERWISE, kind=PTR)
        self.b.ret(self.python("PyObject_Vectorcall", callee, self.args, self.count, self.names))


def text() -> str:
    """The module."""
    module = ir.Module("launch")
    module.triple = llvm.get_default_triple()
    guard = Guard(module)
    Launch(module, guard.write()).write()
    Find(module).write()
    return str(module)


def code_for_here() -> bytes:
    """Machine code of the module, from the disk where it was made before."""
    target = llvm.Target.from_default_triple().create_target_machine(opt=2, reloc="pic", codemodel="small")
    shelf = store()
    key = "\0".join(["launch machine", compiler(), llvm.get_default_triple(), str(llvm.llvm_version_info)])
    made = shelf.get(key) if shelf is not None else None
    if made is None:
        made = bytes(target.emit_object(llvm.parse_assembly(text())))
        if shelf is not None:
            shelf.put(key, made)
    return made


class Machine:
    """The functions in memory. ``entry``, ``find``: their addresses."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._code = Loaded(llvm, code_for_here(), ENTRY, FIND, known={name: address(name) for name in PYTHON})
        self.entry, self.find = self._code[ENTRY], self._code[FIND]


@once
def machine() -> Machine:
    """The one of this process; a child has it from its parent."""
    return Machine()
