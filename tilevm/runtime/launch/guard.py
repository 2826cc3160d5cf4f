"""The rows of a launch program as LLVM: ``guard(rows, args, registers)`` says whether all of them hold."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from tilevm.runtime.launch.emit import F32, F64, I1, I32, I64, LLVM, PTR, Emitter
from tilevm.runtime.launch.objects import At, Dl
from tilevm.runtime.launch.rows import ALIGNED_BIT, EVEN_BIT, ROW, TRACK_BIT, Code, TensorField

WIDEST = 2**31 - 1  # of an extent; a longer one goes to Python


class Guard(Emitter):
    """Writes the function; a rule finds the row's fields as ``r``, ``a``, ``b``, ``x``, ``y``, ``z``."""

    def __init__(self, module: ir.Module) -> None:
        super().__init__(module, "guard", I1, [PTR, PTR, PTR])
        self.function.linkage = "internal"
        self.rows, self.args, self.registers = self.function.args
        self.overflow, self.shown = self.room(1, "overflow"), self.room(Dl.WORDS, "shown")
        self.sums = self.room(1, "seen"), self.room(1, "bits")
        self.row: LLVM = None

    def write(self) -> LLVM:
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


# Arguments as objects -----------------------------------------------------------------------------------------


@rule(Code.SAME)
def _(g: Guard) -> None:
    g.equal(g.b.ptrtoint(g.argument(), I64), g.field("x"))


def whole(g: Guard) -> LLVM:
    """The argument as an integer of 64 bits."""
    value = g.argument()
    g.of_type(value, g.field("z"))
    number = g.python("PyLong_AsLongLongAndOverflow", value, g.overflow)
    g.need(g.b.icmp_signed("==", g.b.load(g.overflow, typ=I32), I32(0)))
    return number


@rule(Code.WHOLE)
def _(g: Guard) -> None:
    g.equal(whole(g), g.field("x"))


@rule(Code.INT)
def _(g: Guard) -> None:
    number = whole(g)
    between(g, number)
    g.fill(number)


def real(g: Guard) -> LLVM:
    """The bits of an argument that is a float."""
    value = g.argument()
    g.of_type(value, g.field("z"))
    return g.load(value, At.FLOAT, 1)


@rule(Code.REAL)
def _(g: Guard) -> None:
    g.equal(real(g), g.field("x"))


@rule(Code.FLOAT)
def _(g: Guard) -> None:
    g.fill(real(g))


@rule(Code.BOOL)
def _(g: Guard) -> None:
    value = g.b.ptrtoint(g.argument(), I64)
    true, false = (g.b.icmp_signed("==", value, g.field(name)) for name in "xy")
    g.need(g.b.or_(true, false))
    g.fill(g.b.zext(true, I64))


# Arguments as arrays ------------------------------------------------------------------------------------------


@rule(Code.NUMPY)
def _(g: Guard) -> None:
    array, dims = g.argument(), g.index("b")
    g.of_type(array, g.field("z"))
    g.equal(g.load(array, At.ARRAY_DTYPE, 1), g.field("x"))
    g.equal(g.load(array, At.ARRAY_DIMS, 1, I32), g.field("b"))
    flags = g.b.zext(g.load(array, At.ARRAY_FLAGS, 1, I32), I64)
    g.equal(g.b.and_(flags, g.field("y")), g.field("y"))
    first, extents, strides = g.places()
    g.b.store(g.load(array, At.ARRAY_DATA, 1), first)
    copy(g, g.load(array, At.ARRAY_SHAPE, 1, PTR), extents, dims)
    copy(g, g.load(array, At.ARRAY_STRIDES, 1, PTR), strides, dims)


def copy(g: Guard, source: LLVM, into: LLVM, count: LLVM) -> None:
    g.loop(count, lambda n: g.store(g.load(source, n), into, n))


@rule(Code.SHIFT)
def _(g: Guard) -> None:
    first, shift = g.at(g.registers, g.index("r"), 8), g.field("x")
    mask = g.b.sub(g.b.shl(I64(1), shift), I64(1))

    def body(n: LLVM) -> None:
        held = g.load(first, n)
        g.equal(g.b.and_(held, mask), I64(0))
        g.store(g.b.ashr(held, shift), first, n)

    g.loop(g.index("b"), body)


