"""Rows that look at arguments as arrays: numpy's, and tensors that show themselves by DLPack."""

from __future__ import annotations

from llvmlite import ir

from tilevm.runtime.launch.emit import I1, I32, I64, LLVM, PTR, WORD
from tilevm.runtime.launch.guard import LOWEST, WIDEST, Guard, rule
from tilevm.runtime.launch.objects import At, Dl
from tilevm.runtime.launch.rows import ALIGNED_BIT, EVEN_BIT, SMALL_BIT, TRACK_BIT, TRACKED_BITS, Code, TensorField
from tilevm.types import SMALL

BEYOND = SMALL + 1  # elements, and so bytes, or more


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


@rule(Code.PACKED)
def _(g: Guard) -> None:
    tensor, dims = g.argument(), g.index("b")
    g.of_type(tensor, g.field("z"))
    told = g.load(tensor, g.field("y"), 1, PTR)
    g.need(g.b.not_(g.is_null(told)))
    words = g.at(told, At.BYTES)
    g.equal(g.load(words), g.field("x"))
    copy(g, g.at(words, WORD), g.places()[0], g.b.add(I64(1), g.b.shl(dims, I64(1))))


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
    apart, looked = g.block("apart"), g.block("looked")
    g.b.cbranch(touching(g, extents, strides, dims), looked, apart)
    g.b.position_at_end(apart)
    says_no(g, told, TensorField.NEGATED, tensor, ir.Constant(PTR, None))
    g.b.branch(looked)
    g.b.position_at_end(looked)


def touching(g: Guard, extents: LLVM, strides: LLVM, dims: LLVM) -> LLVM:
    """Whether elements that differ in one index are neighbours: then the tensor is not asked whether it is a lazy
    negation, which takes as long as all else of it. It is the imaginary part of a conjugate, with the real one between;
    as_strided may make neighbours of those, which is not foreseen.
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
    """What :func:`tilevm.runtime.arguments.look` sees, which extents 16 divides, and whether the tensor is small; of
    arrays that have elements, at addresses where there can be some: a tensor whose memory was given back begins at 0,
    and its views at offsets."""
    b = g.b
    first, extents, strides = g.places()
    dims, size, wanted = g.index("b"), g.field("y"), g.field("x")
    seen, bits, far = g.sums
    address = b.load(first, typ=I64)
    g.need(b.icmp_unsigned(">=", address, I64(LOWEST)))
    b.store(I64(0), seen)
    b.store(address, bits)
    b.store(I64(0), far)
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
        b.store(b.add(b.load(far, typ=I64), distance(g, extent, stride)), far)

    g.loop(dims, axis)
    track = b.and_(b.lshr(wanted, I64(TRACK_BIT)), I64(1))
    g.equal(b.and_(b.load(bits, typ=I64), b.sub(size, I64(1))), I64(0))  # whole elements; sizes are powers of two
    small = b.icmp_unsigned("<=", b.mul(b.load(far, typ=I64), size), I64(SMALL))
    aligned = b.icmp_signed("==", b.and_(b.load(bits, typ=I64), I64(15)), I64(0))
    found = b.or_(b.load(seen, typ=I64), b.shl(b.zext(small, I64), I64(SMALL_BIT)))
    kept = b.select(b.trunc(track, I1), found, b.and_(found, I64(~TRACKED_BITS)))
    kept = b.or_(b.or_(kept, b.shl(b.zext(aligned, I64), I64(ALIGNED_BIT))), b.shl(track, I64(TRACK_BIT)))
    g.equal(kept, wanted)


def distance(g: Guard, extent: LLVM, stride: LLVM) -> LLVM:
    """Elements from the first to the last along an axis, or so many that no small tensor has them: sums of these over
    all axes fit in 64 bits, as products of extents and strides need not."""
    b = g.b
    apart = b.select(b.icmp_signed("<", stride, I64(0)), b.neg(stride), stride)
    far = b.mul(b.sub(extent, I64(1)), at_most(b, apart, BEYOND))
    return at_most(b, far, BEYOND)


def at_most(b: ir.IRBuilder, x: LLVM, most: int) -> LLVM:
    return b.select(b.icmp_unsigned("<", x, I64(most)), x, I64(most))
