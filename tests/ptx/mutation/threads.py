"""Functions of threads weakened in one place at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tilevm.ir import Func, Op, Table, Value
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.ir.threads import (
    AsyncCommit,
    AsyncCopy,
    AsyncWait,
    Barrier,
    GlobalAccess,
    Ring,
    SharedAccess,
    SharedBuffer,
    SharedStore,
)

Weaken = Callable[[Builder, Any], Sequence[Value]]
Change = tuple[str, Weaken]


@dataclass(frozen=True)
class Mutant:
    """One instruction made anew. ``kind`` says what is done, ``line`` where it stands in the text, from 1."""

    kind: str
    line: int
    func: Func


changes: Table[[], list[Change]] = Table("what may be taken from an instruction")


def nothing(builder: Builder, op: Op) -> Sequence[Value]:
    return op.results  # nobody takes them


@changes.rule(Barrier)
def _(op: Barrier) -> list[Change]:
    return [("barrier: delete", nothing)]


@changes.rule(AsyncCommit)
def _(op: AsyncCommit) -> list[Change]:
    return [("commit: delete", nothing)]


@changes.rule(AsyncWait)
def _(op: AsyncWait) -> list[Change]:
    return [
        ("wait: delete", nothing),
        ("wait: one group more pending", lambda b, now: b.append(replace(now, pending=now.pending + 1)).results),
    ]


@changes.rule(Ring)
def _(op: Ring) -> list[Change]:
    return [("slot: one further", lambda b, now: b.append(replace(now, by=(now.by + 1) % now.slots)).results)]


@changes.rule(GlobalAccess)
def _(op: GlobalAccess) -> list[Change]:
    return unmasked(op)


@changes.rule(SharedAccess)
def _(op: SharedAccess) -> list[Change]:
    return unslotted(op)


@changes.rule(SharedStore, AsyncCopy)
def _(op: SharedStore | AsyncCopy) -> list[Change]:
    return [*unmasked(op), *unslotted(op)]


def unmasked(op: Op) -> list[Change]:
    if getattr(op, "mask", None) is None:
        return []
    return [("mask: drop", lambda b, now: b.append(replace(now, mask=None)).results)]


def unslotted(op: Any) -> list[Change]:
    if op.slot is None:
        return []

    def next_slot(builder: Builder, now: Any) -> Sequence[Value]:
        made = now.buffer.owner
        assert isinstance(made, SharedBuffer)
        slot = builder.append(Ring(slot=now.slot, by=1, slots=made.slots)).result
        return builder.append(replace(now, slot=slot)).results

    return [("slot: one further", next_slot)]


def mutants(func: Func) -> Iterator[Mutant]:
    """Every mutant of a function that was read from text."""
    for op in walk(func.body):
        for kind, weaken in changes(op) if type(op) in changes else ():
            assert op.span is not None
            yield Mutant(kind, op.span.line, changed(func, op, weaken))


def changed(func: Func, wanted: Op, weaken: Weaken) -> Func:
    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        return weaken(builder, op) if op is wanted else None

    return rewrite(func, rule)
