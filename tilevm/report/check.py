"""``tv.check``: the reference machine on a kernel before and after each pass, on the same arguments.

Every comparison between passes is of bits. A pass that may round otherwise (``fma``, ``row_sums``, ``regroup``) is
compared with its roundings put back: what it fused is rounded twice again, what it added up otherwise is added up as
before. So a pass is blamed for any change that is not its declared one.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tilevm.abi import KernelAbi
from tilevm.backend import PLACES, Argument, Array, Place, load, place
from tilevm.driver import choose, compile_func
from tilevm.frontend.kernel import Kernel
from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.ir.verify import verify
from tilevm.passes import PIPELINE, Pass, pipeline
from tilevm.report.memory import Contents, Difference, Written
from tilevm.runtime.arguments import read
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.grid import Grid
from tilevm.source import TileError
from tilevm.text import print_func
from tilevm.types import Scalar

EXACT = "bit for bit"
OF_TARGET = ("vm", "emulator")  # devices that run code for a GPU
WORDS = {"vm": "{} threads", "emulator": "{} PTX"}
CARD = "{} code on {}"
RESTORED = "bit for bit, with sums and roundings as before"
Outcome = Contents | TileError  # what a run leaves in memory, or why the machine refuses it


@dataclass(frozen=True)
class Step:
    """One comparison: of a pass with what came before it, of all passes together, or of another device.

    ``fault``: how the answers differ, "" where they agree. ``before`` and ``after``: the IR as text.
    """

    name: str
    how: str
    changed: bool
    fault: str
    before: str
    after: str
    difference: Difference | None = None

    @property
    def ok(self) -> bool:
        return not self.fault

    def diff(self) -> str:
        """What the step did to the IR."""
        old, new = self.before.splitlines(), self.after.splitlines()
        return "\n".join(difflib.unified_diff(old, new, f"before {self.name}", f"after {self.name}", "", "", 2, ""))

    def line(self) -> str:
        did = "" if self.changed else ", IR unchanged"
        return f"{self.name:<14} {f'DIFFERS: {self.fault}' if self.fault else f'same ({self.how}{did})'}"


@dataclass(frozen=True)
class Report:
    """What a check found. ``hazards``: what is wrong with the kernel itself, whoever compiles it."""

    kernel: str
    programs: tuple[int, int, int]
    hazards: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        return not self.hazards and self.blamed is None

    @property
    def blamed(self) -> Step | None:
        """The first step that changes the answer."""
        return next((s for s in self.steps if not s.ok), None)

    def __str__(self) -> str:
        lines = [f"{self.kernel} on {' x '.join(map(str, self.programs))} programs"]
        lines += [f"hazard: {text}" for text in self.hazards]
        lines += [s.line() for s in self.steps]
        if self.blamed is not None:
            lines += [f"{self.blamed.name} is the first to change the answer. What it did to the IR:"]
            lines += [self.blamed.diff() or "nothing"]
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The same for programs: plain lists and dicts."""
        blamed = self.blamed
        steps = [
            {"name": s.name, "how": s.how, "changed": s.changed, "ok": s.ok, "fault": s.fault}
            | ({"difference": vars(s.difference)} if s.difference else {})
            for s in self.steps
        ]
        found = {"kernel": self.kernel, "programs": list(self.programs), "ok": self.ok, "hazards": list(self.hazards)}
        return {**found, "steps": steps, "blamed": blamed and blamed.name, "diff": blamed and blamed.diff()}


@dataclass(frozen=True)
class Trial:
    """Arguments, and the memory in which each run begins anew."""

    programs: tuple[int, int, int]
    arguments: Sequence[Argument]
    written: Written
    start: Contents
    warps: int = 4

    def run(self, func: Func, where: Place | None = None) -> Outcome:
        """What ``func`` leaves in memory: on the machine as it stands, or compiled for ``where``."""
        self.written.write(self.start)
        try:
            if where is None:
                artifact = load(place("vm")).compile(func, KernelAbi.of(func))
            else:
                artifact = compile_func(func, where, self.warps).artifact
            if 0 not in self.programs:
                artifact.launch(self.programs, self.arguments)
        except TileError as refusal:
            return refusal
        finally:
            found = self.written.read()
            self.written.write(self.start)
        return found

    def compare(self, expected: Outcome, found: Outcome, tolerance: float | None = 0.0) -> str | Difference | None:
        """How two outcomes differ."""
        if isinstance(found, TileError):
            return f"it is refused: {found.message}"
        assert not isinstance(expected, TileError), "a refused kernel is not compared further"
        return self.written.difference(expected, found, tolerance)


def check(
    kernel: Kernel,
    grid: Grid | None,
    *args: Any,
    target: str | None = None,
    device: str | None = None,
    every_pass: bool = False,
    tolerance: float | None = None,
    num_warps: int = 4,
    **constexprs: Any,
) -> Report:
    """Run a kernel on the reference machine before and after the passes, and compare what it leaves in memory.

    ``grid`` is None for the kernel's own. ``every_pass`` compares after each pass, and not only where the answer of
    all together differs. ``device="cpu"`` compares the native code too: integers bit for bit, floats to
    ``tolerance`` times the largest number (2**10 eps in f32 and f64, 8 eps in f16 and bf16). ``target="sm_80"`` goes
    on to what threads of blocks of ``num_warps`` do: on the reference machine, which reports races, missing waits and
    accesses out of bounds, and as PTX on the emulator where there is PTX. Programs are also run in the opposite order:
    an answer that depends on the order is a hazard. The arguments are left as they were.
    """
    where = choose(device, target) if device is not None or target is not None else None
    passes = PIPELINE if where is None or where.target == "cpu" else pipeline(where.target, num_warps)
    asked = kernel if grid is None else kernel.gridless
    compiled = asked.compile(*args, device="vm", **constexprs)
    trial = prepare(asked, compiled, grid, args, constexprs, num_warps)
    traced = compiled.build.tile
    answer = trial.run(traced)
    if isinstance(answer, TileError):
        return Report(kernel.__name__, trial.programs, (str(answer),), ())
    steps = list(each(trial, traced, answer, passes)) if every_pass else whole(trial, traced, answer, passes)
    for device_ in devices(where):
        if all(s.ok for s in steps):
            steps.append(native(trial, traced, device_, tolerance))
    return Report(kernel.__name__, trial.programs, order(trial, traced, answer), tuple(steps))


