"""A run: every case in order, checked and then timed, until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tilevm.backend import cards
from tilevm.bench.gpu import check
from tilevm.bench.gpu.card import facts
from tilevm.bench.gpu.case import HOST, Case, Expected, Problem, Rival
from tilevm.bench.gpu.cases import PROBLEMS
from tilevm.bench.gpu.clock import CardClock, Clock, WallClock, taken
from tilevm.bench.gpu.results import RIGHT, Judged, Results, row
from tilevm.bench.gpu.setting import Setting

BUDGET = 500.0  # seconds of a whole run
EACH = 1.0  # seconds to time a case
FIRST = 15.0  # seconds that the first case may take: kernels are loaded, libraries set up
Tell = Callable[[str], None]


class Budget:
    """Seconds of a run. A case begins only while as much is left as the dearest one so far has taken."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.now, self.begin, self.seconds, self.dearest = now, now(), seconds, min(FIRST, seconds / 2)
        self._since = self.begin

    def spent(self) -> float:
        return self.now() - self.begin

    def allows(self) -> bool:
        """Whether one more case may begin; it counts from now."""
        self._since = self.now()
        return self.spent() + self.dearest <= self.seconds

    def ended(self) -> None:
        """A case that :meth:`allows` let begin is over."""
        self.dearest = max(self.dearest, self.now() - self._since)


def bench_gpu(
    s: Setting,
    only: str = "",
    budget: float = BUDGET,
    file: Path | None = None,
    tell: Tell = lambda line: None,
    problems: Iterable[Problem] = PROBLEMS,
) -> Results:
    """The problems whose names hold ``only``. What ``budget`` seconds do not suffice for is listed as left out.

    ``file`` is written anew after every case, so that whatever ends the run takes no figures with it. A case that
    fails is listed with its message, and the run goes on.
    """
    left, found = Budget(budget), Results(facts(s))
    lost = ""
    for problem in (p for p in problems if only.lower() in p.name.lower()):
        if lost or not left.allows():
            reason = lost or f"{left.spent():.0f} of {budget:.0f} s were spent"
            found.left_out.append({"case": problem.name, "reason": reason})
            continue
        try:
            found.rows.append(measured(s, problem))
            tell(line(found.rows[-1]))
        except Exception as error:  # of any rival: the others are still to be measured
            found.failed.append({"case": problem.name, "message": f"{type(error).__name__}: {error}"})
            tell(f"{problem.name}: {found.failed[-1]['message']}")
            lost = broken(s, problem)
        left.ended()
        found.seconds = left.spent()
        if file is not None:
            found.write(file)
    if file is not None:
        found.write(file)
    return found


def measured(s: Setting, problem: Problem) -> dict[str, Any]:
    """A case's row: every rival is checked before any is timed. A peer that fails is told there, and is not timed."""
    s.seed()
    case = problem.make(s)
    expected = case.expected()
    judged: dict[str, Judged] = {}
    lost: dict[str, str] = {}
    for rival in case.rivals:
        try:
            judged[rival.name] = chosen(s, case, rival, expected)
        except Exception as error:
            if rival is case.rivals[0]:
                raise
            lost[rival.name] = message(error)
    del expected  # as large as the case itself
    times = taken(clock(s, case), {name: found.calls for name, found in judged.items()}, EACH if not s.dry else 0.0)
    if not s.dry:
        s.torch.cuda.empty_cache()
    return row(problem, case, times, judged, lost)


def message(error: Exception) -> str:
    """Its first line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def chosen(s: Setting, case: Case, rival: Rival, expected: Expected) -> Judged:
    """The fastest way of a rival; its error is the largest of all ways. Raises the last error where none runs."""
    ready: dict[str, float] = {}
    refused: dict[str, str] = {}
    errors: list[float] = []
    last: Exception | None = None
    for way, calls in rival.ways.items():
        try:
            errors.append(check.error(rival, calls, expected))
            ready[way] = clock(s, case).ready(calls).seconds if len(rival.ways) > 1 else 0.0
        except Exception as error:  # tiles that this card has no room for, say: told with the figures
            refused[way], last = message(error), error
    if last is not None and not ready:
        raise last
    best = min(ready, key=ready.__getitem__)
    return Judged(best, rival.ways[best], max(errors), refused, ready if len(ready) > 1 else {})


def clock(s: Setting, case: Case) -> Clock:
    """Events on a card. The host's clock in a dry run, and for what launching costs it."""
    if s.dry:
        return WallClock()
    if case.unit == HOST:
        return WallClock(s.torch.cuda.synchronize, apart=True)
    family, _, number = s.device.partition(":")
    return CardClock(s.torch, partial(cards(family).mark, int(number or 0)))


def broken(s: Setting, problem: Problem) -> str:
    """Why no further case can run on the card; nothing where it still works. A fault of memory ends its context."""
    if s.dry:
        return ""
    try:
        s.torch.cuda.synchronize()
    except RuntimeError as error:
        return f"the card failed in {problem.name}: {error}".splitlines()[0]
    return ""


def line(row: dict[str, Any]) -> str:
    """A row in one line, as it is told while a run goes on."""
    parts = []
    for name, rival in row["rivals"].items():
        ratio = f" ({rival['ratio']['median']:.2f}x)" if rival["ratio"] else ""
        wrong = "" if rival["verdict"] == RIGHT else " WRONG"
        parts.append(f"{name} {rival['rate']['median']:.4g}{ratio}{wrong}")
    parts += [f"{name} failed: {why}" for name, why in row["lost"].items()]
    return f"{row['case']}: {row['unit']}: {', '.join(parts)}"
