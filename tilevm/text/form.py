"""How each instruction is written, and what its attributes are: asked by the reader for what does not fit."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from tilevm.ir.core import Op, Role
from tilevm.layout import Layout
from tilevm.types import DType

SPELLED = {  # of a field of an instruction
    Role.OPERAND: "{}",
    Role.OPTIONAL: "{} or _",
    Role.OPERANDS: "[{}]",
}
INTEGER, LOGICAL, TEXT = "a whole number", "true or false", "a word or a text in quotes"
TOLD: dict[Any, tuple[str, str]] = {  # of an attribute's type: what it is, and one such
    int: (INTEGER, "1"),
    int | None: (INTEGER, "1"),
    bool: (LOGICAL, "true"),
    str: (TEXT, '"…"'),
    DType: ("a number type", "f32"),
    DType | None: ("a number type", "f32"),
    Layout: ("a layout in quotes", '"4:1@reg 8:1@thread"'),
    int | float | bool: ("a number, true or false", "1.5"),
    tuple[int, ...]: ("whole numbers in brackets", "[4, 8]"),
    tuple[bool, ...]: ("true and false in brackets", "[true, false]"),
    tuple[str, ...]: ("texts in brackets", '["…", "…"]'),
}
HINTS: dict[type[Op], dict[str, Any]] = {}  # what was asked
ELEMENTS: dict[Any, type] = {tuple[int, ...]: int, tuple[bool, ...]: bool, tuple[str, ...]: str}
READ: dict[Any, tuple[type, ...]] = {  # what a text holds where one value stands
    int: (int,),
    int | None: (int, type(None)),
    bool: (bool,),
    str: (str,),
    DType: (str,),
    DType | None: (str, type(None)),
    Layout: (str,),
    int | float | bool: (int, float, bool),
}


def form(kind: type[Op]) -> str:
    """An instruction as it is written, its fields by their names."""
    given = ", ".join(SPELLED[role].format(name) for name, role in kind.roles.items() if role in SPELLED)
    needed = ", ".join(f"{name} = …" for name in required(kind) if kind.roles[name] is Role.ATTRIBUTE)
    regions = ["(…) {…}" for role in kind.roles.values() if role is Role.REGION]
    return " ".join(filter(None, (kind.name, given, f"{{{needed}}}" if needed else "", *regions)))


def required(kind: type[Op]) -> list[str]:
    """The fields without which there is no such instruction, in order."""
    plain = {f.name for f in fields(kind) if f.default is MISSING}
    return [name for name in kind.roles if name in plain]


def hints(kind: type[Op]) -> dict[str, Any]:
    """The types of an instruction's fields."""
    if kind not in HINTS:
        HINTS[kind] = get_type_hints(kind)
    return HINTS[kind]


def fits(value: Any, wanted: Any) -> bool:
    """Whether what a text holds is an attribute of a type: true is no number, but where numbers and bools are."""
    if wanted in ELEMENTS:
        return isinstance(value, tuple) and all(type(v) is ELEMENTS[wanted] for v in value)
    return type(value) in READ[wanted]
