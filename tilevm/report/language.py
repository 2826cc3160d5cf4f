"""The language as a document: every name that a kernel or its caller may use, from its own docstring."""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from tilevm.frontend import language as names
from tilevm.frontend.call import Options
from tilevm.frontend.calls.table import ROWS, find
from tilevm.frontend.function import function
from tilevm.frontend.kernel import Kernel, kernel
from tilevm.frontend.unsupported import UNSUPPORTED
from tilevm.report.check import Report, check
from tilevm.report.explain import Explanation, explain
from tilevm.report.instructions import markdown
from tilevm.report.samples import OPERATORS, SAMPLES, VALUES, Lowered, lowered
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.weights import PackedWeights, pack_weights
from tilevm.types import DType, dtype, float_
from tilevm.types.named import NAMED

OWNERS = (names.Tile, names.Tensor, names.Pointer)
RESERVED = {
    "num_warps": "warps of a program; the CPU has none and takes any number from 1 to 32",
    "target": "what code is made for: the CPU, or a GPU such as sm_80, for which it is compiled as far as layouts",
    "device": '"cpu", native code, "cuda:0", a card, or "vm", the reference machine; where its tensors live otherwise',
    "stream": "of a card: a handle, or a stream of torch or CuPy, else the current one; other devices have none",
}


def face() -> Iterator[tuple[str, Any]]:
    """Every function, method and property of the language, under the name that the documents give it."""
    for name in names.__all__:
        held = getattr(names, name)
        if isinstance(held, FunctionType):
            yield name, held
    for owner in OWNERS:
        for name, held in vars(owner).items():
            if not name.startswith("_"):
                yield f"{owner.__name__}.{name}", held.fget if isinstance(held, property) else held


def functions() -> str:
    """Functions, methods and properties, by the module that gives them their meaning."""
    groups: dict[str, list[str]] = {}
    for name, held in face():
        row = find(held)
        assert row is not None, f"{name} has no meaning"
        home = getattr(row.implementation, "func", row.implementation).__module__  # of a partial, the function in it
        groups.setdefault(home, []).append(entry(name, held))
    parts = []
    for module in sorted(groups):
        doc = sys.modules[module].__doc__ or module
        parts += [f"### {doc.splitlines()[0].rstrip('.')}", *groups[module]]
    return "\n\n".join(parts)


def entry(name: str, held: Any) -> str:
    """One name: how it is called, what it does, and what some calls become."""
    owner, dot, _ = name.partition(".")
    heading = name if dot else f"tv.{name}"
    is_property = dot and isinstance(vars(getattr(names, owner))[name.partition(".")[2]], property)
    call = signature(held, heading, is_property=bool(is_property))
    return "\n".join([f"#### `{call}`", "", markdown(held), "", *map(row, SAMPLES.get(name, ()))]).rstrip()


def signature(held: Any, name: str, is_property: bool = False) -> str:
    """A function as it is called, with its types."""
    found = inspect.signature(held)
    result = "" if found.return_annotation in (found.empty, "None") else f" -> {found.return_annotation}"
    if is_property:
        return f"{name}{result}"
    words, named = [], False
    for p in found.parameters.values():
        if p.name == "self":
            continue
        if p.kind is p.KEYWORD_ONLY and not named:
            named = True
            words.append("*")
        words.append(parameter(p))
        if p.kind is p.VAR_POSITIONAL:
            named = True
    return f"{name}({', '.join(words)}){result}"


def parameter(p: inspect.Parameter) -> str:
    stars = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
    type = "" if p.annotation is p.empty else f": {p.annotation}"
    default = "" if p.default is p.empty else f" = {p.default!r}"
    return f"{stars}{p.name}{type}{default}"


def row(code: str) -> str:
    """What a call becomes, as a line of a list."""
    return f"* {told(lowered(code))}"


def told(what: Lowered) -> str:
    made = " ".join(f"`{name}`" for name in what.instructions) or "nothing at run time"
    gives = f" gives `{what.type}`" if what.type else ""
    return f"`{what.code}`{gives}: {made}"


