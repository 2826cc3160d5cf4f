"""The passes in order, and the way through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tilevm.ir import Func
from tilevm.ir.verify import verify
from tilevm.passes.bounds import prove_bounds
from tilevm.passes.cse import share
from tilevm.passes.dce import drop_unused
from tilevm.passes.fma import form_fma, split_fma
from tilevm.passes.fold import fold
from tilevm.passes.hoist import hoist
from tilevm.passes.layouts.assign import assign
from tilevm.passes.prefetch import prefetch
from tilevm.passes.regroup import in_order, regroup
from tilevm.passes.row_sums import by_adding, sum_rows
from tilevm.passes.scales import scales, unscale
from tilevm.passes.stage import stage
from tilevm.passes.threads.advance import advance
from tilevm.passes.threads.barriers import insert_barriers
from tilevm.passes.threads.expand import expand
from tilevm.passes.threads.lower import to_threads
from tilevm.passes.threads.place import place_shared
from tilevm.passes.threads.unroll import unroll
from tilevm.passes.threads.waits import settle_waits
from tilevm.passes.turn import turn
from tilevm.passes.widen import widen
from tilevm.source import TileError, nearest
from tilevm.target import Target, target as find_target

Observer = Callable[["Pass", Func, Func], None]


@dataclass(frozen=True)
class Pass:
    """A function to a function. Verified in, verified out; the input is not touched; nothing changed, same object.

    A pass gives the same answers bit for bit. One that may round otherwise says by ``restore`` how to bring the
    roundings back that it took away, so that the rest of its work can still be compared bit for bit.
    """

    name: str
    run: Callable[[Func], Func]
    caption: str
    restore: Callable[[Func], Func] | None = None


SCALES = Pass("scales", scales, "multiply scaled codes as numbers, but for few rows")
WIDEN = Pass("widen", widen, "compute on small numbers in wide ones")
FOLD = Pass("fold", fold, "compute what is known, simplify by algebra")
CSE = Pass("cse", share, "share equal instructions")
HOIST = Pass("hoist", hoist, "take out of loops what does not change in them")
FMA = Pass("fma", form_fma, "join a product and a sum into one rounding", restore=split_fma)
BOUNDS = Pass("bounds", prove_bounds, "drop masks of accesses that lie inside")
DCE = Pass("dce", drop_unused, "drop what nobody uses")

PIPELINE = (SCALES, WIDEN, FOLD, CSE, HOIST, FMA, BOUNDS, DCE)


UNSCALE = Pass("unscale", unscale, "multiply scaled codes of few rows as numbers too")


def regrouping(machine: Target) -> Pass:
    """The pass that has products of narrow codes take their terms as threads of a machine load them."""
    run = partial(regroup, target=machine)
    run.__doc__ = regroup.__doc__
    return Pass("regroup", run, "take the terms of products with narrow codes as they are loaded", restore=in_order)


def summing(machine: Target) -> Pass:
    """The pass that has the matrix unit of a machine add up rows that it multiplies."""
    run = partial(sum_rows, target=machine)
    run.__doc__ = sum_rows.__doc__
    return Pass("row_sums", run, "add up rows that are multiplied by a product with ones", restore=by_adding)


def turning(machine: Target) -> Pass:
    """The pass that turns products with too few rows for an instruction of a machine."""
    run = partial(turn, target=machine)
    run.__doc__ = turn.__doc__
    return Pass("turn", run, "turn products with too few rows for an instruction")


def for_products(machine: Target) -> tuple[Pass, ...]:
    """The passes that give products the form in which a machine makes them, before it is decided where tiles lie."""
    return UNSCALE, summing(machine), turning(machine), regrouping(machine)


def layouts(machine: Target, warps: int) -> Pass:
    """The pass that decides where tiles lie in blocks of ``warps`` of a machine."""
    run = partial(assign, target=machine, warps=warps)
    run.__doc__ = assign.__doc__
    return Pass("layouts", run, "decide which thread holds which element, for machines with threads")


def tidy(func: Func) -> Func:
    """``func`` of threads through ``fold``, ``cse``, ``hoist`` and ``dce`` again: addresses share their parts, and
    what is fixed in a loop is computed before it."""
    for step in (FOLD, CSE, HOIST, DCE):
        func = step.run(func)
    return func


def threads(machine: Target, warps: int) -> Pass:
    """The pass from tiles to what each thread does, for blocks of ``warps`` of a machine."""
    run = partial(to_threads, target=machine, warps=warps)
    run.__doc__ = to_threads.__doc__
    return Pass("threads", run, "say what each thread does")


THREADED = (
    "unscale",
    "row_sums",
    "turn",
    "regroup",
    "layouts",
    "stage",
    "prefetch",
    "threads",
    "expand",
    "unroll",
    "tidy",
    "waits",
    "place",
    "barriers",
    "advance",
)  # of machines with threads alone
PREFETCH = Pass("prefetch", prefetch, "begin small loads of loops a trip ahead")
UNROLL = Pass("unroll", unroll, "lay out bodies of loops several times in a row")
TIDY = Pass("tidy", tidy, "share, simplify and hoist what threads compute")


def placing(machine: Target) -> Pass:
    """The pass that finds room for buffers in what a block of a machine may have of shared memory."""
    run = partial(place_shared, limit=machine.limits.shared_per_block)
    run.__doc__ = place_shared.__doc__
    return Pass("place", run, "find places in shared memory")


def expanding(machine: Target) -> Pass:
    """The pass that spells out what a machine has no instruction for."""
    run = partial(expand, target=machine)
    run.__doc__ = expand.__doc__
    return Pass("expand", run, "spell out functions and conversions that the machine lacks")


WAITS = Pass("waits", settle_waits, "say how many groups of copies may be on their way at each wait")
ADVANCE = Pass("advance", advance, "add up in loops what was multiplied in each trip")
BARRIERS = Pass("barriers", insert_barriers, "put barriers where threads would else meet in memory")


def thread_pipeline(target: str, warps: int) -> tuple[Pass, ...]:
    """The passes after those of :func:`pipeline`, for machines with threads."""
    if target == "cpu":
        return ()
    machine = find_target(target)
    return threads(machine, warps), expanding(machine), UNROLL, TIDY, WAITS, placing(machine), BARRIERS, ADVANCE


def staging(machine: Target, warps: int) -> Pass:
    """The pass that lets loads of pipelined loops run ahead, on a machine that copies on its own."""
    run = partial(stage, target=machine, warps=warps)
    run.__doc__ = stage.__doc__
    return Pass("stage", run, "copy what loops load to shared memory ahead of its use")


def pipeline(target: str, warps: int) -> tuple[Pass, ...]:
    """The passes for a target by name: for machines with threads, their layouts too. Raises TileError for ``warps``
    that no block of it has."""
    if target == "cpu":
        return PIPELINE
    machine = find_target(target)
    if warps > machine.warps_per_block:
        raise TileError(
            f"num_warps is {warps}, and a block of {target} has {machine.warps_per_block} warps at most",
            help=f"{machine.limits.threads_per_block} threads of {machine.lanes} lanes a warp",
        )
    return (*PIPELINE, *for_products(machine), layouts(machine, warps), staging(machine, warps), PREFETCH)


def every_pass(target: str, warps: int) -> tuple[Pass, ...]:
    """All passes for a target, in order: those on tiles, then those on threads."""
    return (*pipeline(target, warps), *thread_pipeline(target, warps))


def run_passes(func: Func, pipeline: Sequence[Pass] = PIPELINE, observe: Observer | None = None) -> Func:
    """``func`` through each pass in turn; ``observe(pass, before, after)`` is told of each."""
    for step in pipeline:
        before, func = func, step.run(func)
        if func is not before:  # what did not change was verified
            verify(func)
        if observe:
            observe(step, before, func)
    return func


def through(func: Func, name: str, passes: Sequence[Pass] = PIPELINE) -> Func:
    """``func`` after the pass called ``name``. Raises TileError with the nearest name when there is none."""
    names = [p.name for p in passes]
    if name not in names:
        near = nearest(name, names)
        mend = f"did you mean {near!r}?" if near else f"one of {', '.join(names)}"
        if name in THREADED:
            mend = f"{name} is a pass for machines with threads: name a target, such as sm_80"
        raise TileError(f"no pass is called {name!r}", help=mend)
    return run_passes(func, passes[: names.index(name) + 1])
