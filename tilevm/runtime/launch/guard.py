"""The rows of a launch program as LLVM: ``guard(rows, args, registers)`` says whether all of them hold."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from tilevm.runtime.launch.emit import I1, I32, I64, LLVM, PTR, Emitter
from tilevm.runtime.launch.objects import At, Dl
from tilevm.runtime.launch.rows import ROW, Code

WIDEST = 2**31 - 1  # of an extent; a longer one goes to Python
LOWEST = 2**16  # address of an array; no system maps what lies below


class Guard(Emitter):
    """Writes the function; a rule finds the row's fields as ``r``, ``a``, ``b``, ``x``, ``y``, ``z``."""

    def __init__(self, module: ir.Module) -> None:
        super().__init__(module, "guard", I1, [PTR, PTR, PTR])
        self.function.linkage = "internal"
        self.rows, self.args, self.registers = self.function.args
        self.overflow, self.shown = self.room(1, "overflow"), self.room(Dl.WORDS, "shown")
        self.sums = self.room(1, "seen"), self.room(1, "bits"), self.room(1, "far")
        self.row: LLVM = None

    def write(self) -> LLVM:
        assert len(RULES) == len(Code), "every row has a rule"
        entry, head, self.refused = self.b.block, self.block("row"), self.block("refused")
        self.b.branch(head)
        self.b.position_at_end(self.refused)
        self.b.ret(I1(0))
        self.b.position_at_end(head)
        self.row = self.b.phi(PTR, "at")
        self.row.add_incoming(self.rows, entry)
        unknown = self.block("unknown")
        switch = self.b.switch(self.field("code"), unknown)
        self.b.position_at_end(unknown)
        self.b.unreachable()
        for code, emit in RULES.items():
            begin = self.block(code.name.lower())
            switch.add_case(I32(code), begin)
            self.b.position_at_end(begin)
            emit(self)
            if not self.b.block.is_terminated:
                self.row.add_incoming(self.at(self.row, ROW.itemsize), self.b.block)
                self.b.branch(head)
        return self.function

    def field(self, name: str) -> LLVM:
        assert ROW.fields is not None, "rows have fields"
        kind, offset = ROW.fields[name][:2]
        return self.load(self.row, offset, 1, I32 if kind.itemsize == 4 else I64)

    def index(self, name: str) -> LLVM:
        """A field that numbers arguments, registers or dims."""
        return self.b.zext(self.field(name), I64)

    def argument(self) -> LLVM:
        return self.load(self.args, self.index("a"), kind=PTR)

    def register(self, name: str) -> LLVM:
        return self.load(self.registers, self.index(name))

    def fill(self, value: LLVM) -> None:
        """Put a number into the register r."""
        self.store(value, self.registers, self.index("r"))

    def need(self, condition: LLVM) -> None:
        """Refuse the call unless the condition holds."""
        self.unless(condition, self.refused)

    def equal(self, a: LLVM, b: LLVM) -> None:
        self.need(self.b.icmp_signed("==", a, b))

    def of_type(self, value: LLVM, kind: LLVM) -> None:
        """Refuse what is not of this very class, whose address is ``kind``."""
        self.equal(self.load(value, At.TYPE, 1), kind)

    def places(self) -> tuple[LLVM, LLVM, LLVM]:
        """The address of the register r; where the extents behind it begin, and the strides."""
        first = self.at(self.registers, self.index("r"), 8)
        extents = self.at(first, 8)
        return first, extents, self.at(extents, self.index("b"), 8)


Rule = Callable[[Guard], None]
RULES: dict[Code, Rule] = {}


def rule(*codes: Code) -> Callable[[Rule], Rule]:
    def add(emit: Rule) -> Rule:
        RULES.update(dict.fromkeys(codes, emit))
        return emit

    return add


@rule(Code.END)
def _(g: Guard) -> None:
    g.b.ret(I1(1))


def between(g: Guard, number: LLVM) -> None:
    g.need(g.b.icmp_signed(">=", number, g.field("x")))
    g.need(g.b.icmp_signed("<=", number, g.field("y")))