def operators() -> str:
    """Operators and Python's own functions."""
    rows = ["| in a kernel | gives | instructions |", "|---|---|---|"]
    for what in map(lowered, OPERATORS):
        made = " ".join(f"`{name}`" for name in what.instructions) or "none"
        code = what.code.replace("|", "\\|")
        rows.append(f"| `{code}` | {f'`{what.type}`' if what.type else 'a compile-time value'} | {made} |")
    known = sorted(r.name for r in ROWS.values() if any(r.target is v for v in vars(builtins).values()))
    rows += ["", f"Of Python's own functions a kernel may call {', '.join(f'`{n}`' for n in known)}."]
    return "\n".join(rows)


def refused() -> str:
    """Python's constructs that kernels cannot hold."""
    rows = ["| construct | instead |", "|---|---|"]
    rows += [f"| {what} | {help} |" for what, help in dict.fromkeys(UNSUPPORTED.values())]
    return "\n".join(rows)


def values() -> str:
    """What the letters in the samples stand for."""
    return ", ".join(f"`{name}: {type}`" for name, type in VALUES.items())


def callers() -> str:
    """What stands around kernels: decorators, launches, compiled kernels, checks."""
    parts = [plain("tv.kernel", kernel), plain("tv.function", function), f"#### `tv.Kernel`\n\n{markdown(Kernel)}"]
    parts += [plain("tv.Kernel.compile", Kernel.compile), "Keywords of a launch, which no parameter may be called:"]
    defaults = Options._field_defaults
    parts.append("\n".join(f"* `{n} = {defaults[n]!r}`: {RESERVED[n]}" for n in Options._fields))
    parts += [f"#### `Compiled`\n\n{markdown(Compiled)}\n\n{members(Compiled, property)}"]
    parts += [plain("tv.check", check), f"#### `tv.Report`\n\n{markdown(Report)}\n\n{members(Report)}"]
    told = f"#### `tv.Explanation`\n\n{markdown(Explanation)}\n\n{members(Explanation)}"
    parts += [plain("tv.explain", explain), told]
    weights = f"#### `tv.PackedWeights`\n\n{markdown(PackedWeights)}\n\n{members(PackedWeights)}"
    parts += [plain("tv.pack_weights", pack_weights), weights]
    return "\n\n".join(parts)


def plain(name: str, held: Any) -> str:
    return f"#### `{signature(held, name)}`\n\n{markdown(held)}"


def members(owner: type, *kinds: type) -> str:
    """The documented public methods and properties of a class, or only such of these kinds."""
    lines = []
    for name, held in vars(owner).items():
        target = held.fget if isinstance(held, property) else held
        wanted = not name.startswith("_") and isinstance(held, kinds or object)
        if wanted and isinstance(target, FunctionType) and target.__doc__:
            call = signature(target, f".{name}", is_property=isinstance(held, property))
            lines.append(f"* `{call}`: {' '.join(markdown(target).split())}")
    return "\n".join(lines)


def dtypes() -> str:
    """The number types that have names of their own."""
    rows = ["| name | bits | largest | smallest normal | epsilon | infinity, NaN |", "|---|---|---|---|---|---|"]
    for kind in NAMED.values():
        if kind.is_float:
            has = " ".join(w for w, there in (("infinity", kind.has_inf), ("NaN", kind.has_nan)) if there) or "neither"
            facts = (f"{x:.6g}" for x in (kind.max, kind.smallest_normal, kind.epsilon))
            rows.append(f"| `{kind.name}` | {kind.bits} | {' | '.join(facts)} | {has} |")
    named = "`tv.i1` … `tv.i64` and `tv.u1` … `tv.u64`"
    intro = f"`tv.bool_`; the integers {named}; and the floats in this table, each as `tv.` and its name:"
    parts = [plain("tv.dtype", dtype), plain("tv.float_", float_), f"#### `tv.DType`\n\n{markdown(DType)}"]
    return "\n\n".join([intro, "\n".join(rows), *parts])
