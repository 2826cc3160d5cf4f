"""What the two sides of a run-time branch hand on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from tilevm.ir import Op, Value
from tilevm.source import Note, Span
from tilevm.types import Scalar, Type

from .exits import BREAK, CONTINUE, FLAGS, GONE, RESULT, RETURN, SOME, flag, gone
from .frame import Frame
from .leaves import Slot, alike, disagreement, fill, fits, flatten, give, labels, rebuild, zeros
from .promote import natural
from .values import Missing, blend, describe, is_number, is_numeric, same

HINTS = {BREAK: "broken", CONTINUE: "skipped", RETURN: "returned", RESULT: "result"}


@dataclass(eq=False)
class Side:
    """One traced branch: its instructions, its names at the end, and where they were assigned."""

    ops: list[Op]
    names: dict[str, object]
    places: dict[str, Span]


@dataclass(eq=False)
class Joined:
    """The values that both sides yield, and the names they stand for."""

    left: list[Value] = field(default_factory=list)
    right: list[Value] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)  # with a slot for each value that is yielded

    def leave(self, frame: Frame, results: tuple[Value, ...]) -> None:
        """Give the names their values after the branch."""
        for name, template in self.names.items():
            frame.names[name] = template if isinstance(template, Missing) else fill(template, results)


Part = tuple[Side, frozenset[str] | None]  # a side, and the names that are read after it; None: any may be


def join(frame: Frame, names: Iterable[str], then: Part, otherwise: Part) -> Joined:
    """Join what two sides make of ``names``. Raises TileError where a name cannot be one value after them."""
    out = Joined()
    for name in names:
        sides = [side for side, read in (then, otherwise) if read is None or name in read]
        if len(sides) == 2:
            both(frame, out, name, *sides)
        elif sides:
            other = otherwise[0] if sides[0] is then[0] else then[0]
            out.names[name] = alone(frame, out, name, sides[0], other, sides[0] is then[0])
        else:
            out.names[name] = replace(absent(frame, name), unread=True)
    if then[1] is not None:
        join_exits(frame, out, then[0], otherwise[0])
    return out


def both(frame: Frame, out: Joined, name: str, then: Side, otherwise: Side) -> None:
    """A name whose values on both sides matter."""
    a, b = (side.names.get(name, absent(frame, name)) for side in (then, otherwise))
    missing = next((v for v in (a, b) if isinstance(v, Missing)), None)
    if missing is not None:
        out.names[name] = absent(frame, name) if missing is frame.names.get(name) else missing
    elif same(a, b):
        out.names[name] = blend(a, b, a)
    elif not alike(a, b):
        raise differing(frame, name, (a, then), (b, otherwise))
    else:
        places = zip(labels(name, a), flatten(a), flatten(b), strict=True)
        parts = [part(frame, out, at, (x, then), (y, otherwise)) for at, x, y in places]
        out.names[name] = blend(a, b, rebuild(a, iter(parts)))


def alone(frame: Frame, out: Joined, name: str, side: Side, other: Side, first: bool) -> object:
    """A name whose value on one side only matters: the runs of the other side read it no more."""
    held, before = side.names.get(name, absent(frame, name)), frame.names.get(name)
    if isinstance(held, Missing):
        return held
    known = list(flatten(before)) if alike(held, before) else []
    parts = zip_longest(list(flatten(held)), known)
    made = (p if known and same(p, k) else handed(frame, out, name, p, other, first) for p, k in parts)
    return rebuild(held, made)


def handed(frame: Frame, out: Joined, name: str, part: object, other: Side, first: bool) -> object:
    """A slot for a run-time part of one side, in place of which the other yields zeros; else the part itself."""
    if not is_numeric(part):
        return part
    with frame.builder.collect() as ops:
        nothing = zeros(frame.builder, part.type)
    other.ops += ops
    out.left.append(part if first else nothing)
    out.right.append(nothing if first else part)
    out.hints.append(HINTS.get(name, name))
    return Slot(len(out.hints) - 1)


def join_exits(frame: Frame, out: Joined, then: Side, otherwise: Side) -> None:
    """Join the flags of what left early, and what a helper returns."""
    out.names[GONE] = gone(then.names) and gone(otherwise.names)
    for which in FLAGS:
        a, b = (flag(s.names, which) for s in (then, otherwise))
        if same(a, b) or not frame.asks(which):
            out.names[which] = a if same(a, b) else SOME
        else:
            out.names[which] = part(frame, out, which, (a, then), (b, otherwise))
    given = [s for s in (then, otherwise) if flag(s.names, RETURN) is not False and RESULT in s.names]
    if len(given) == 2:
        both(frame, out, RESULT, then, otherwise)
    elif given:
        other = otherwise if given[0] is then else then
        out.names[RESULT] = alone(frame, out, RESULT, given[0], other, given[0] is then)


def absent(frame: Frame, name: str) -> Missing:
    reason = f"{name} is assigned in only one branch of this if"
    return Missing(reason, frame.builder.span, f"assign {name} before the if, or in both branches")


def part(frame: Frame, out: Joined, name: str, a: tuple[object, Side], b: tuple[object, Side]) -> object:
    """One part of a name: what both sides have, or a slot for what each yields."""
    if same(a[0], b[0]):
        return a[0]
    type = agreed(frame, a[0], b[0])
    if type is None:
        raise differing(frame, name, a, b)
    out.left.append(give(frame.builder, a[1].ops, a[0], type))
    out.right.append(give(frame.builder, b[1].ops, b[0], type))
    base = name.partition("[")[0]
    out.hints.append(HINTS.get(base, base))
    return Slot(len(out.hints) - 1)


def agreed(frame: Frame, a: object, b: object) -> Type | None:
    """The type in which both sides yield, or None."""
    for known in (a, b):
        if is_numeric(known):
            return known.type if fits(a, known.type) and fits(b, known.type) else None
    if not (is_number(a) and is_number(b)):
        return None
    dtypes = sorted((natural(frame.builder, v) for v in (a, b)), key=lambda d: (d.is_float, d.bits))
    type = Scalar(dtypes[-1])
    return type if fits(a, type) and fits(b, type) else None


def differing(frame: Frame, name: str, a: tuple[object, Side], b: tuple[object, Side]) -> Exception:
    """The error of a name that is two things at once."""
    base, _, inner = name.partition("[")
    name = f"the result{inner and '['}{inner} of {frame.function.__name__}" if base == RESULT else name
    message, help = disagreement(name, (a[0], "in one branch"), (b[0], "in the other"))
    places = [(value, side.places.get(base)) for value, side in (a, b)]
    notes = [Note(f"here it is {describe(value)}", place) for value, place in places if place]
    if base == RESULT and not alike(a[0], b[0]):
        help = "let every return give the same number of values"
    elif any(not is_number(v) and not is_numeric(v) for v in (a[0], b[0])):
        help = (
            "a run-time condition cannot choose this; make the condition a compile-time one (a tv.constexpr parameter)"
        )
    elif base == RESULT:
        help = f"let every return of {frame.function.__name__} give one type; .to(…) converts, tv.full makes a tile"
    return frame.error(message, notes=notes, help=help)
