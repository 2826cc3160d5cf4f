"""The instruction set as a document: every instruction, from its class and from a program that uses all of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from inspect import getdoc

from tilevm.ir import OPS, THREAD_OPS, Func
from tilevm.ir.core import Effect, Op, Role
from tilevm.ir.ops.expect import WORDS
from tilevm.ir.rewrite import walk
from tilevm.passes import every_pass
from tilevm.text.print import Printer, constant

REFERENCE = re.compile(r":\w+:`([^`]+)`")  # :func:`tv.sum`
EFFECTS = {
    Effect.PURE: "pure",
    Effect.READ: "reads memory",
    Effect.WRITE: "writes memory, or must stay where it is",
}
ROLES = {
    Role.OPERAND: "`{}`",
    Role.OPERANDS: "`[{}]`, any number",
    Role.OPTIONAL: "`{}`, which may be left out",
}


def instructions(every: Func) -> str:
    """Every instruction of a level, by subject. ``every`` is a function of that level in which each occurs; its lines
    are the examples."""
    examples: dict[str, str] = {}
    for op in walk(every.body):
        examples[op.name] = max(examples.get(op.name, ""), example(op), key=len)
    parts = []
    kinds = OPS if every.target is None else THREAD_OPS
    for module in dict.fromkeys(kind.__module__ for kind in kinds.values()):
        parts.append(f"### {caption(module)}")
        parts += [entry(k, examples[k.name]) for k in kinds.values() if k.__module__ == module]
    return "\n\n".join(parts)


def caption(module: str) -> str:
    """The first sentence of a module's docstring, as a heading."""
    doc = sys.modules[module].__doc__ or module
    return doc.partition(".")[0]


def entry(kind: type[Op], text: str) -> str:
    """One instruction: its meaning, fields, effect and text."""
    meanings = [markdown(c) for c in kind.__mro__ if issubclass(c, Op) and c is not Op and c.__doc__]
    lines = [f"#### `{kind.name}`", "", "\n\n".join(meanings), ""]
    lines += [f"* {line}" for line in facts(kind)]
    lines += ["", "```", text, "```"]
    return "\n".join(lines)


def facts(kind: type[Op]) -> Iterator[str]:
    """What an instruction takes, holds and does."""
    given = [ROLES[role].format(name) for name, role in kind.roles.items() if role in ROLES]
    accepts = getattr(kind, "accepts", "")
    kinds = f": {' or '.join(WORDS[f] for f in accepts)}" if accepts else ""
    yield f"takes {'; '.join(given) or 'nothing'}{kinds}"
    attributes = [spelled(f.name, str(f.type), f.default) for f in fields(kind) if f.name in kind.readers]
    if attributes:
        yield f"attributes {'; '.join(attributes)}"
    regions = [f"`{name}`" for name, role in kind.roles.items() if role is Role.REGION]
    if regions:
        yield f"regions {', '.join(regions)}"
    if kind.terminator:
        yield "ends its block"
    else:
        yield "does what its regions do" if regions else EFFECTS[kind.effect]


def markdown(documented: object) -> str:
    """A docstring as Markdown."""
    return REFERENCE.sub(r"`\1`", getdoc(documented) or "").replace("``", "`")


def spelled(name: str, type: str, default: object) -> str:
    return f"`{name}: {type}`" if default is MISSING else f"`{name}: {type} = {constant(default)}`"


def example(op: Op) -> str:
    """An instruction as text, after a comment that says of which types the values are that it takes."""
    printer, inner = Printer(), [op, *(i for r in op.regions for i in walk(r))]
    inside = {v for i in inner for v in (*i.results, *(p for r in i.regions for p in r.params))}
    free = dict.fromkeys(v for i in inner for v in i.operands if v not in inside)
    given = [f"; {printer.params(tuple(free))}"] if free else []
    text = printer.op(op, 0)
    return "\n".join([*given, *printer.layouts().splitlines(), text])


def passes() -> str:
    """The passes in order: what each does."""
    rows = ["| pass | what it does |", "|---|---|"]
    steps = [*every_pass("sm_80", 4)]  # as for any machine with threads
    rows += [f"| `{p.name}` | {p.caption} |" for p in steps]
    details = [f"`{p.name}`: {' '.join(markdown(p.run).split())}" for p in steps]
    return "\n".join(rows) + "\n\n" + "\n\n".join(details)
