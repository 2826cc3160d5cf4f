"""The IR as text."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from typing import Any

from tilevm.ir.core import Block, Func, Op, Role, Value
from tilevm.layout import Layout
from tilevm.types import Tile, Type

WORD = re.compile("[a-z][a-z0-9_]*")
CONSTANTS = ("true", "false", "none", "inf", "nan")  # words that mean something else than themselves


def print_func(func: Func, places: bool = False) -> str:
    """``func`` as text that :func:`tilevm.text.read_func` reads; ``places`` adds source lines as comments."""
    return Printer(places).func(func)


class Printer:
    """Gives every value a name of its own and writes one instruction a line."""

    def __init__(self, places: bool = False) -> None:
        self.places = places
        self._names: dict[Value, str] = {}
        self._taken: dict[str, int] = {}
        self._given: set[str] = set()
        self._layouts: dict[Layout, str] = {}

    def name(self, value: Value) -> str:
        if value not in self._names:
            self._names[value] = self._fresh(value.hint)
        return self._names[value]

    def _fresh(self, hint: str) -> str:
        while True:
            count = self._taken.get(hint, 0)
            self._taken[hint] = count + 1
            name = f"%{count}" if not hint else f"%{hint}.{count}" if count else f"%{hint}"
            if name not in self._given:  # the hint x.1 may stand beside a second x
                self._given.add(name)
                return name

    def func(self, func: Func) -> str:
        grid = f" grid({', '.join(map(str, func.grid))})" if func.grid is not None else ""
        warps = "" if func.warps is None else f" warps({func.warps}, {func.target})"
        text = f"func @{func.name}({self.params(func.params)}){grid}{warps} {{\n{self.block(func.body, 1)}}}\n"
        return self.layouts() + text

    def layouts(self) -> str:
        """The layouts that were met, each under its name."""
        lines = (f"layout {name} = {constant(layout)}\n" for layout, name in self._layouts.items())
        return "".join(lines)

    def type(self, found: Type) -> str:
        """A type, a tile's layout by its name."""
        if not isinstance(found, Tile) or found.layout is None:
            return str(found)
        return f"{found} {self._layouts.setdefault(found.layout, f'#{len(self._layouts)}')}"

    def params(self, values: tuple[Value, ...]) -> str:
        return ", ".join(f"{self.name(p)}: {self.type(p.type)}" for p in values)

    def block(self, block: Block, depth: int) -> str:
        return "".join(f"{'  ' * depth}{self.op(op, depth)}\n" for op in block.ops)

    def op(self, op: Op, depth: int) -> str:
        given = ", ".join(self.argument(op.roles[n], held) for n, held in arguments(op))
        attrs = ", ".join(f"{n} = {constant(v)}" for n, v in spoken(op))
        words = [op.name]
        if given:
            words.append(given)
        if attrs or not (given or op.regions or op.results):  # a bare word would take the next name for its operand
            words.append(f"{{{attrs}}}")
        for inner in op.regions:
            words.append(f"({self.params(inner.params)}) {{\n{self.block(inner, depth + 1)}{'  ' * depth}}}")
        if op.results:
            left = ", ".join(self.name(r) for r in op.results)
            words = [left, "=", *words, ":", ", ".join(self.type(r.type) for r in op.results)]
        if self.places and op.span and not op.regions:
            words.append(f"; {op.span}")
        return " ".join(words)

    def argument(self, role: Role, held: Any) -> str:
        if held is None:
            return "_"
        if role is Role.OPERANDS:
            return f"[{', '.join(self.name(v) for v in held)}]"
        return self.name(held)


def arguments(op: Op) -> list[tuple[str, Any]]:
    """The fields that hold values, without absent ones at the end."""
    held = list(op.part(Role.OPERAND, Role.OPERANDS, Role.OPTIONAL))
    while held and held[-1][1] is None:
        held.pop()
    return held


def spoken(op: Op) -> list[tuple[str, Any]]:
    """The attributes that differ from their default."""
    defaults = {f.name: f.default for f in fields(op)}
    return [(n, v) for n, v in op.attributes if defaults[n] is MISSING or v != defaults[n]]


def constant(value: Any) -> str:
    """An attribute as text."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(constant, value))}]"
    if isinstance(value, Layout):
        return json.dumps(str(value))
    if isinstance(value, str) and (not WORD.fullmatch(value) or value in CONSTANTS):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
