"""Where buffers lie in the shared memory of a block.

Buffers that are needed together lie apart. Others may share bytes, but then need barriers between them; so they share
only where that lets more blocks run on a processor, and those of one loop last. The pass goes before ``barriers``,
which sees by the addresses who shares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tilevm.ir import Func, Op, Value
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.ir.threads import SharedBuffer
from tilevm.passes.threads.accesses import bytes_of
from tilevm.passes.threads.lives import Life, lives
from tilevm.source import Note, TileError
from tilevm.target import Limits, target

Apart = Callable[[Life, Life], bool]
APART: tuple[Apart, ...] = (  # from the fewest barriers to the fewest bytes
    lambda a, b: True,
    lambda a, b: a.meets(b) or bool(a.loops & b.loops),
    lambda a, b: a.meets(b),
)
NAMED = 4  # buffers that a message names


def place_shared(func: Func, limit: int) -> Func:
    """``func`` with the address of every buffer in shared memory, of which a block may have ``limit`` bytes.

    Raises TileError where they do not fit, naming the largest and what would fit.
    """
    found = lives(func)
    if not found:
        return func
    at = choose(func, found, limit)

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, SharedBuffer):
            return None
        return [builder.append(replace(op, at=at[op])).result]

    return rewrite(func, rule)


def shared_bytes(func: Func) -> int:
    """The bytes of shared memory that the placed buffers of ``func`` take."""
    buffers = [op for op in walk(func.body) if isinstance(op, SharedBuffer)]
    assert all(b.at is not None for b in buffers), "buffers are placed first"
    return max((b.at + bytes_of(b) for b in buffers if b.at is not None), default=0)


def choose(func: Func, found: Sequence[Life], limit: int) -> Mapping[SharedBuffer, int]:
    """Addresses that keep as many blocks on a processor as the densest do, with the fewest bytes shared."""
    sizes = {life.buffer: bytes_of(life.buffer) for life in found}
    offers = [arrange(found, sizes, apart) for apart in APART]
    least = top(offers[-1], sizes)
    if least > limit:
        raise too_much(func, found, least, limit)
    most = blocks(func, least)
    return next(at for at in offers if top(at, sizes) <= limit and blocks(func, top(at, sizes)) >= most)


def arrange(found: Sequence[Life], sizes: Mapping[SharedBuffer, int], apart: Apart) -> dict[SharedBuffer, int]:
    """Addresses, the largest buffer first, each in the smallest gap between those that it must be apart from."""
    at: dict[SharedBuffer, int] = {}
    placed: list[Life] = []
    for life in sorted(found, key=lambda each: (-sizes[each.buffer], each.first)):
        others = sorted((at[o.buffer], at[o.buffer] + sizes[o.buffer]) for o in placed if apart(life, o))
        at[life.buffer] = gap(others, sizes[life.buffer], life.buffer.align)
        placed.append(life)
    return at


def gap(taken: Sequence[tuple[int, int]], size: int, align: int) -> int:
    """Where ``size`` bytes leave the least of a gap between stretches that are taken; behind all where no gap holds
    them."""
    ends = [0]
    for _, end in taken:
        ends.append(max(ends[-1], end))
    starts = [up(end, align) for end in ends]
    holds = [
        (before - start, start) for start, (before, _) in zip(starts, taken, strict=False) if before - start >= size
    ]
    return min(holds)[1] if holds else starts[-1]


def up(address: int, align: int) -> int:
    return -(-address // align) * align


def top(at: Mapping[SharedBuffer, int], sizes: Mapping[SharedBuffer, int]) -> int:
    return max(start + sizes[buffer] for buffer, start in at.items())


def blocks(func: Func, size: int) -> int:
    """How many blocks of ``func`` a processor holds where each has ``size`` bytes; registers are not asked."""
    assert func.target is not None and func.warps is not None, "only functions of threads have shared memory"
    machine = target(func.target)
    limits: Limits = machine.limits
    threads = limits.threads_per_processor // (func.warps * machine.lanes)
    return min(threads, limits.blocks_per_processor, limits.shared_per_processor // (size + limits.shared_reserved))


def too_much(func: Func, found: Sequence[Life], least: int, limit: int) -> TileError:
    """What there is, where it comes from, and what would fit."""
    largest = sorted((life.buffer for life in found), key=bytes_of, reverse=True)[:NAMED]
    notes = [Note(described(buffer), buffer.span) for buffer in largest]
    return TileError(
        f"{func.name} needs {least} bytes of shared memory a block, and a block of {func.target} has {limit}",
        func.span,
        notes,
        help=mend(found, limit),
    )


def described(buffer: SharedBuffer) -> str:
    name = f"%{buffer.result.hint}" if buffer.result.hint else "a buffer"
    rings = f"{buffer.slots} slots of " if buffer.slots > 1 else ""
    return f"{name} takes {bytes_of(buffer)} bytes: {rings}{buffer.count} elements of {buffer.of}"


def mend(found: Sequence[Life], limit: int) -> str:
    """The most stages that fit, or that tiles must be smaller."""
    for stages in range(max(life.buffer.slots for life in found) - 1, 0, -1):
        sizes = {
            life.buffer: bytes_of(life.buffer) // life.buffer.slots * min(stages, life.buffer.slots) for life in found
        }
        if top(arrange(found, sizes, APART[-1]), sizes) <= limit:
            return f"num_stages={stages} fits, or smaller tiles"
    return "take smaller tiles"
