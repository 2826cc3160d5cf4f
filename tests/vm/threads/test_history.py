"""Races and waits against a plain account of who must wait for whom, on random programs."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.vm.threads.running import collect, function, hazard
from tilevm.backends.vm.threads import Hazard, HazardError
from tilevm.backends.vm.threads.history import Access, Clocks, History
from tilevm.ir import Op, threads

WARPS = 3
PLACES = [f"%p{shift}" for shift in range(WARPS)]
HEAD = """  %b = shared {of = i32, count = 96} : shared<i32[96]>
  %96 = constant {value = 96, of = i32} : i32
""" + "".join(
    f"""  %c{shift} = constant {{value = {32 * shift}, of = i32}} : i32
  %s{shift} = add %t, %c{shift} : i32
  %m{shift} = mod %s{shift}, %96 : i32
  %p{shift} = splat %m{shift} {{shape = [1]}} : i32[1]
"""
    for shift in range(WARPS)
)
STEPS = {  # each warp reaches the third of the buffer that is its own, or those further on by one or two
    "read": "shared_load %b, {place} : i32[1]",
    "write": "shared_store %b, %tt, {place}",
    "copy": "async_copy %b, {place}, %x, %tt",
    "commit": "async_commit : token",
    "wait": "async_wait {{pending = {n}}}",
    "barrier": "barrier {{}}",
    "load": "global_load %x, {place} : i32[1]",
    "store": "global_store %x, {own}, {place}",
    "change": "global_atomic %x, %tt, {place} {{change = add}} : i32[1]",
}
WITH_RESULT = ("read", "commit", "load", "change")
Event = tuple[str, int]


def program(events: list[Event]) -> str:
    lines = []
    for at, (kind, n) in enumerate(events):
        made = f"%e{at} = " if kind in WITH_RESULT else ""
        own = f"%own{at}"
        if kind == "store":  # a value that nobody else stores, and that is not there yet
            lines.append(f"  %k{at} = constant {{value = {1000 * (at + 1)}, of = i32}} : i32")
            lines.append(f"  %o{at} = add %t, %k{at} : i32\n  {own} = splat %o{at} {{shape = [1]}} : i32[1]")
        lines.append(f"  {made}{STEPS[kind].format(place=f'%p{n}', n=n, own=own)} ; event {at}")
    return function(HEAD + "\n".join(lines), warps=WARPS)


@dataclass
class Account:
    """What happened, third by third, in the plainest way: all accesses since the last barrier, copies on their way."""

    accesses: list[tuple[str, int, int, str]] = field(default_factory=list)  # memory, third, warp, read/write/change
    open: list[tuple[int, int]] = field(default_factory=list)  # third, warp
    groups: list[list[tuple[int, int]]] = field(default_factory=list)

    def step(self, kind: str, n: int) -> Hazard | None:
        if kind == "barrier":
            self.accesses.clear()
        elif kind == "commit":
            self.groups.append(self.open)
            self.open = []
        elif kind == "wait":
            done = len(self.groups) - n
            for third, warp in [c for group in self.groups[: max(0, done)] for c in group]:
                self.accesses.append(("shared", third, warp, "write"))
            self.groups = self.groups[max(0, done) :]
        else:
            return self.reach(kind, n)
        return None

    def reach(self, kind: str, n: int) -> Hazard | None:
        here = [((warp + n) % WARPS, warp) for warp in range(WARPS)]
        memory = "shared" if kind in ("read", "write", "copy") else "global"
        way = {"read": "read", "load": "read", "change": "change"}.get(kind, "write")
        if kind == "copy" and self.races("global", [(warp, warp) for warp in range(WARPS)], "read"):
            return Hazard.RACE
        flying = {third for group in [*self.groups, self.open] for third, _ in group}
        if memory == "shared" and flying:  # all thirds are reached at once
            return Hazard.MISSING_WAIT
        if self.races(memory, here, way):
            return Hazard.RACE
        if kind == "copy":
            self.accesses += [("global", warp, warp, "read") for warp in range(WARPS)]
            self.open += here
        else:
            self.accesses += [(memory, third, warp, way) for third, warp in here]
        return None

    def races(self, memory: str, here: list[tuple[int, int]], way: str) -> bool:
        return any(
            memory == m and third == t and warp != w and (way, other) not in (("read", "read"), ("change", "change"))
            for third, warp in here
            for m, t, w, other in self.accesses
        )


def first_hazard(events: list[Event]) -> tuple[int, Hazard] | None:
    account = Account()
    for at, (kind, n) in enumerate(events):
        found = account.step(kind, n)
        if found is not None:
            return at, found
    return None


def seen(text: str, error: HazardError) -> tuple[int, Hazard]:
    assert error.span is not None
    return int(text.splitlines()[error.span.line - 1].split("; event ")[1]), error.kind


EVENTS = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, WARPS - 1)), max_size=12)
COPIES = st.lists(
    st.tuples(st.sampled_from(["copy", "commit", "wait", "wait", "barrier", "read"]), st.just(0)), max_size=12
)


@given(EVENTS | COPIES)
def test_the_first_hazard_is_that_of_a_plain_account(events: list[Event]) -> None:
    expected = first_hazard(events)
    text = program(events)
    found = collect(text, np.arange(100, 196, dtype=np.int32))
    if expected is None:
        assert found == ()
    else:
        assert seen(text, hazard(text, np.arange(100, 196, dtype=np.int32))) == expected
        assert seen(text, found[0]) == expected


def note(op: Op, clocks: Clocks, history: History, way: Access, warp: int, cell: int = 0) -> int | None:
    """One access; the warp that it races with."""
    cells, warps = np.array([[cell]]), np.array([warp])
    clocks.tick(op)
    history.record(way, cells, warps)
    clash = history.clash(way, cells, warps)
    return None if clash is None else clash.other_warp


@pytest.mark.parametrize("told", [False, True])
def test_one_warp_may_wait_for_another_alone(told: bool) -> None:
    """A hand-over from warp 0 to warp 1, of which warp 2 knows nothing."""
    clocks, op = Clocks(3), threads.Barrier()
    clocks.begin()
    history = History(1, clocks)
    assert note(op, clocks, history, Access.WRITE, 0) is None
    if told:
        clocks.seen[1, 0] = clocks.now
    assert note(op, clocks, history, Access.READ, 1) == (None if told else 0)
    assert note(op, clocks, history, Access.READ, 2) == 0
