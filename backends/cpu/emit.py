"""LLVM instructions on scalars and vectors alike, and loops with carried values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from tilevm.types import DType, Kind

from .builder import Builder, known
from .host import Host

I1, I8, I16, I32, I64 = (ir.IntType(n) for n in (1, 8, 16, 32, 64))
HALF, FLOAT, DOUBLE = ir.HalfType(), ir.FloatType(), ir.DoubleType()
PTR, VOID = ir.PointerType(), ir.VoidType()


class BFloatType(ir.Type):  # type: ignore[misc]  # llvmlite is untyped, and has no name for it
    """LLVM's bfloat, which only the dot products of pairs take."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloatType)

    def __hash__(self) -> int:
        return hash(BFloatType)


BFLOAT = BFloatType()


class Splat(ir.Constant):  # type: ignore[misc]  # llvmlite is untyped
    """A vector constant of equal elements. Written out one by one, such constants were half of a module's text."""

    def __init__(self, kind: ir.VectorType, element: Any) -> None:
        self.type, self.constant = kind, [ir.Constant(kind.element, element)] * kind.count

    def _get_reference(self) -> str:
        return f"splat ({self.constant[0]})"


FLOATS = {"f64": DOUBLE, "f32": FLOAT, "tf32": FLOAT, "f16": HALF, "bf16": I16}
LLVM = Any  # llvmlite is untyped: an ir.Value


def register_type(dtype: DType) -> Any:
    """How an element stands in a register: bool as i1, bf16 and small floats as codes, integers in whole bytes."""
    return I1 if dtype.kind is Kind.BOOL else FLOATS.get(dtype.name) or ir.IntType(container_bits(dtype))


def memory_type(dtype: DType) -> Any:
    """How an element lies in memory."""
    return I8 if dtype.kind is Kind.BOOL else register_type(dtype)


def memory_bytes(dtype: DType) -> int:
    return dtype.numpy_bytes


def container_bits(dtype: DType) -> int:
    """The bits that an element takes in memory and in a register: a power of two, 8 at least."""
    return 8 * dtype.numpy_bytes


def lanes_of(value: LLVM) -> int:
    """How many elements a value holds; 0 for a scalar."""
    return value.type.count if isinstance(value.type, ir.VectorType) else 0


def vector_of(element: Any, lanes: int) -> Any:
    return ir.VectorType(element, lanes) if lanes else element


class Undefined(ir.Constant):  # type: ignore[misc]
    """A value that nobody looks at."""

    def __init__(self, kind: Any) -> None:
        self.type, self.constant = kind, ir.Undefined

    def _get_reference(self) -> str:
        return "undef"


