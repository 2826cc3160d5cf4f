"""Which names a loop hands from one pass to the next, and what becomes of them after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from tilevm.ir import Block, Op, Value
from tilevm.ir.rewrite import walk
from tilevm.source import Note, Span, TileError

from .frame import Frame
from .leaves import Slot, alike, disagreement, fill, fits, flatten, give, labels, rebuild
from .promote import literal, natural
from .values import List, Missing, blend, is_number, is_numeric, same


@dataclass(eq=False)
class Entry:
    """A name that the loop assigns and that has a value before it."""

    name: str
    before: object
    template: object  # ``before`` with a slot for each part that may change
    given: tuple[Value, ...]  # what stands in the slots when the loop begins
    place: Span | None
    params: list[tuple[Value, ...]] = field(default_factory=list)  # one for each region of the loop
    shown: list[object] = field(default_factory=list)  # the name's value in each region

    def inside(self) -> object:
        """The name's value in one more region of the loop, as parameters of that region."""
        made = tuple(Value(v.type, self.name) for v in self.given)
        self.params.append(made)
        self.shown.append(fill(self.template, made))
        return self.shown[-1]


class Carried:
    """The names that a loop carries."""

    def __init__(self, frame: Frame, names: Iterable[str]) -> None:
        self.span = frame.builder.span
        self.names = tuple(names)
        found = {n: frame.names.get(n) for n in self.names if n in frame.names}
        self.entries = [enter(frame, n, v) for n, v in found.items() if not isinstance(v, Missing)]
        self.pairs = set[frozenset[str]]()  # of places that may hold one list when a pass begins
        self.changes = frame.changes
        self.kept: list[Entry] = []
        self.ends: dict[str, object] = {}

    def inside(self, frame: Frame) -> dict[str, object]:
        """The names visible at the start of one more region."""
        reason = "it is assigned further down in this loop, and has no value in the first pass"
        absent: dict[str, object] = {n: Missing(f"{n}: {reason}", self.span, self.first(n)) for n in self.names}
        names = {**frame.names, **absent, **{e.name: e.inside() for e in self.entries}}
        self.pairs = shared(names)
        return names

    def first(self, name: str) -> str:
        return f"give {name} a value before the loop"

    def close(
        self, frame: Frame, ends: dict[str, object], ops: list[Op], *others: list[Op], also: Iterable[Value] = ()
    ) -> tuple[Value, ...]:
        """What the body, made of ``ops``, yields; decides which names are carried at all. ``also``: yielded besides."""
        stay = {e.name: e.shown[-1] for e in self.entries if is_unread(ends[e.name])}
        self.ends = {**ends, **stay}
        self.refuse_aliases(frame)
        used = taken(ops, *others) | self.crossing() | set(also)
        self.kept = [e for e in self.entries if self.needed(frame, e, used)]
        out: list[Value] = []
        for entry in self.kept:
            parts = flatten(self.ends[entry.name])
            for slot, part in zip(flatten(entry.template), list(parts), strict=True):
                if isinstance(slot, Slot):
                    out.append(give(frame.builder, ops, part, entry.given[slot.index].type))
        return tuple(out)

    def refuse_aliases(self, frame: Frame) -> None:
        """Raises TileError where lists change in the body, and two of them are one from the second pass on only."""
        found = shared(self.ends) - self.pairs if frame.changes > self.changes else ()
        for pair in sorted(map(sorted, found)):
            one, other = pair
            place = frame.places.get(one.partition("[")[0]) or self.span
            raise TileError(
                f"{one} and {other} are two lists before the loop and one list at the end of its body",
                place,
                help=f"the body changes lists, so they must stay apart: copy with {one} = list({other})",
            )

    def crossing(self) -> set[Value]:
        """Parameters that the body hands to another name than their own."""
        own = {p: e for e in self.entries for p in e.params[-1]}
        return {
            p
            for e in self.entries
            for p in flatten(self.ends[e.name])
            if isinstance(p, Value) and own.get(p, e) is not e
        }

    def needed(self, frame: Frame, entry: Entry, used: set[Value]) -> bool:
        """Whether a name is carried. Raises TileError where its parts change in a way that cannot be."""
        read = any(p in used for params in entry.params for p in params)
        if self.steady(entry) and not read:
            return False
        if self.possible(entry):
            return True
        looked = any(id(value) in frame.looked for value in entry.shown)
        if read or looked or not entry.given:
            raise self.changed(frame, entry)
        return False

    def steady(self, entry: Entry) -> bool:
        """Whether the body leaves the name as it was."""
        end = self.ends[entry.name]
        return same(fill(entry.template, entry.params[-1]), end) or same(entry.before, end)

    def possible(self, entry: Entry) -> bool:
        """Whether what the name is at the end of the body can stand where it began."""
        end = self.ends[entry.name]
        if isinstance(end, Missing) or not alike(entry.template, end):
            return False
        return all(
            fits(part, entry.given[slot.index].type) if isinstance(slot, Slot) else same(slot, part)
            for slot, part in zip(flatten(entry.template), flatten(end), strict=True)
        )

    def changed(self, frame: Frame, entry: Entry) -> Exception:
        end, place = self.ends[entry.name], frame.places.get(entry.name)
        if isinstance(end, Missing):
            message, help = f"{entry.name} has no value at the end of the loop's body", self.first(entry.name)
            return TileError(message, place or self.span, end.notes(), help)
        for at, before, after in parts_that_differ(entry, end):
            message, help = disagreement(at, (before, "before the loop"), (after, "at the end of its body"))
            notes = (Note("the value before the loop", entry.place),) if entry.place else ()
            return TileError(message, place or self.span, notes, help)
        raise AssertionError("something differs")

    def given(self) -> tuple[Value, ...]:
        return tuple(v for e in self.kept for v in e.given)

    def params(self, region: int) -> tuple[Value, ...]:
        return tuple(v for e in self.kept for v in e.params[region])

    def hints(self) -> tuple[str, ...]:
        return tuple(e.name for e in self.kept for _ in e.given)

    def leave(self, frame: Frame, results: tuple[Value, ...]) -> None:
        """Give the names their values after the loop."""
        left = iter(results)
        for name in self.names:
            reason = f"{name} is assigned only inside this loop, which may run no times"
            if not any(e.name == name for e in self.entries):
                frame.names[name] = Missing(reason, self.span, self.first(name))
        for entry in self.entries:
            frame.names[entry.name] = self.after(entry, tuple(next(left) for _ in entry.given if entry in self.kept))

    def after(self, entry: Entry, results: tuple[Value, ...]) -> object:
        end = self.ends[entry.name]
        if self.steady(entry):
            return blend(entry.before, end, entry.before)
        if entry in self.kept:
            return blend(entry.before, end, fill(entry.template, results))
        message, help = disagreement(
            entry.name, (entry.before, "before the loop"), (self.ends[entry.name], "at the end of its body")
        )
        return Missing(message, self.span, help)


