"""PTX text to records."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

from tilevm.source import Span, TileError

from .records import (
    Address,
    Arguments,
    Block,
    Declaration,
    Function,
    Instruction,
    Inverted,
    Item,
    Label,
    Name,
    Number,
    Operand,
    Pair,
    Source,
    Text,
    Vector,
)

SPACES = {".reg", ".shared", ".local", ".param", ".global", ".const"}
LIMITS = {".reqntid", ".maxntid", ".minnctapersm", ".maxnreg", ".maxnctapersm"}
TYPE = re.compile(r"\.(pred|b128|[busf](8|16|32|64)|f16x2|bf16|bf16x2)$")


@cache
def parser() -> Lark:
    grammar = (files(__package__) / "grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="module", parser="lalr", propagate_positions=True, maybe_placeholders=False)


def read(text: str, name: str) -> Text:
    """The module in ``text``; ``name`` is what errors call the file.

    :raises TileError: the text is no PTX, at the place where reading ended
    """
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # so that excerpts find it
    try:
        tree = parser().parse(text)
    except UnexpectedInput as error:
        line, column = max(error.line, 1), max(error.column - 1, 0)
        span = Span(name, line, column, line, column + 1)
        raise TileError("this is no PTX that can be read", span, help="give PTX text as ptxas accepts it") from None
    return Reader(name, tree).module()


def tokens(tree: Tree[Token], kind: str) -> list[Token]:
    """Direct tokens of a tree, of one kind."""
    return [t for t in tree.children if isinstance(t, Token) and t.type == kind]


def trees(tree: Tree[Token], kind: str) -> list[Tree[Token]]:
    """Direct subtrees of a tree, of one kind."""
    return [t for t in tree.children if isinstance(t, Tree) and t.data == kind]


def number(text: str) -> int:
    """An integer constant, decimal, hexadecimal or (with a leading 0) octal."""
    digits = text.rstrip("U")
    return int(digits, 8) if re.fullmatch(r"-?0[0-7]+", digits) else int(digits, 0)


class Reader:
    """Walks a syntax tree; keeps the files that ``.loc`` counts, and the line in force."""

    def __init__(self, name: str, tree: Tree[Token]) -> None:
        self.name, self.tree = name, tree
        self.files = dict(self.file_names())
        self.here: Source | None = None

    def file_names(self) -> Iterator[tuple[int, str]]:
        for token in self.tree.scan_values(lambda t: isinstance(t, Token) and t.type == "FILE"):
            if found := re.match(r'\.file\s+(\d+)\s+"([^"]*)"', token):
                yield int(found[1]), found[2]

    def span(self, thing: Tree[Token]) -> Span:
        """Where a tree stands; only its first line matters to excerpts."""
        meta = thing.meta
        return Span(self.name, meta.line, meta.column - 1, meta.end_line, meta.end_column - 1)

    def module(self) -> Text:
        variables: list[Declaration] = []
        functions: dict[str, Function] = {}
        target = next((t.split()[1].rstrip(",") for t in tokens(self.tree, "HEADER") if t.startswith(".target")), "")
        for tree in trees(self.tree, "object"):
            words = self.words(tree)
            if ".entry" in words or ".func" in words:
                function = self.function(tree, words)
                if function.body is not None or function.name not in functions:
                    functions[function.name] = function
            else:
                variables += self.declarations(tree)
        return Text(self.name, target, tuple(variables), functions)

    def words(self, tree: Tree[Token]) -> dict[str, tuple[int, ...]]:
        """Directives of a tree with the numbers that follow each."""
        return {
            str(tokens(a, "DIRECTIVE")[0]): tuple(number(n) for n in tokens(a, "NUMBER"))
            for a in trees(tree, "attribute")
        }

    def function(self, tree: Tree[Token], words: dict[str, tuple[int, ...]]) -> Function:
        self.here = None
        named = next(i for i, c in enumerate(tree.children) if isinstance(c, Tree) and c.data == "declarator")
        groups = [(i, c) for i, c in enumerate(tree.children) if isinstance(c, Tree) and c.data == "group"]
        returns = [self.parameters(c) for i, c in groups if i < named]
        params = [self.parameters(c) for i, c in groups if i > named]
        bodies = trees(tree, "body")
        declarator = trees(tree, "declarator")[0]
        return Function(
            str(tokens(declarator, "NAME")[0]),
            ".entry" in words,
            returns[0] if returns else (),
            params[0] if params else (),
            self.block(bodies[0]) if bodies else None,
            {word[1:]: numbers for word, numbers in words.items() if word in LIMITS},
            self.span(declarator),
        )

    def parameters(self, group: Tree[Token]) -> tuple[Declaration, ...]:
        return tuple(self.declaration(p, self.words(p), p) for p in trees(group, "parameter"))

    def declarations(self, tree: Tree[Token]) -> Iterator[Declaration]:
        words = self.words(tree)
        given = tuple(str(t) for i in trees(tree, "initial") for t in i.scan_values(lambda _: True))
        for declarator in trees(tree, "declarator"):
            yield self.declaration(declarator, words, tree, given)

    def declaration(
        self, tree: Tree[Token], words: dict[str, tuple[int, ...]], whole: Tree[Token], given: tuple[str, ...] = ()
    ) -> Declaration:
        space = next((w[1:] for w in words if w in SPACES), "param")
        kind = next((w[1:] for w in words if TYPE.match(w)), "")
        if not kind:
            raise TileError("a declaration has no type that is known", self.span(whole), help="write one such as .b32")
        ranges = tokens(tree, "NUMBER")
        extents = [tokens(e, "NUMBER") for e in trees(tree, "extent")]
        count: int | None = 1
        for extent in extents:
            count = None if not extent or count is None else count * number(extent[0])
        if ranges:
            count = number(ranges[0])
        align = words.get(".align", (0,))[0]
        return Declaration(
            space, kind, str(tokens(tree, "NAME")[0]), count, align, self.span(whole), bool(ranges), given
        )

    def block(self, body: Tree[Token]) -> Block:
        return Block(tuple(self.items(body)))

    def items(self, body: Tree[Token]) -> Iterator[Item]:
        for child in body.children:
            if isinstance(child, Token):
                if child.type == "LABEL":
                    yield Label(child.rstrip(": \t\n"))
                elif child.type == "LOC":
                    self.locate(child)
            elif child.data == "statement":
                yield self.instruction(child)
            elif child.data == "object":
                yield from self.declarations(child)
            elif child.data == "body":
                yield self.block(child)

    def locate(self, token: Token) -> None:
        """A line in force; of a line that was inlined, the innermost, as ``.loc`` names it first."""
        file, line, column = (int(n) for n in token.split()[1:4] for n in [n.rstrip(",")])
        self.here = Source(self.files.get(file, f"file {file}"), line, column)

    def instruction(self, tree: Tree[Token]) -> Instruction:
        guards = trees(tree, "guard")
        operands = tuple(operand(t) for t in tree.children if isinstance(t, Tree) and t.data != "guard")
        guard = str(tokens(guards[0], "NAME")[0]) if guards else ""
        inverted = bool(guards and tokens(guards[0], "BANG"))
        return Instruction(str(tokens(tree, "OPCODE")[0]), operands, self.span(tree), guard, inverted, self.here)


def operand(tree: Tree[Token]) -> Operand:
    """One operand's record."""
    found: Operand = OPERANDS[tree.data](tree.children)
    return found


def address(children: list[Any]) -> Address:
    base, *rest = (c for c in children if c.type != "OFFSET_SIGN")
    offset = number(rest[0]) if rest else 0
    return Address(str(base), offset) if base.type == "NAME" else Address("", number(base) + offset)


OPERANDS: dict[str, Any] = {
    "register": lambda c: Name(str(c[0])),
    "number": lambda c: Number(str(c[0])),
    "inverted": lambda c: Inverted(str(c[0])),
    "pair": lambda c: Pair(operand(c[0]), operand(c[1])),
    "vector": lambda c: Vector(tuple(map(operand, c))),
    "arguments": lambda c: Arguments(tuple(map(operand, c))),
    "address": address,
}
