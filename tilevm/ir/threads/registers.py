"""Instructions on the registers of threads: who it is, arrays rearranged, values from other lanes, products."""

from __future__ import annotations

from tilevm.ir.core import Value, attribute, operand, operands
from tilevm.ir.ops.shape import holding
from tilevm.ir.threads.op import ThreadOp, array, numbers
from tilevm.source import TileError
from tilevm.types import DType, Scalar, Tile, Type, dtype, i32


class ThreadId(ThreadOp, name="thread_id"):
    """This thread's number in its block; a warp is a run of as many as it has lanes."""

    def infer(self) -> tuple[Type, ...]:
        return (Scalar(i32),)


class Numbers(ThreadOp, name="numbers"):
    """Integers known now, one a register."""

    values: tuple[int, ...] = attribute()
    of: DType = attribute(read=lambda text: dtype(text))

    def infer(self) -> tuple[Type, ...]:
        if not self.values or not self.of.is_integer:
            help = "give a number or more, of a type such as i32; constant and splat make others"
            raise TileError(f"numbers: one integer or more, of an integer type, not {self.of}", self.span, help=help)
        wrong = next((v for v in self.values if not self.of.min <= v <= self.of.max), None)
        if wrong is not None:
            raise TileError(f"numbers: {wrong} is not a number of {self.of}", self.span, help=holding(self.of))
        return (Tile(self.of, (len(self.values),)),)


class Take(ThreadOp, name="take"):
    """Register r is register ``registers[r]`` of ``x``: a renaming, which costs nothing."""

    x: Value = operand()
    registers: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = array(self, self.x)
        count = found.size
        wrong = next((r for r in self.registers if not 0 <= r < count), None)
        if wrong is not None or not self.registers:
            message = f"take: {'no register' if wrong is None else f'register {wrong}'} of {found}"
            raise TileError(message, self.span, help=numbered(found))
        return (Tile(found.dtype, (len(self.registers),)),)


class Register(ThreadOp, name="register"):
    """Register ``at`` of ``x``, as a number."""

    x: Value = operand()
    at: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = array(self, self.x)
        if not 0 <= self.at < found.size:
            raise TileError(f"register: {self.at} of {found}", self.span, help=numbered(found))
        return (Scalar(found.dtype),)


class Join(ThreadOp, name="join"):
    """The registers of each of ``xs``, numbers or arrays of one dtype, one after another."""

    xs: tuple[Value, ...] = operands()

    def infer(self) -> tuple[Type, ...]:
        found = [numbers(self, x) for x in self.xs]
        if len({dtype for dtype, _ in found}) != 1:
            held = ", ".join(str(x.type) for x in self.xs) or "none"
            help = "cast them to one dtype" if found else "name what is joined: join [%a, %b]"
            raise TileError(f"join takes arrays of one dtype, not {held}", self.span, help=help)
        return (Tile(found[0][0], (sum(count for _, count in found),)),)


class Pick(ThreadOp, name="pick"):
    """Register r is register ``index[r]`` of ``x``, each thread by its own index. An index out of range is an error."""

    x: Value = operand()
    index: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        found, index = array(self, self.x), array(self, self.index)
        if index.dtype != i32:
            raise TileError(f"pick: an index is i32, not {index}", self.span, help="cast the index to i32")
        return (Tile(found.dtype, (index.size,)),)


class Shuffle(ThreadOp, name="shuffle"):
    """``x`` as lane ``lane`` of the warp has it; every lane of the warp takes part."""

    x: Value = operand()
    lane: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        numbers(self, self.x)
        if self.lane.type != Scalar(i32):
            raise TileError(
                f"shuffle: a lane is i32, not {self.lane.type}",
                self.span,
                help="give one number of i32, as from thread_id",
            )
        return (self.x.type,)


class ShuffleXor(ThreadOp, name="shuffle_xor"):
    """``x`` as the lane has it whose number differs in the bits of ``mask``."""

    x: Value = operand()
    mask: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        numbers(self, self.x)
        if self.mask < 1:
            raise TileError(
                f"shuffle_xor: a mask of {self.mask}",
                self.span,
                help="flip a bit or more: 1, 2, 4, …, or a sum of them",
            )
        return (self.x.type,)


class Mma(ThreadOp, name="mma"):
    """``acc + a @ b`` by the matrix instruction called ``atom``, done by all lanes of a warp together.

    A warp multiplies ``grid`` = (m, n, k) instructions' worth: a holds the fragments of [m][k], b of [k][n], acc of
    [m][n], the last index fastest, each the slots of one operand in order.
    """

    a: Value = operand()
    b: Value = operand()
    acc: Value = operand()
    atom: str = attribute()
    grid: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        a, b, acc = (array(self, v) for v in (self.a, self.b, self.acc))
        m, n, k = self.grid if len(self.grid) == 3 else (0, 0, 0)
        if min(m, n, k) < 1:
            raise TileError(
                f"mma: a grid of {list(self.grid)}", self.span, help="give three counts from 1 on: along m, n and k"
            )
        for what, found, count, parts in (("a", a, m * k, "mk"), ("b", b, k * n, "kn"), ("acc", acc, m * n, "mn")):
            if found.size % count:
                help = f"give {' · '.join(parts)} = {count} fragments of equal length by this grid, or another grid"
                raise TileError(f"mma: {what} of {found} is not {count} fragments", self.span, help=help)
        return (acc,)


def numbered(found: Tile) -> str:
    """The mend of a register that an array has not."""
    return f"give a register or more, each from 0 to {found.size - 1}"
