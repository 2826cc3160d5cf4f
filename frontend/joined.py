"""What the two sides of a run-time branch hand on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tilevm.ir import Op, Value
from tilevm.source import Note, Span
from tilevm.types import Scalar, Type

from .frame import Frame
from .leaves import Slot, alike, disagreement, fill, fits, flatten, give, rebuild
from .promote import natural
from .values import Missing, describe, is_number, is_numeric, same


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


def join(frame: Frame, names: Iterable[str], then: Side, otherwise: Side) -> Joined:
    """Join what two sides make of ``names``. Raises TileError where a name cannot be one value after them."""
    out = Joined()
    for name in names:
        a, b = (side.names.get(name, absent(frame, name)) for side in (then, otherwise))
        missing = next((v for v in (a, b) if isinstance(v, Missing)), None)
        if missing is not None:
            out.names[name] = absent(frame, name) if missing is frame.names.get(name) else missing
        elif same(a, b):
            out.names[name] = a
        elif not alike(a, b):
            raise differing(frame, name, (a, then), (b, otherwise))
        else:
            pairs = zip(flatten(a), flatten(b), strict=True)
            parts = [part(frame, out, name, (x, then), (y, otherwise)) for x, y in pairs]
            out.names[name] = rebuild(a, iter(parts))
    return out


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
    out.hints.append(name)
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
    message, help = disagreement(name, (a[0], "in one branch"), (b[0], "in the other"))
    places = [(value, side.places.get(name)) for value, side in (a, b)]
    notes = [Note(f"here it is {describe(value)}", place) for value, place in places if place]
    if any(not is_number(v) and not is_numeric(v) for v in (a[0], b[0])):
        help = (
            "a run-time condition cannot choose this; make the condition a compile-time one (a tv.constexpr parameter)"
        )
    return frame.error(message, notes=notes, help=help)
