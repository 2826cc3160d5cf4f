"""Whether buffers that share bytes keep their contents: every way is run, and each load asks who wrote last."""

from __future__ import annotations

from collections.abc import Iterator

from tests.passes.threads.paths import ways
from tests.passes.threads.races import TRIPS, Touch, touch_of
from tilevm.ir import Func, Op
from tilevm.ir.threads import AsyncCommit, AsyncCopy, AsyncWait


def lost(func: Func) -> Iterator[tuple[Op, Op]]:
    """Loads of what another buffer's bytes have replaced, and accesses of bytes that a copy for another may replace.

    A load while a copy to its own bytes is on its way gives what nobody says, so it loses nothing.
    """
    for way in ways(func, TRIPS):
        written: list[Touch] = []
        groups: list[list[Touch]] = [[]]
        for op, names in way.met:
            if isinstance(op, AsyncCommit):
                groups.append([])
            if isinstance(op, AsyncWait):
                done = max(0, len(groups) - 1 - op.pending)
                written += [touch for group in groups[:done] for touch in group]
                groups = groups[done:]
            touch = touch_of(op, names)
            if touch is None:
                continue
            coming = [run for group in groups for run in group]
            yield from ((op, run.op) for run in coming if disturbs(run, touch))
            if not touch.writes and not any(run.buffer is touch.buffer and meet(run, touch) for run in coming):
                yield from ((op, other.op) for other in replaced(written, touch))
            else:
                (groups[-1] if isinstance(op, AsyncCopy) else written).append(touch)


def replaced(written: list[Touch], load: Touch) -> Iterator[Touch]:
    """Who wrote to bytes that ``load`` reads since its own buffer was written there last."""
    later: list[Touch] = []
    for touch in reversed(written):
        if touch.buffer is load.buffer and touch.bytes == load.bytes:
            yield from later
            return
        if disturbs(touch, load):
            later.append(touch)


def disturbs(touch: Touch, other: Touch) -> bool:
    return touch.buffer is not other.buffer and meet(touch, other)


def meet(touch: Touch, other: Touch) -> bool:
    return touch.bytes.start < other.bytes.stop and other.bytes.start < touch.bytes.stop