class Emitter:
    """An IRBuilder with the words that tile code is written in."""

    def __init__(self, module: ir.Module, function: ir.Function, host: Host) -> None:
        self.module, self.function, self.host = module, function, host
        self.b: Any = Builder(function.append_basic_block("entry"))

    # constants and shapes -------------------------------------------------------------------------------------

    def number(self, kind: Any, value: Any) -> LLVM:
        """A constant of a scalar type, or one repeated over a vector type."""
        return Splat(kind, value) if isinstance(kind, ir.VectorType) else ir.Constant(kind, value)

    def like(self, model: LLVM, value: Any) -> LLVM:
        return self.number(model.type, value)

    def i64(self, value: int) -> LLVM:
        return ir.Constant(I64, value)

    def iota(self, lanes: int, kind: Any = I32) -> LLVM:
        return ir.Constant(ir.VectorType(kind, lanes), list(range(lanes)))

    def head(self, count: int, lanes: int) -> LLVM:
        """A mask of the first ``count`` of ``lanes`` lanes."""
        return ir.Constant(ir.VectorType(I1, lanes), [int(k < count) for k in range(lanes)])

    def zero(self, kind: Any) -> LLVM:
        return zero_of(kind)

    def index(self, value: int) -> LLVM:
        return ir.Constant(I32, value)

    def undefined(self, kind: Any) -> LLVM:
        return Undefined(kind)

    def constant_vector(self, kind: Any, values: Sequence[Any]) -> LLVM:
        return ir.Constant(kind, list(values))

    def splat(self, x: LLVM, lanes: int) -> LLVM:
        """``x`` in every lane; a vector passes through."""
        if not lanes or lanes_of(x):
            return x
        kind = ir.VectorType(x.type, lanes)
        if isinstance(x, ir.Constant):
            return Splat(kind, x.constant)
        one = self.b.insert_element(self.undefined(kind), x, self.index(0))
        return self.b.shuffle_vector(one, self.undefined(kind), self.zero(ir.VectorType(I32, lanes)))

    def call(self, name: str, result: Any, args: Sequence[LLVM]) -> LLVM:
        """A call of an intrinsic or a library function by its full name."""
        known = self.module.globals.get(name)
        kind = ir.FunctionType(result, [a.type for a in args])
        return self.b.call(known or ir.Function(self.module, kind, name), args)

    def internal(self, name: str, result: Any, kinds: Sequence[Any], make: Callable[[Emitter], LLVM | None]) -> Any:
        """The module's own function called ``name``, made once by ``make``, which gives what it returns.

        It is never inlined, so its registers stay apart, and what is used often is compiled once.
        """
        known = self.module.globals.get(name)
        if known is not None:
            return known
        made = ir.Function(self.module, ir.FunctionType(result, kinds), name)
        made.linkage = "internal"
        made.attributes.add("noinline")
        inside = Emitter(self.module, made, self.host)
        found = make(inside)
        if found is None:
            inside.b.ret_void()
        else:
            inside.b.ret(found)
        return made

    def intrinsic(self, name: str, *args: LLVM) -> LLVM:
        """An intrinsic overloaded on its first argument, giving the same type."""
        return self.call(f"llvm.{name}.{suffix(args[0].type)}", args[0].type, args)

    def fma(self, a: LLVM, b: LLVM, c: LLVM) -> LLVM:
        return self.intrinsic("fma", a, b, c)

    # memory ---------------------------------------------------------------------------------------------------

    def at(self, base: LLVM, offset: LLVM, element: Any) -> LLVM:
        """The address ``offset`` elements after ``base``."""
        if known(offset) == 0:
            return base
        return self.b.gep(base, [offset], source_etype=element)

    def load(self, address: LLVM, element: Any, lanes: int, mask: LLVM | None = None, align: int = 0) -> LLVM:
        """Elements at ``address``; 0 where ``mask`` is false, without touching memory there."""
        kind = vector_of(element, lanes)
        align = align or element_bytes(element)
        if mask is None:
            return self.b.load(address, align=align, typ=kind)
        zero = zero_of(kind)
        args = [address, ir.Constant(I32, align), mask, zero]
        return self.call(f"llvm.masked.load.{suffix(kind)}.p0", kind, args)

    def store(self, value: LLVM, address: LLVM, mask: LLVM | None = None, align: int = 0) -> None:
        kind = value.type
        element = kind.element if isinstance(kind, ir.VectorType) else kind
        align = align or element_bytes(element)
        if mask is None:
            self.b.store(value, address, align=align)
            return
        only = one_lane(mask)
        if only is not None:
            target = self.at(address, self.i64(only), element)
            self.b.store(self.b.extract_element(value, self.index(only)), target, align=element_bytes(element))
            return
        args = [value, address, ir.Constant(I32, align), mask]
        self.call(f"llvm.masked.store.{suffix(kind)}.p0", VOID, args)

    def stream(self, value: LLVM, address: LLVM) -> None:
        """Store a vector, at a multiple of its size, past the caches."""
        kind = value.type
        made = self.b.store(value, address, align=kind.count * element_bytes(kind.element))
        made.set_metadata("nontemporal", self.module.add_metadata([ir.Constant(I32, 1)]))

    def gather(self, addresses: LLVM, element: Any, mask: LLVM | None) -> LLVM:
        """One element from each of a vector of addresses."""
        lanes = addresses.type.count
        kind = ir.VectorType(element, lanes)
        mask = mask if mask is not None else self.number(ir.VectorType(I1, lanes), 1)
        args = [addresses, ir.Constant(I32, element_bytes(element)), mask, zero_of(kind)]
        return self.call(f"llvm.masked.gather.{suffix(kind)}.v{lanes}p0", kind, args)

    def scatter(self, value: LLVM, addresses: LLVM, mask: LLVM | None) -> None:
        lanes = addresses.type.count
        mask = mask if mask is not None else self.number(ir.VectorType(I1, lanes), 1)
        args = [value, addresses, ir.Constant(I32, element_bytes(value.type.element)), mask]
        self.call(f"llvm.masked.scatter.{suffix(value.type)}.v{lanes}p0", VOID, args)

    def addresses(self, base: LLVM, offsets: LLVM, element: Any) -> LLVM:
        """``base`` plus each of a vector of i64 offsets in elements.

        Not computed from the number of the address: LLVM would look through all of them again in each loop.
        """
        return self.b.gep(self.splat(base, offsets.type.count), [offsets], source_etype=element)

    # control --------------------------------------------------------------------------------------------------

    def loop(
        self,
        count: LLVM | int,
        carried: Sequence[LLVM],
        body: Callable[[LLVM, list[LLVM]], Sequence[LLVM]],
    ) -> list[LLVM]:
        """Run ``body(i, carried)`` for i = 0 … count-1 (i64) and give the last values; nothing is run for 0."""
        if isinstance(count, int) and count <= 1:
            return list(body(self.i64(0), list(carried))) if count == 1 else list(carried)
        known = isinstance(count, int)
        total = self.i64(count) if known else count
        head, done = self.block("loop"), self.block("done")
        before = self.b.block
        if known:
            self.b.branch(head)
        else:
            self.b.cbranch(self.b.icmp_signed(">", total, self.i64(0)), head, done)
        self.b.position_at_end(head)
        i = self.b.phi(I64)
        phis = [self.b.phi(v.type) for v in carried]
        new = list(body(i, list(phis)))
        step = self.b.add(i, self.i64(1))
        last = self.b.block
        for phi, first, again in zip([i, *phis], [self.i64(0), *carried], [step, *new], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(again, last)
        self.b.cbranch(self.b.icmp_signed("<", step, total), head, done)
        self.b.position_at_end(done)
        return new if known else [self.merge(v, before, n, last) for v, n in zip(carried, new, strict=True)]

    def merge(self, a: LLVM, from_a: Any, b: LLVM, from_b: Any) -> LLVM:
        phi = self.b.phi(a.type)
        phi.add_incoming(a, from_a)
        phi.add_incoming(b, from_b)
        return phi

    def block(self, name: str) -> Any:
        return self.function.append_basic_block(name)

    @contextmanager
    def when(self, condition: LLVM) -> Iterator[None]:
        """Instructions made inside run only where the scalar ``condition`` holds."""
        inside, after = self.block("then"), self.block("after")
        self.b.cbranch(condition, inside, after)
        self.b.position_at_end(inside)
        yield
        self.b.branch(after)
        self.b.position_at_end(after)

    @contextmanager
    def fork(self, condition: LLVM) -> Iterator[tuple[Any, Any]]:
        """Two contexts: what is made in the first runs where the scalar ``condition`` holds, in the other elsewhere."""
        with self.b.if_else(condition) as branches:
            yield branches

    def either(
        self, condition: LLVM, then: Callable[[], Sequence[LLVM]], otherwise: Callable[[], Sequence[LLVM]]
    ) -> list[LLVM]:
        """The values of one of two pieces of code."""
        ends = []
        blocks, after = [self.block("then"), self.block("else")], self.block("after")
        self.b.cbranch(condition, *blocks)
        for block, make in zip(blocks, (then, otherwise), strict=True):
            self.b.position_at_end(block)
            ends.append((list(make()), self.b.block))
            self.b.branch(after)
        self.b.position_at_end(after)
        (a, from_a), (b, from_b) = ends
        return [self.merge(x, from_a, y, from_b) for x, y in zip(a, b, strict=True)]


def one_lane(mask: LLVM) -> int | None:
    """The only lane of a constant mask that is true, if there is just one.

    LLVM (22) makes a scalar store for such a mask, and where the value was truncated before, of its whole width.
    """
    if not isinstance(mask, ir.Constant) or not isinstance(mask.constant, list | tuple):
        return None
    lanes = [n for n, lane in enumerate(mask.constant) if lane.constant]
    return lanes[0] if len(lanes) == 1 else None


def element_bytes(element: Any) -> int:
    if isinstance(element, ir.IntType):
        return max(1, int(element.width) // 8)
    return {HALF: 2, FLOAT: 4}.get(element) or 8


def zero_of(kind: Any) -> LLVM:
    """All bits zero."""
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    zero: Any = 0 if isinstance(element, ir.IntType) else 0.0
    return Splat(kind, zero) if isinstance(kind, ir.VectorType) else ir.Constant(kind, zero)


NAMES = {HALF: "f16", FLOAT: "f32", DOUBLE: "f64", PTR: "p0"}


def suffix(kind: Any) -> str:
    """A type as intrinsic names spell it."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{suffix(kind.element)}"
    return f"i{kind.width}" if isinstance(kind, ir.IntType) else NAMES[kind]
