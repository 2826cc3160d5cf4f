"""Instructions in which the lanes of a warp see each other: shuffles, votes, matches, reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .kinds import HOLD, Array
from .machine import LANES, Machine, Run, Step
from .operands import Fetch, fetcher, putter, registers_of, unknown
from .program import Program
from .pure import whole
from .records import Instruction, Operand, Pair

FIVE = 31


def rows(value: Array, threads: int) -> Array:
    """Values by warp: (warps, lanes)."""
    return np.ascontiguousarray(whole(value, threads)).reshape(-1, LANES)


def shuffle(program: Program, at: Instruction) -> Step:
    """``shfl.sync``: each lane takes the value of another, or keeps its own where there is none.

    Source lane and predicate as the ISA's pseudocode has them, from the lane, b, and the clamp and segment mask in c.
    """
    if not at.has("sync"):
        raise unknown(at, "only shfl.sync is known")
    mode = at.parts[2]
    target, flag = pair(at.operands[0])
    put, get = putter(program, at, target, "b32"), fetcher(program, at, at.operands[1], "b32")
    put_flag = putter(program, at, flag, "pred") if flag is not None else None
    b, c = (fetcher(program, at, o, "u32") for o in at.operands[2:4])
    source, control = registers_of(program, at.operands[1]), registers_of(program, *at.operands[2:])

    def run(m: Machine, mask: Array | None) -> None:
        lane = np.arange(LANES)
        amount, bounds = rows(b(m), m.threads) & FIVE, rows(c(m), m.threads)
        clamp, segment = (bounds & FIVE).astype(int), (bounds >> np.uint32(8) & FIVE).astype(int)
        least, most = lane & segment, (lane & segment) | (clamp & ~segment)
        other, found = source_lane(mode, lane, amount.astype(int), least, most, segment)
        other = np.where(found, other, lane)

        def take(x: Array) -> Array:
            return np.take_along_axis(x.reshape(-1, LANES), other, 1).reshape(-1)

        lacking = missing(m, mask, source, take, m.registers.lacking(control))
        put(m, take(rows(get(m), m.threads)), mask, lacking)
        if put_flag is not None:
            put_flag(m, found.reshape(-1), mask, m.registers.lacking(control))

    return Step(at, run, members=fetcher(program, at, at.operands[4], "u32"))


def source_lane(mode: str, lane: Array, b: Array, least: Array, most: Array, segment: Array) -> tuple[Array, Array]:
    """The lane that is read, and whether it lies within bounds."""
    if mode == "up":
        return lane - b, lane - b >= most
    other = {"down": lane + b, "bfly": lane ^ b, "idx": least | (b & ~segment)}[mode]
    return other, other <= most


def missing(
    m: Machine, mask: Array | None, names: tuple[str, ...], take: Callable[[Array], Array], control: Array | None
) -> Array | None:
    """Lanes that read a value never set, or a lane that takes no part."""
    own = m.registers.lacking(names)
    if own is None and mask is None:
        return control
    lacking = np.zeros(m.threads, bool) if own is None else take(own)
    if mask is not None:
        lacking = lacking | ~take(mask)
    if control is not None:
        lacking = lacking | control
    return lacking if lacking.any() else None


def pair(operand: Operand) -> tuple[Operand, Operand | None]:
    return (operand.first, operand.second) if isinstance(operand, Pair) else (operand, None)


def together(m: Machine, mask: Array | None, members: Fetch) -> Array:
    """Which lanes take part in each warp: (warps, lanes)."""
    wanted = rows(members(m), m.threads) >> np.arange(LANES, dtype=np.uint32) & np.uint32(1)
    here = wanted.astype(bool)
    return here if mask is None else here & mask.reshape(-1, LANES)


def per_warp(program: Program, at: Instruction, run: Run, members: Operand) -> Step:
    return Step(at, run, members=fetcher(program, at, members, "u32"))


def bits_from(rows_of_lanes: Array) -> Array:
    """A mask of 32 bits from each row of 32 bools."""
    weights = np.uint64(1) << np.arange(LANES, dtype=np.uint64)
    return np.asarray((rows_of_lanes * weights).sum(axis=-1).astype(np.uint32))


def lacking_of_warp(m: Machine, names: tuple[str, ...], here: Array) -> Array | None:
    """All lanes of a warp where one that takes part has a value never set."""
    own = m.registers.lacking(names)
    if own is None:
        return None
    return np.repeat((own.reshape(-1, LANES) & here).any(axis=1), LANES)


VOTES: dict[str, Callable[[Array, Array], Array]] = {
    "all": lambda held, here: np.asarray((held | ~here).all(axis=1)),
    "any": lambda held, here: np.asarray((held & here).any(axis=1)),
    "uni": lambda held, here: np.asarray((held | ~here).all(axis=1) | (~held | ~here).all(axis=1)),
    "ballot": lambda held, here: bits_from(held & here),
}


def vote(program: Program, at: Instruction) -> Step:
    """``vote.sync``: what holds in all lanes, in any, in all or none, or in which."""
    if not at.has("sync"):
        raise unknown(at, "only vote.sync is known")
    kind = at.parts[-1]
    judge = VOTES[at.parts[2]]
    put, get = putter(program, at, at.operands[0], kind), fetcher(program, at, at.operands[1], "pred")
    members, names = fetcher(program, at, at.operands[2], "u32"), registers_of(program, at.operands[1])

    def run(m: Machine, mask: Array | None) -> None:
        here = together(m, mask, members)
        found = judge(rows(get(m), m.threads), here)
        put(m, np.repeat(found, LANES), mask, lacking_of_warp(m, names, here))

    return per_warp(program, at, run, at.operands[2])


def match(program: Program, at: Instruction) -> Step:
    """``match.sync``: the lanes with the same value (``any``), or all lanes if they agree (``all``)."""
    kind, everyone = at.parts[-1], at.parts[1] == "all"
    target, flag = pair(at.operands[0])
    put, get = putter(program, at, target, "b32"), fetcher(program, at, at.operands[1], kind)
    put_flag = putter(program, at, flag, "pred") if flag is not None else None
    members, names = fetcher(program, at, at.operands[2], "u32"), registers_of(program, at.operands[1])

    def run(m: Machine, mask: Array | None) -> None:
        here, value = together(m, mask, members), rows(get(m), m.threads)
        same = (value[:, :, None] == value[:, None, :]) & here[:, None, :]
        found = bits_from(same).reshape(-1)
        lacking = lacking_of_warp(m, names, here)
        if everyone:
            agreed = np.repeat((same | ~here[:, None, :]).all(axis=2).all(axis=1, where=here), LANES)
            found = np.where(agreed, np.repeat(bits_from(here), LANES), np.uint32(0))
            if put_flag is not None:
                put_flag(m, agreed, mask, lacking)
        put(m, found, mask, lacking)

    return per_warp(program, at, run, at.operands[2])


REDUCTIONS: dict[str, np.ufunc] = {
    "add": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


def reduce(program: Program, at: Instruction) -> Step:
    """``redux.sync``: one value out of those of all lanes that take part."""
    kind = at.parts[-1]
    if kind not in ("s32", "u32", "b32") or at.parts[2] not in REDUCTIONS:
        raise unknown(at, f"the reduction of {kind} is not known")
    fold = REDUCTIONS[at.parts[2]]
    put, get = putter(program, at, at.operands[0], kind), fetcher(program, at, at.operands[1], kind)
    members, names = fetcher(program, at, at.operands[2], "u32"), registers_of(program, at.operands[1])

    def run(m: Machine, mask: Array | None) -> None:
        here, value = together(m, mask, members), rows(get(m), m.threads)
        found = np.zeros(len(value), HOLD[kind])
        for warp in np.flatnonzero(here.any(axis=1)):
            found[warp] = fold.reduce(value[warp][here[warp]], dtype=found.dtype)
        put(m, np.repeat(found, LANES), mask, lacking_of_warp(m, names, here))

    return per_warp(program, at, run, at.operands[2])


def elect(program: Program, at: Instruction) -> Step:
    """``elect.sync``: the lowest lane of those that take part."""
    target, flag = pair(at.operands[0])
    put = putter(program, at, target, "b32")
    put_flag = putter(program, at, flag, "pred") if flag is not None else None
    members = fetcher(program, at, at.operands[1], "u32")

    def run(m: Machine, mask: Array | None) -> None:
        leader = np.repeat(together(m, mask, members).argmax(axis=1), LANES)
        put(m, leader.astype(np.uint32), mask, None)
        if put_flag is not None:
            put_flag(m, leader == np.arange(m.threads) % LANES, mask, None)

    return per_warp(program, at, run, at.operands[1])


def active(program: Program, at: Instruction) -> Step:
    """``activemask``: the lanes that are here together now."""
    put = putter(program, at, at.operands[0], "b32")

    def run(m: Machine, mask: Array | None) -> None:
        here = np.ones(m.threads, bool) if mask is None else mask
        put(m, np.repeat(bits_from(here.reshape(-1, LANES)), LANES), mask, None)

    return Step(at, run)
