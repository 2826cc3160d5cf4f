"""``mov`` with vectors, which packs and unpacks registers, and ``cvta``, which changes how an address is counted."""

from __future__ import annotations

import numpy as np

from .compare import move, part_kind
from .kinds import HOLD, Array, bits_of, width
from .machine import Machine, Step
from .memory import LOCAL_WINDOW, SHARED_WINDOW
from .operands import Fetch, fetcher, putter, registers_of, shadower, unknown
from .program import Program
from .pure import whole
from .records import Instruction, Vector


def rule(program: Program, at: Instruction) -> Step:
    target, source = at.operands
    if isinstance(source, Vector):
        return pack(program, at, source)
    if isinstance(target, Vector):
        return unpack(program, at, target)
    return move(program, at)


def pack(program: Program, at: Instruction, source: Vector) -> Step:
    """Registers side by side in a wider one, the first in the low bits."""
    kind = at.parts[-1]
    part = part_kind(kind, len(source.items))
    gets = [fetcher(program, at, o, part) for o in source.items]
    shadows = [shadower(program, o, part) for o in source.items]
    put = putter(program, at, at.operands[0], kind)

    def joined(m: Machine, fetches: list[Fetch]) -> Array:
        rows = np.stack([whole(get(m), m.threads) for get in fetches], axis=1)
        return rows.view(HOLD[kind]).reshape(-1)

    def run(m: Machine, mask: Array | None) -> None:
        put(m, joined(m, gets), mask, bits_of(joined(m, shadows)) if m.registers.unknown else None)

    return Step(at, run)


def unpack(program: Program, at: Instruction, target: Vector) -> Step:
    """A register into parts, the low bits into the first."""
    kind = at.parts[-1]
    part = part_kind(kind, len(target.items))
    get, puts = fetcher(program, at, at.operands[1], kind), [putter(program, at, o, part) for o in target.items]
    shadow = shadower(program, at.operands[1], kind)

    def parted(m: Machine, bits: Array) -> Array:
        whole_bits = np.ascontiguousarray(whole(bits, m.threads))
        return np.ascontiguousarray(whole_bits.view(HOLD[part]).reshape(m.threads, -1).T)

    def run(m: Machine, mask: Array | None) -> None:
        columns = parted(m, get(m))
        lacks = parted(m, shadow(m)) if m.registers.unknown else [None] * len(puts)
        for put, column, lacking in zip(puts, columns, lacks, strict=True):
            put(m, column, mask, lacking)

    return Step(at, run)


def convert_address(program: Program, at: Instruction) -> Step:
    """``cvta``: an address within a space to one of all memory, or back with ``.to``."""
    kind = at.parts[-1]
    space = next((p.split("::")[0] for p in at.parts[1:-1] if p != "to"), "")
    if space not in ("global", "shared", "local", "const", "param"):
        raise unknown(at, f"space {space} is not known")
    if space == "param":
        raise unknown(at, "addresses of parameters are not known")
    window = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW}.get(space, 0)
    add = np.array([-window if at.has("to") else window]).astype(HOLD[kind])
    if width(kind) != 64:
        raise unknown(at, "only addresses of 64 bits are known")
    get, put = fetcher(program, at, at.operands[1], kind), putter(program, at, at.operands[0], kind)
    used = registers_of(program, at.operands[1])

    def run(m: Machine, mask: Array | None) -> None:
        put(m, get(m) + add, mask, m.registers.lacking(used))

    return Step(at, run)
