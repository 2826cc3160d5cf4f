"""What might stand where text stops to be IR: the mend of a fault of syntax."""

from __future__ import annotations

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput

CLASSES = {  # terminals of many words
    "VALUE": "a value such as %a",
    "SYMBOL": "a name such as @f",
    "NAME": "a word",
    "INT": "a whole number",
    "FLOAT": "a float",
    "STRING": "a text in quotes",
    "LAYOUT": "a layout such as #a",
    "$END": "the end",
}
END = "$END"
OPERANDS = {"COMMA", "EQUAL"}  # what goes behind the first value of a line: so a comma was left out before it


def mend(fault: UnexpectedInput, grammar: Lark) -> str:
    """What may stand at the place of ``fault``, behind which word."""
    if isinstance(fault, UnexpectedCharacters) and fault.char == '"':
        return r"a text ends in its line with a quote; \" and \n stand for a quote and a new line in it"
    found: set[str] = set(getattr(fault, "expected", None) or getattr(fault, "allowed", None) or ())
    token = getattr(fault, "token", None)
    if isinstance(token, Token) and token.type == END:
        return ended(found)
    before = next((t for t in getattr(fault, "token_history", None) or () if t), None)
    place = f"behind {before}" if before else "here"
    comma = "; between operands stands a comma" if found == OPERANDS else ""
    return f"{place} may stand {choice(found, grammar)}{comma}"


def ended(found: set[str]) -> str:
    """The mend of a text that ends too early."""
    if "FUNC" in found:
        return "a text holds a function: func @f() { yield [] }"
    return "close what is open: a function and a region end in }"


def choice(found: set[str], grammar: Lark) -> str:
    """The terminals of ``found`` as a reader writes them."""
    written = {t.name: t.pattern.value for t in grammar.terminals}
    words = [CLASSES.get(name) or written[name] for name in sorted(found, key=lambda n: (n in CLASSES, n))]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