@rule(Code.TENSOR)
def _(g: Guard) -> None:
    tensor, dims, told = g.argument(), g.index("b"), g.pointer(g.field("x"))
    g.of_type(tensor, g.load(told, TensorField.TYPE))
    taken = g.foreign(g.load(told, TensorField.TAKE), I32, tensor, g.shown)
    without_error(g, g.b.icmp_signed("==", taken, I32(0)))
    g.equal(g.load(g.shown, Dl.KIND), g.load(told, TensorField.WORD))
    g.equal(g.load(g.shown, Dl.DEVICE), g.load(told, TensorField.DEVICE))
    first, extents, strides = g.places()
    g.b.store(g.b.add(g.load(g.shown, Dl.DATA), g.load(g.shown, Dl.OFFSET)), first)
    shape, steps = (g.load(g.shown, word, kind=PTR) for word in (Dl.SHAPE, Dl.STRIDES))
    g.need(g.b.or_(g.b.icmp_signed("==", dims, I64(0)), g.b.not_(g.is_null(steps))))
    copy(g, shape, extents, dims)
    copy(g, steps, strides, dims)
    says_no(g, told, TensorField.GRADIENT, tensor, g.load(told, TensorField.CLOSURE))
    apart = g.block("apart")
    looked = g.block("looked")
    g.b.cbranch(touching(g, extents, strides, dims), looked, apart)
    g.b.position_at_end(apart)
    says_no(g, told, TensorField.NEGATED, tensor, ir.Constant(PTR, None))
    g.b.branch(looked)
    g.b.position_at_end(looked)


def touching(g: Guard, extents: LLVM, strides: LLVM, dims: LLVM) -> LLVM:
    """Whether elements that differ in one index are neighbours. Those of a lazy negation are not: it is the imaginary
    part of a conjugate, and the real one lies between (torch._neg_view, which is for torch itself, is not foreseen).
    """
    found = g.sums[0]
    g.b.store(I64(0), found)

    def axis(n: LLVM) -> None:
        several = g.b.icmp_signed(">", g.load(extents, n), I64(1))
        beside = g.b.and_(several, g.b.icmp_signed("==", g.load(strides, n), I64(1)))
        g.b.store(g.b.or_(g.b.load(found, typ=I64), g.b.zext(beside, I64)), found)

    g.loop(dims, axis)
    return g.b.icmp_signed("!=", g.b.load(found, typ=I64), I64(0))


def without_error(g: Guard, condition: LLVM) -> None:
    """Refuse the call where the condition does not hold, and forget what Python would raise."""
    on, failed = g.block("taken"), g.block("failed")
    g.b.cbranch(condition, on, failed)
    g.b.position_at_end(failed)
    g.python("PyErr_Clear")
    g.b.branch(g.refused)
    g.b.position_at_end(on)


def says_no(g: Guard, told: LLVM, field: TensorField, *args: LLVM) -> None:
    """Refuse the call where the function in a field of what is told is there and answers anything but False."""
    ask, done, function = g.block("ask"), g.block("answered"), g.load(told, field)
    g.b.cbranch(g.b.icmp_signed("==", function, I64(0)), done, ask)
    g.b.position_at_end(ask)
    answer = g.foreign(function, PTR, *args)
    without_error(g, g.b.not_(g.is_null(answer)))
    no = g.b.icmp_signed("==", g.b.ptrtoint(answer, I64), g.load(told, TensorField.NO))
    g.python("Py_DecRef", answer)
    g.need(no)
    g.b.branch(done)
    g.b.position_at_end(done)


@rule(Code.LOOK)
def _(g: Guard) -> None:
    """What :func:`tilevm.runtime.arguments.look` sees, and which extents 16 divides; of arrays that have elements."""
    b = g.b
    first, extents, strides = g.places()
    dims, size, wanted = g.index("b"), g.field("y"), g.field("x")
    seen, bits = g.sums
    b.store(I64(0), seen)
    b.store(b.load(first, typ=I64), bits)
    last = b.sub(dims, I64(1))

    def axis(n: LLVM) -> None:
        extent, stride = g.load(extents, n), g.load(strides, n)
        g.need(b.and_(b.icmp_signed(">", extent, I64(0)), b.icmp_signed("<=", extent, I64(WIDEST))))
        several = b.icmp_signed(">", extent, I64(1))
        unit = b.select(several, b.icmp_signed("==", stride, I64(1)), b.icmp_signed("==", n, last))
        even = b.icmp_signed("==", b.and_(extent, I64(15)), I64(0))
        found = b.or_(b.shl(b.zext(unit, I64), n), b.shl(b.zext(even, I64), b.add(n, I64(EVEN_BIT))))
        b.store(b.or_(b.load(seen, typ=I64), found), seen)
        apart = b.select(b.and_(several, b.not_(unit)), b.mul(stride, size), I64(0))
        b.store(b.or_(b.load(bits, typ=I64), apart), bits)

    g.loop(dims, axis)
    track = b.and_(b.lshr(wanted, I64(TRACK_BIT)), I64(1))
    aligned = b.icmp_signed("==", b.and_(b.load(bits, typ=I64), I64(15)), I64(0))
    evens = I64(((1 << (ALIGNED_BIT - EVEN_BIT)) - 1) << EVEN_BIT)
    kept = b.select(b.trunc(track, I1), b.load(seen, typ=I64), b.and_(b.load(seen, typ=I64), b.not_(evens)))
    kept = b.or_(b.or_(kept, b.shl(b.zext(aligned, I64), I64(ALIGNED_BIT))), b.shl(track, I64(TRACK_BIT)))
    g.equal(kept, wanted)


