"""What a loop carries beside names: where it stands, whether to go on, and what a return in it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilevm.ir import Op, Value
from tilevm.ir.build import Builder, block
from tilevm.ir.ops import Not, Or, While
from tilevm.types import bool_

from .carried import Carried
from .exits import BREAK, GONE, RESULT, RETURN, flag
from .frame import Frame
from .leaves import Slot, fill, flatten, rebuild, zeros
from .values import is_numeric


@dataclass(frozen=True)
class Kept:
    """One value that a loop carries: before the first pass, inside a pass, and at its end."""

    given: Value
    inside: Value
    end: Value


class Leaving:
    """The early exits of a loop. ``ends`` are the names and flags at the end of its body, made of ``ops``."""

    def __init__(self, frame: Frame, ends: dict[str, object], ops: list[Op]) -> None:
        self.ends, self.kept = ends, list[Kept]()
        self.result: object = None
        returned = flag(ends, RETURN)
        self.returns = returned is not False and frame.asks(RETURN)
        if not self.returns:
            return
        with frame.builder.collect() as more:
            end = returned if isinstance(returned, Value) else frame.builder.constant(True, bool_)
        ops += more
        self.keep(frame.builder.constant(False, bool_), end, "returned")
        if RESULT in ends:
            held = ends[RESULT]
            self.result = rebuild(held, iter([self.part(frame, p) for p in flatten(held)]))

    def keep(self, given: Value, end: Value, hint: str) -> Slot:
        self.kept.append(Kept(given, Value(given.type, hint), end))
        return Slot(len(self.kept) - 1)

    def part(self, frame: Frame, end: object) -> object:
        """A part of what is returned: a slot where it is known only at run time."""
        return self.keep(zeros(frame.builder, end.type), end, "result") if is_numeric(end) else end

    @property
    def ended(self) -> tuple[Value, ...]:
        """What the body yields."""
        return tuple(k.end for k in self.kept)

    def stays(self, builder: Builder) -> Value:
        """Whether a run goes on with the loop after this pass."""
        flags = [flag(self.ends, which) for which in (BREAK, RETURN)]
        found = [f for f in flags if isinstance(f, Value)]
        if True in (f for f in flags if f not in found):
            return builder.constant(False, bool_)
        left = found[0] if len(found) == 1 else builder.add(Or, a=found[0], b=found[1]).result
        return builder.add(Not, x=left).result

    def leave(self, frame: Frame, results: Sequence[Value], endless: bool) -> None:
        """Tell what follows the loop who has returned in it. ``endless``: it ends by a break or a return only."""
        if not self.returns:
            return
        always = endless and flag(self.ends, BREAK) is False
        frame.names[RETURN] = True if always else results[0]
        frame.names[GONE] = always
        if RESULT in self.ends:
            frame.names[RESULT] = fill(self.result, results)


def carry(
    frame: Frame,
    kept: Sequence[Kept],
    carried: Carried,
    tests: tuple[Sequence[Op], Value],
    body: tuple[Sequence[Op], tuple[Value, ...]],
    test_params: tuple[Value, ...],
) -> tuple[Value, ...]:
    """A ``while`` over what is ``kept`` and the names ``carried``, which get their values; the results of ``kept``."""
    here = frame.builder.span
    inside, hints = tuple(k.inside for k in kept), tuple(k.inside.hint for k in kept)
    made = frame.builder.add(
        While,
        carried=(*(k.given for k in kept), *carried.given()),
        condition=block(test_params, tests[0], (tests[1],), here),
        body=block((*inside, *carried.params(-1)), body[0], (*(k.end for k in kept), *body[1]), here),
        hints=(*hints, *carried.hints()),
    )
    carried.leave(frame, made.results[len(kept) :])
    return made.results[: len(kept)]