def is_unread(value: object) -> bool:
    """Whether no run that comes to the end of the body reads the name after it: any value will do."""
    return isinstance(value, Missing) and value.unread


def shared(names: Mapping[str, object]) -> set[frozenset[str]]:
    """The pairs of places, such as ``xs`` and ``ys[0]``, that may hold one list."""
    holders: dict[object, set[str]] = {}
    for name, value in names.items():
        for place, held in lists_at(name, value):
            for origin in held.origins:
                holders.setdefault(origin, set()).add(place)
    return {frozenset(p) for found in holders.values() for p in combinations(found, 2)}


def lists_at(place: str, value: object) -> Iterator[tuple[str, List]]:
    """The lists in a value that stands at ``place``, and where they stand."""
    if isinstance(value, List):
        yield place, value
    if isinstance(value, tuple):
        for at, part in enumerate(value):
            yield from lists_at(f"{place}[{at}]", part)


def enter(frame: Frame, name: str, before: object) -> Entry:
    """The entry of a name: numbers and tiles may change, all else is fixed."""
    given: list[Value] = []
    parts: list[object] = []
    for part in flatten(before):
        if is_number(part) or is_numeric(part):
            parts.append(Slot(len(given)))
            held = literal(frame.builder, part, natural(frame.builder, part)) if is_number(part) else part
            assert isinstance(held, Value)
            given.append(held)
        else:
            parts.append(part)
    return Entry(name, before, rebuild(before, iter(parts)), tuple(given), frame.places.get(name))


def taken(*regions: list[Op]) -> set[Value]:
    """Every value that instructions take, however deep."""
    return {v for ops in regions for op in walk(Block((), tuple(ops))) for v in op.operands}


def parts_that_differ(entry: Entry, end: object) -> Iterable[tuple[str, object, object]]:
    """The parts of the name before the loop and at its end that cannot be one, and how they are written."""
    if not alike(entry.template, end):
        yield entry.name, entry.before, end
        return
    parts = zip(flatten(entry.template), labels(entry.name, end), flatten(entry.before), flatten(end), strict=True)
    for slot, at, before, after in parts:
        fit = fits(after, entry.given[slot.index].type) if isinstance(slot, Slot) else same(slot, after)
        if not fit:
            yield at, before, after
