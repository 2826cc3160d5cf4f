"""PTX weakened in one place at a time: what is done to a line, and the kernel with that line made anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from tilevm.backends.ptx.emulator import Kernel, parse
from tilevm.backends.ptx.emulator.decode import decode_one
from tilevm.backends.ptx.emulator.machine import Step
from tilevm.backends.ptx.emulator.records import Instruction

Change = tuple[str, str]  # what is done, and the new text of the line
FLIPPED = {"lt": "le", "le": "lt", "gt": "ge", "ge": "gt"}
LANES = 32


@dataclass(frozen=True)
class Mutant:
    """Line ``line`` of the text, from 1, becomes ``new``: nothing where that is empty. ``kind`` says what is done."""

    line: int
    kind: str
    new: str


def waits(code: str) -> Iterator[Change]:
    if found := re.search(r"wait_group\s+(\d+)", code):
        yield "wait: delete", ""
        yield "wait: one group more pending", f"cp.async.wait_group {int(found[1]) + 1};"
    if "cp.async.commit_group" in code:
        yield "commit: delete", ""
    if "bar.sync" in code:
        yield "barrier: delete", ""


def guards(code: str) -> Iterator[Change]:
    """An instruction done by all threads, and by those that should not."""
    if found := re.match(r"\s*@(!?)(%p\w+)\s", code):
        rest = code[found.end() :]
        yield "guard: delete", rest
        yield "guard: invert", f"@{'' if found[1] else '!'}{found[2]} {rest}"


def selections(code: str) -> Iterator[Change]:
    """One side always, or the other: among them how many bytes a copy reads."""
    if found := re.match(r"\s*selp\.(\w+)\s+([^,]+),\s*([^,]+),\s*([^,]+),", code):
        kind, to, then, otherwise = (part.strip() for part in found.groups())
        name = "size" if otherwise == "0" and then in ("4", "8", "16") else "select"
        yield f"{name}: as if true", f"mov.{kind} {to}, {then};"
        yield f"{name}: as if false", f"mov.{kind} {to}, {otherwise};"


def conditions(code: str) -> Iterator[Change]:
    """One side of a conjunction alone; a bound that is off by one."""
    if found := re.match(r"\s*(and|or)\.pred\s+([^,]+),\s*([^,]+),\s*([^;]+);", code):
        for side in found[3], found[4]:
            yield f"{found[1]}: one side", f"mov.pred {found[2]}, {side};"
    if found := re.match(r"\s*setp\.(lt|le|gt|ge)\.[su]", code):
        yield "bound: off by one", code.replace(f"setp.{found[1]}", f"setp.{FLIPPED[found[1]]}", 1)


def swizzles(code: str) -> Iterator[Change]:
    if found := re.match(r"\s*xor\.b32\s+([^,]+),\s*([^,]+),\s*([^;]+);", code):
        to, left, right = found.groups()
        yield "swizzle: delete", f"mov.b32 {to}, {left};"
        if re.fullmatch(r"\d+", right):
            yield "swizzle: another bit", f"xor.b32 {to}, {left}, {2 * int(right)};"
        else:
            yield "swizzle: or", f"or.b32 {to}, {left}, {right};"


def exchanges(code: str) -> Iterator[Change]:
    """What warps do together: matrices turned, values of other lanes."""
    if ".trans" in code:
        yield "turn: delete", code.replace(".trans", "")
    if found := re.match(r"(\s*shfl\.sync\.bfly\.b32\s+[^,]+,[^,]+,\s*)(\d+)(,.*)", code):
        other = 2 * int(found[2]) % LANES or 1
        yield "shuffle: another lane", f"{found[1]}{other}{found[3]}"
        yield "shuffle: its own lane", f"{found[1]}0{found[3]}"


RULES: tuple[Callable[[str], Iterator[Change]], ...] = (waits, guards, selections, conditions, swizzles, exchanges)


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant of PTX whose instructions stand each on a line of its own.

    What floats decide and what divides integers is no mask but arithmetic, which other tests have for their subject.
    """
    of_floats = set(re.findall(r"setp\.\w+\.b?f\w+\s+(%p\d+)", text))
    lines = text.split("\n")
    origins = origins_of(lines)
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        if " // " in origins[number - 1] or ("selp." in code and re.findall(r"%p\d+", code)[-1] in of_floats):
            continue
        yield from (Mutant(number, kind, new) for rule in RULES for kind, new in rule(code))


def origins_of(lines: Sequence[str]) -> list[str]:
    """For each line of PTX the line of the program that it was made from, where a remark after ``.loc`` tells."""
    found, now = [], ""
    for before, line in zip(("", *lines), lines, strict=False):
        if before.strip().startswith(".loc"):
            now = line.strip().removeprefix("//").strip() if line.strip().startswith("//") else ""
        found.append(now)
    return found


@cache
def instruction(code: str) -> Instruction:
    """One instruction, its names as they stand."""
    text = f".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{{\n{code}\n}}\n"
    body = parse(text, "<mutant>").text.functions["k"].body
    assert body is not None
    [found] = body.items
    assert isinstance(found, Instruction), code
    return found


def mutated(kernel: Kernel, mutant: Mutant) -> Kernel:
    """The kernel with one instruction made anew; the rest is not read again.

    Raises EmulationError where the emulator does not know the new one.
    """
    [index] = [i for i, at in enumerate(kernel.program.instructions) if at.span.line == mutant.line]
    step = made(kernel, kernel.program.instructions[index], mutant.new)
    return replace(kernel, steps=(*kernel.steps[:index], step, *kernel.steps[index + 1 :]))


def made(kernel: Kernel, old: Instruction, new: str) -> Step:
    if not new:
        return Step(replace(old, guard=""), lambda machine, mask: None)
    return decode_one(kernel.program, replace(instruction(new.strip()), span=old.span, source=old.source))
