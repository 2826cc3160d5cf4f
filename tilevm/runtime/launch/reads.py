"""What the code of a function reads from outside itself, and whether it does more than read."""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType

CHANGE = frozenset({"STORE_DEREF", "DELETE_DEREF"})  # what is closed over
GLOBAL, ATTRIBUTE = frozenset({"LOAD_GLOBAL"}), frozenset({"LOAD_ATTR", "LOAD_METHOD"})
NAMED = frozenset(dis.opname[code] for code in dis.hasname)  # all that have to do with a name
PREFIX = "EXTENDED_ARG"  # of an instruction with a long argument, which may be one of a dotted name

Chain = tuple[str, ...]


def reads(code: CodeType) -> list[Chain] | None:
    """Each dotted name that begins outside, as ``tv.cdiv``. None for code that does more than read and compute: that
    imports, changes names, catches errors, or has a function inside."""
    if code.co_exceptiontable or any(isinstance(constant, CodeType) for constant in code.co_consts):
        return None
    found: list[Chain] = []
    inside = False  # whether the instruction before was part of a dotted name
    for step in dis.get_instructions(code):
        if step.opname == PREFIX:
            continue
        if step.opname in GLOBAL:
            found.append((step.argval,))
        elif step.opname in ATTRIBUTE:
            if inside:
                found[-1] = (*found[-1], step.argval)
        elif step.opname in NAMED | CHANGE:
            return None
        inside = step.opname in GLOBAL or (inside and step.opname in ATTRIBUTE)
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1024)
def writes(code: CodeType) -> bool:
    """Whether code gives what it closes over other values, as after ``nonlocal``."""
    own = any(s.opname in CHANGE and s.argval in code.co_freevars for s in dis.get_instructions(code))
    return own or any(writes(constant) for constant in code.co_consts if isinstance(constant, CodeType))
