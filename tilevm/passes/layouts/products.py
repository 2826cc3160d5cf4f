"""How a block can share a matrix product out: an instruction, and warps along m and n."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

from tilevm.ir import Value, ops
from tilevm.layout import Layout, local, replicate, spatial
from tilevm.passes.layouts.room import Room, low_power
from tilevm.target import MmaAtom, Target
from tilevm.types import DType, Tile, tf32

SCALAR_COST = 2.0  # issue slots of a fused multiply-add with its reads from shared memory
Grid: TypeAlias = tuple[int, int]
Product: TypeAlias = ops.Dot | ops.DotScaled


@dataclass(frozen=True)
class Choice:
    """One way. ``a`` and ``b`` are None where the operand is read from shared memory, in any order.

    ``cost``: issue slots of a warp.
    """

    atom: MmaAtom | None
    grid: Grid  # warps along m and n
    a: Layout | None
    b: Layout | None
    c: Layout
    cost: float

    @property
    def layouts(self) -> tuple[Layout | None, ...]:
        """Those of the tiles, as ``operands`` has them in order."""
        return self.c, self.c, self.a, self.b

    @property
    def warps(self) -> str:
        return "single threads" if self.atom is None else f"{self.grid[0]} x {self.grid[1]} warps"

    def __str__(self) -> str:
        if self.atom is None:
            return "multiply-adds of one number each, operands read from shared memory"
        return f"{self.atom.name} on {self.warps}"


def choices(op: Product, room: Room) -> tuple[Choice, ...]:
    """Every way that the machine has, instructions first; at least one."""
    a, b, acc = (tile_of(value) for value in (op.a, op.b, op.acc))
    found = [way for atom in atoms(op, room) for way in shared_out(atom, a.shape, b.shape, room)]
    return tuple(found) or (by_numbers(a.shape, acc, room),)


def operands(op: Product, way: Choice) -> Iterator[tuple[str, Value, Layout | None]]:
    """The tiles of a product and their layouts."""
    names = ("the accumulator", "the result", "operand a", "operand b")
    yield from zip(names, (op.acc, op.result, op.a, op.b), way.layouts, strict=True)


def why_no_atom(op: Product, room: Room) -> str:
    """What keeps a product from the matrix instructions."""
    a, acc = tile_of(op.a), tile_of(op.acc)
    if isinstance(op, ops.DotScaled):
        return "block scales"
    wanted = factor(op, a.dtype)
    if not room.target.atoms_for(wanted, wanted, acc.dtype):
        return f"{room.target.name} has no instruction for {wanted} into {acc.dtype}"
    return f"no instruction divides {a.shape[0]} x {acc.shape[1]} x {a.shape[1]} among {room.warps} warps"


def tile_of(value: Value) -> Tile:
    assert isinstance(value.type, Tile), "products are of tiles"
    return value.type


def factor(op: Product, given: DType) -> DType:
    """The type that the instruction is to multiply: f32 as tf32 where the author allows it."""
    loose = isinstance(op, ops.Dot) and op.precision == "tf32" and given.name == "f32"
    return tf32 if loose else given


def atoms(op: Product, room: Room) -> Iterator[MmaAtom]:
    """The largest instruction that takes its operands from registers and divides the product, least of it in vain."""
    if isinstance(op, ops.DotScaled):
        return
    (m, k), n = tile_of(op.a).shape, tile_of(op.b).shape[1]
    fitting = [atom for atom in of_warps(op, room.target) if atom.divides(m, n, k)]
    if fitting:
        yield max(fitting, key=lambda atom: (min(n / atom.n, 1), atom.m * atom.n * atom.k, atom.k))


def of_warps(op: Product, target: Target) -> Iterator[MmaAtom]:
    """The instructions of one warp for the types of a product, with all operands in registers."""
    wanted = factor(op, tile_of(op.a).dtype)
    for atom in target.atoms_for(wanted, wanted, tile_of(op.acc).dtype):
        whole = atom.a is not None and atom.b is not None and atom.blocks == 1 and atom.scales is None
        if whole and atom.threads == target.lanes:
            yield atom


def shared_out(atom: MmaAtom, a: tuple[int, ...], b: tuple[int, ...], room: Room) -> Iterator[Choice]:
    """The ways to place the warps along m and n; warps beyond the instructions repeat what others do."""
    columns = min(b[1], atom.n)
    right, acc = atom.narrowed(columns)
    assert atom.a is not None and right is not None
    m, n, k = a[0] // atom.m, b[1] // columns, a[1] // atom.k
    for across in (count for count in range(1, room.warps + 1) if room.warps % count == n % count == 0):
        down = gcd(m, room.warps // across)
        spare = room.warps // (across * down)
        yield Choice(
            atom,
            (down, across),
            replicate(spare) * spatial(down, 1) * replicate(across) * local(m // down, k) * atom.a,
            replicate(spare * down) * spatial(1, across) * local(k, n // across) * right,
            replicate(spare) * spatial(down, across) * local(m // down, n // across) * acc,
            m // down * (n // across) * k * effort(atom),
        )


def effort(atom: MmaAtom) -> float:
    """Issue slots that an instruction keeps a matrix unit busy for: 1024 products take one, roughly."""
    return atom.m * atom.n * atom.k * atom.a_dtype.bits / (16 * 256)


def by_numbers(a: tuple[int, ...], acc: Tile, room: Room) -> Choice:
    """Without a matrix instruction: each thread a small rectangle of the result."""
    m, n = acc.shape
    layout = room.blocked(acc.shape, (1, 0), min(4, low_power(n)))
    return Choice(None, (1, 1), None, None, layout, SCALAR_COST * m * n * a[1] / room.threads)