def devices(where: Place | None) -> list[Place]:
    """What runs the code that is made: the device, or for a target alone every one that runs it."""
    if where is None or (where.name == "vm" and where.target == "cpu"):
        return []
    if where.name in PLACES or where.card is not None:
        return [where]
    found = (PLACES[name].running(where.target) for name in OF_TARGET)
    return [each for each in found if each is not None]


def prepare(kernel: Kernel, compiled: Compiled, grid: Grid | None, args: Any, constexprs: Any, warps: int = 4) -> Trial:
    """The arguments as backends take them, and the memory that may change."""
    values = kernel.parameters.sort(args, constexprs).values
    names = kernel.parameters.runtime
    arguments = [read(v, n)[0] for v, n in zip(values, names, strict=True)]
    programs = compiled.counted(grid, arguments)
    held = {names[i]: arguments[i] for i in compiled.contract.written}
    written = Written({n: a for n, a in held.items() if isinstance(a, Array)})
    return Trial(programs, arguments, written, written.read(), warps)


def whole(trial: Trial, traced: Func, answer: Outcome, pipeline: Sequence[Pass]) -> list[Step]:
    """All passes as one step; each by itself where that changes the answer."""
    together = Pass("all passes", partial(run_all, pipeline=pipeline), "", partial(restored, pipeline=pipeline))
    steps = each(trial, traced, answer, [together])
    return steps if all(s.ok for s in steps) else each(trial, traced, answer, pipeline)


def run_all(func: Func, pipeline: Sequence[Pass]) -> Func:
    for step in pipeline:
        func = step.run(func)
    return func


def restored(func: Func, pipeline: Sequence[Pass]) -> Func:
    for step in reversed(pipeline):
        func = step.restore(func) if step.restore else func
    return func


def each(trial: Trial, func: Func, answer: Outcome, pipeline: Sequence[Pass]) -> list[Step]:
    """A step for each pass, up to the first that changes the answer."""
    steps: list[Step] = []
    for step in pipeline:
        made, func, answer = one(trial, step, func, answer)
        steps.append(made)
        if not made.ok:
            break
    return steps


def one(trial: Trial, step: Pass, before: Func, answer: Outcome) -> tuple[Step, Func, Outcome]:
    """One pass: the comparison, the function after it, and that function's answer."""
    texts = print_func(before)
    try:
        after = verify(step.run(before))
    except TileError as refusal:
        return Step(step.name, EXACT, True, f"what it gives is no IR: {refusal.message}", texts, ""), before, answer
    how = EXACT
    if after is before:
        return Step(step.name, how, False, "", texts, texts), after, answer
    expected, found = answer, trial.run(after)
    compared = found
    if step.restore is not None and (spelled := step.restore(after)) is not after:
        how = RESTORED
        plain = step.restore(before)
        expected = answer if plain is before else trial.run(plain)
        compared = trial.run(spelled)
    fault = trial.compare(expected, compared)
    difference = fault if isinstance(fault, Difference) else None
    return Step(step.name, how, True, str(fault or ""), texts, print_func(after), difference), after, found


def native(trial: Trial, traced: Func, where: Place, tolerance: float | None) -> Step:
    """The code of a device against the machine, both after all passes."""
    optimised = run_all(traced, PIPELINE)
    fault = trial.compare(trial.run(optimised), trial.run(traced, where), tolerance)
    bound = "rounding" if tolerance is None else f"{tolerance:g} of the largest number"
    difference = fault if isinstance(fault, Difference) else None
    text = print_func(optimised)
    name = where.name if where.target == "cpu" else WORDS.get(where.name, CARD).format(where.target, where.name)
    return Step(name, f"integers bit for bit, floats to within {bound}", True, str(fault or ""), text, text, difference)


def order(trial: Trial, traced: Func, answer: Outcome) -> tuple[str, ...]:
    """A hazard where the programs, run from last to first, leave something else in memory.

    Atomic sums of floats may depend on the order, and their authors know it: a kernel with atomics is not asked.
    """
    if max(trial.programs, default=0) < 2 or any(op.name.startswith("atomic") for op in walk(traced.body)):
        return ()
    fault = trial.compare(answer, trial.run(backwards(traced)))
    return (f"the answer depends on the order in which programs run: backwards, {fault}",) if fault else ()


def backwards(func: Func) -> Func:
    """``func`` with its programs counted from the last of each axis."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.ProgramId):
            return None
        kind = op.result.type
        assert isinstance(kind, Scalar)
        count = builder.add(ops.NumPrograms, axis=op.axis).result
        here = builder.add(ops.ProgramId, axis=op.axis).result
        last = builder.add(ops.Sub, a=count, b=builder.constant(1, kind.dtype)).result
        return [builder.add(ops.Sub, a=last, b=here).result]

    return rewrite(func, rule)
