"""``tv.explain``: which thread holds what in a kernel, why, and what each conversion costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tilevm.frontend.kernel import Kernel
from tilevm.ir import Func
from tilevm.layout import Layout, convert
from tilevm.layout.convert import Shared
from tilevm.passes import PIPELINE, for_products, run_passes
from tilevm.passes.layouts.assign import Assignment, Conversion, assignment
from tilevm.passes.layouts.products import Product, tile_of, why_no_atom
from tilevm.source import Span
from tilevm.target import Target, target as find_target
from tilevm.text.print import Printer
from tilevm.types import Tile

FEW = 6  # names of one group that are told


@dataclass(frozen=True)
class Placed:
    """Tiles that share a layout: their names in the IR, the place of the first, what they hold, and why they lie so."""

    names: tuple[str, ...]
    place: str
    type: str
    layout: Layout
    why: str
    registers: int  # of 32 bits, in each thread, for one of the tiles


@dataclass(frozen=True)
class Moved:
    """A conversion: of which value, for which instruction, by what, at what cost (issue slots of a warp)."""

    name: str
    place: str
    use: str
    plan: str
    cost: float


@dataclass(frozen=True)
class Explanation:
    """What was decided for a kernel on a machine; ``str`` gives it as text."""

    kernel: str
    target: str
    warps: int
    threads: int
    products: tuple[tuple[str, str], ...]  # place and way
    tiles: tuple[Placed, ...]
    conversions: tuple[Moved, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        yield f"{self.kernel} for {self.target}: {self.warps} warps, {self.threads} threads"
        yield from section("products", [f"{place}  {way}" for place, way in self.products])
        yield from section("tiles", [line for tile in self.tiles for line in told(tile)])
        moved = [f"{m.place}  {m.name} for {m.use}: {m.plan}; {m.cost:.0f} issue slots" for m in self.conversions]
        yield from section("conversions", moved or ["none: every tile lies as all of its uses want it"])

    def data(self) -> dict[str, Any]:
        """The same for programs: plain lists and dicts."""
        tiles = [{**vars(tile), "layout": str(tile.layout)} for tile in self.tiles]
        moved = [vars(one) for one in self.conversions]
        products = [{"place": place, "way": way} for place, way in self.products]
        head = {"kernel": self.kernel, "target": self.target, "num_warps": self.warps, "threads": self.threads}
        return {**head, "products": products, "tiles": tiles, "conversions": moved}


def section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def told(tile: Placed) -> Iterator[str]:
    more = f" and {len(tile.names) - FEW} more" if len(tile.names) > FEW else ""
    yield f"{', '.join(tile.names[:FEW])}{more}: {tile.type}, {tile.registers} registers a thread"
    yield f"    {tile.layout}"
    yield f"    {tile.why}"


def explain(kernel: Kernel, *args: Any, target: str = "sm_80", num_warps: int = 4, **constexprs: Any) -> Explanation:
    """Which layout each tile of a kernel gets on a machine, why, and what each conversion costs.

    The arguments are those of a call, or one signature without type variables. Raises TileError for an unknown
    target, and for hints that cannot be obeyed.
    """
    compiled = kernel.compile(*args, target=target, num_warps=num_warps, **constexprs)
    return explained(kernel.__name__, assignment_of(compiled.build.tile, find_target(target), num_warps))


def assignment_of(func: Func, machine: Target, warps: int) -> Assignment:
    """What the pass decides for a function as the frontend made it."""
    return assignment(run_passes(func, (*PIPELINE, *for_products(machine))), machine, warps)


def explained(name: str, found: Assignment) -> Explanation:
    """The decisions of the pass in words."""
    printer = Printer()
    printer.func(found.func)
    room = found.problem.room
    products = tuple((place(op.span), way(found, op)) for op in found.problem.choices)
    tiles = tuple(placed for number in range(len(found.problem.groups)) for placed in groups(found, printer, number))
    moved = tuple(conversion(found, printer, one) for one in found.conversions)
    return Explanation(name, room.target.name, room.warps, room.threads, products, tiles, moved)


def way(found: Assignment, op: Product) -> str:
    """How a product is made, and why not by a matrix instruction where it is not."""
    chosen = found.state.ways[op]
    return str(chosen) if chosen.atom else f"{chosen} ({why_no_atom(op, found.problem.room)})"


def groups(found: Assignment, printer: Printer, number: int) -> Iterator[Placed]:
    group, layout = found.problem.groups[number], found.state.layouts[number]
    names = tuple(dict.fromkeys(printer.name(found.now.get(value, value)) for value in group.members))
    if names:
        first = group.members[0]
        span = first.owner.span if first.owner else None
        type = tile_of(first)
        words = -(-layout.registers * type.dtype.bits // 32)
        yield Placed(names, place(span), str(Tile(type.dtype, type.shape)), layout, group.candidates[layout], words)


def conversion(found: Assignment, printer: Printer, one: Conversion) -> Moved:
    room, bits = found.problem.room, tile_of(one.value).dtype.bits
    plan = convert(one.source, one.wanted, bits, room.lanes, room.banks, tile_of(one.value).shape)
    swizzle = f", swizzle {plan.memory.xor}" if isinstance(plan, Shared) and plan.memory.xor else ""
    name = printer.name(found.now.get(one.value, one.value))
    return Moved(name, place(one.op.span), use(one), f"{plan}{swizzle}", plan.cost)


def use(one: Conversion) -> str:
    """What the conversion is for."""
    return f"what {one.op.name} makes of it" if one.value in one.op.results else one.op.name


def place(span: Span | None) -> str:
    return str(span) if span else "?"