# What stands outside ------------------------------------------------------------------------------------------


@rule(Code.WATCH)
def _(g: Guard) -> None:
    found = g.python("PyDict_GetItemWithError", g.pointer(g.field("x")), g.pointer(g.field("y")))
    g.equal(g.b.ptrtoint(found, I64), g.field("z"))


@rule(Code.CELL)
def _(g: Guard) -> None:
    g.equal(g.load(g.pointer(g.field("x")), At.CELL, 1), g.field("y"))


# Numbers ------------------------------------------------------------------------------------------------------


def between(g: Guard, number: LLVM) -> None:
    g.need(g.b.icmp_signed(">=", number, g.field("x")))
    g.need(g.b.icmp_signed("<=", number, g.field("y")))


@rule(Code.CONST)
def _(g: Guard) -> None:
    g.fill(g.field("x"))


@rule(Code.BETWEEN)
def _(g: Guard) -> None:
    between(g, g.register("a"))


@rule(Code.EQUAL)
def _(g: Guard) -> None:
    g.equal(g.register("a"), g.register("b"))


@rule(Code.MULTIPLE)
def _(g: Guard) -> None:
    g.equal(g.b.srem(g.register("a"), g.field("x")), I64(0))


def single(g: Guard) -> LLVM:
    """Whether the axis with the extent in b has one element, so that its stride says nothing."""
    return g.b.icmp_signed("<=", g.register("b"), I64(1))


@rule(Code.PITCH)
def _(g: Guard) -> None:
    g.need(g.b.or_(single(g), g.b.icmp_signed("==", g.register("a"), g.field("x"))))


@rule(Code.PITCH_OF)
def _(g: Guard) -> None:
    g.need(g.b.or_(single(g), g.b.icmp_signed("==", g.register("a"), g.register("r"))))


@rule(Code.ROWS)
def _(g: Guard) -> None:
    stride = g.register("a")
    touching = g.b.icmp_signed("==", stride, I64(1))
    whole = g.b.icmp_signed("==", g.b.srem(stride, g.field("x")), I64(0))
    g.need(g.b.or_(g.b.or_(single(g), touching), whole))


def checked(name: str) -> Rule:
    """Arithmetic that refuses what exceeds 64 bits."""

    def emit(g: Guard) -> None:
        a, b = g.register("a"), g.register("b")
        result = getattr(g.b, f"{name}_with_overflow")(a, b)
        g.need(g.b.not_(g.b.extract_value(result, 1)))
        g.fill(g.b.extract_value(result, 0))

    return emit


RULES |= {Code.ADD: checked("sadd"), Code.SUB: checked("ssub"), Code.MUL: checked("smul")}


def divided(g: Guard) -> tuple[LLVM, LLVM, LLVM, LLVM]:
    """Dividend, divisor, quotient towards zero and rest; for a divisor of 0 by 1. Negative divisors are refused."""
    a, b = g.register("a"), g.register("b")
    g.need(g.b.icmp_signed(">=", b, I64(0)))
    by = g.b.select(g.b.icmp_signed("==", b, I64(0)), I64(1), b)
    return a, b, g.b.sdiv(a, by), g.b.srem(a, by)


def one_if(g: Guard, sign: str, number: LLVM) -> LLVM:
    return g.b.zext(g.b.icmp_signed(sign, number, I64(0)), I64)


def unless_zero(g: Guard, b: LLVM, value: LLVM, otherwise: LLVM) -> None:
    g.fill(g.b.select(g.b.icmp_signed("==", b, I64(0)), otherwise, value))


@rule(Code.DIV)
def _(g: Guard) -> None:
    _, b, quotient, rest = divided(g)
    unless_zero(g, b, g.b.sub(quotient, one_if(g, "<", rest)), I64(0))


@rule(Code.CDIV)
def _(g: Guard) -> None:
    _, b, quotient, rest = divided(g)
    unless_zero(g, b, g.b.add(quotient, one_if(g, ">", rest)), I64(0))


@rule(Code.MOD)
def _(g: Guard) -> None:
    a, b, _, rest = divided(g)
    unless_zero(g, b, g.b.select(g.b.icmp_signed("<", rest, I64(0)), g.b.add(rest, b), rest), a)


def extreme(sign: str) -> Rule:
    def emit(g: Guard) -> None:
        a, b = g.register("a"), g.register("b")
        g.fill(g.b.select(g.b.icmp_signed(sign, a, b), a, b))

    return emit


RULES |= {Code.MIN: extreme("<"), Code.MAX: extreme(">")}


@rule(Code.FROM_INT)
def _(g: Guard) -> None:
    g.fill(g.b.bitcast(g.b.sitofp(g.register("a"), F64), I64))


@rule(Code.NARROW)
def _(g: Guard) -> None:
    narrow = g.b.fptrunc(g.b.bitcast(g.register("a"), F64), F32)
    g.fill(g.b.zext(g.b.bitcast(narrow, I32), I64))
