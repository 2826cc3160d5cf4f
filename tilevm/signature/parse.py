"""Reading the text of a signature."""

from __future__ import annotations

import linecache
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tilevm.signature.spec import Element, ParamSpec, PointerSpec, ScalarSpec, Signature, TensorSpec
from tilevm.source import Span, TileError
from tilevm.types import Dim, dtype
from tilevm.types.lookup import THERE_ARE

Node = Any  # a lark Tree or Token; lark's own types say no more

WORDS = {  # terminals as a person would say them
    "NAME": "a name",
    "INT": "a number",
    "SQUARE": "'['",
    "STAR": "'*'",
    "PACKED": "'packed'",
    "COLON": "':'",
    "COMMA": "','",
    "EQUAL": "'='",
    "PERCENT": "'%'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "LPAR": "'('",
    "RPAR": "')'",
    "RSQB": "']'",
    "$END": "the end",
}
CAPITALS = "type variables begin with a capital letter, as in T[M, N]"
EXAMPLE = "write it like 'a: f16[M, K], bias: T[N], n: i32, p: *f32'"


@cache
def parser() -> Lark:
    """Built when first needed: programs without signatures pay nothing."""
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


@cache
def parse(text: str, file: str = "<signature>") -> Signature:
    """The signature that ``text`` spells. Raises TileError at the place in ``text`` of the first fault.

    ``file`` is what that place calls itself, in angle brackets.
    """
    lines = text.splitlines(keepends=True)
    linecache.cache[file] = (len(text), None, lines, file)  # where errors find the line that they show
    reader = Reader(text, file)
    try:
        tree = parser().parse(text)
    except UnexpectedInput as fault:
        reader.surprise(fault)
    return reader.signature(tree.children)


class Reader:
    """Makes records of the syntax tree."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file

    def span(self, token: Token) -> Span:
        assert token.line and token.column and token.end_line and token.end_column
        return Span(self.file, token.line, token.column - 1, token.end_line, token.end_column - 1)

    def fail(self, message: str, span: Span, help: str | None = None) -> NoReturn:
        raise TileError(message, span, help=help) from None

    def surprise(self, fault: UnexpectedInput) -> NoReturn:
        """The text does not follow the grammar."""
        line, column, found, wanted = fault.line, fault.column, "this", set[str]()
        if isinstance(fault, UnexpectedCharacters):
            found, wanted = repr(fault.char), set(fault.allowed or ())
        elif isinstance(fault, UnexpectedToken):
            found, wanted = repr(str(fault.token)), set(fault.expected)
            if fault.token.type == "$END":
                found, line, column = "the end", self.text.count("\n") + 1, len(self.text.rpartition("\n")[2]) + 1
        expected = " or ".join(sorted({WORDS[w] for w in wanted}))
        at = Span(self.file, line, column - 1, line, column)
        self.fail(f"the signature has {found} where {expected} is expected", at, EXAMPLE)

    def signature(self, nodes: list[Node]) -> Signature:
        params: dict[str, ParamSpec] = {}
        for node in nodes:
            spec = self.param(node)
            if spec.name in params:
                self.fail(f"the signature names {spec.name} twice", self.span(node.children[0]), "leave one out")
            params[spec.name] = spec
        dims = {d.name for p in params.values() if isinstance(p, TensorSpec) for d in p.dims}
        for node, spec in zip(nodes, params.values(), strict=True):
            self.check_strides(node.children[-1], spec, dims)
        return Signature(tuple(params.values()))

    def param(self, node: Node) -> ParamSpec:
        name, *words, dims, _facts = (c for c in node.children if not isinstance(c, Token) or c.type != "PACKED")
        packed = [c for c in node.children if isinstance(c, Token) and c.type == "PACKED"]
        star, (element,) = words[:-1], words[-1:]
        said = self.facts(_facts)
        span = self.span(name)
        if dims.children:
            if star:
                self.fail(f"{name} is a pointer and has extents", self.span(dims.children[0]), "leave out one of both")
            axes = tuple(map(self.dim, dims.children[1:]))
            return TensorSpec(str(name), self.element(element), axes, packed=bool(packed), span=span, **said)
        if packed:
            self.fail(f"{name} is packed, so it is a tensor and needs extents", self.span(packed[0]), "as in u4[K, N]")
        if star and said.keys() <= {"align"}:
            return PointerSpec(str(name), self.element(element), span=span, **said)
        if said:
            message = f"{name} is no tensor and has no {' or '.join(said)}"
            self.fail(message, self.span(_facts.children[0].children[0]), "tensors have extents, as in f32[M, N]")
        return ScalarSpec(str(name), self.element(element), span)

    def element(self, token: Token) -> Element:
        """Capitals begin type variables; all else is a number type."""
        if token == "_":
            return None
        if token[0].isupper():
            return str(token)
        try:
            return dtype(str(token))
        except TileError as error:
            help = CAPITALS if error.help == THERE_ARE else error.help
            self.fail(error.message, self.span(token), help)

    def dim(self, node: Node) -> Dim:
        token, *divisors = node.children
        divisor = int(divisors[0]) if divisors else 1
        if divisor < 1:
            self.fail("nothing is divisible by 0", self.span(divisors[0]), "give a number from 1 on, as in M%16")
        if token.type == "NAME":
            return Dim(name=None if token == "_" else str(token), divisor=divisor)
        if divisors:
            self.fail(f"{token} is a number: what divides it is known", self.span(divisors[0]), f"write {token} alone")
        return Dim(size=int(token))

    def facts(self, node: Node) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for fact in node.children:
            name, *values = fact.children
            if str(name) not in FACTS:
                self.fail(f"a tensor has no {name}", self.span(name), f"known are {', '.join(FACTS)}")
            if str(name) in said:
                self.fail(f"{name} is said twice", self.span(name), "leave one of them out")
            said[str(name)] = FACTS[str(name)](self, name, values)
        return said

    def align(self, name: Token, values: list[Node]) -> int:
        if len(values) != 1 or not isinstance(values[0], Token):
            self.fail("align is one number of bytes", self.span(name), "as in align=16")
        bytes_ = int(values[0])
        if bytes_ < 1 or bytes_ & (bytes_ - 1):
            self.fail(f"an alignment is a power of two, not {bytes_}", self.span(values[0]), "as in align=16")
        return bytes_

    def strides(self, name: Token, values: list[Node]) -> tuple[int | str | None, ...]:
        if any(isinstance(v, Token) or len(v.children) > 1 for v in values):
            self.fail("strides are a list in brackets", self.span(name), "as in strides=(K, 1)")
        tokens = [v.children[0] for v in values]
        return tuple(int(t) if t.type == "INT" else None if t == "_" else str(t) for t in tokens)

    def small(self, name: Token, values: list[Node]) -> bool:
        if values:
            self.fail("small has no number: it is said or not", self.span(name), "write {small}")
        return True

    def check_strides(self, node: Node, spec: ParamSpec, dims: set[str | None]) -> None:
        """One stride an axis, and names that some tensor has as a dim."""
        if not isinstance(spec, TensorSpec) or spec.strides is None:
            return
        [fact] = [f for f in node.children if f.children[0] == "strides"]
        if len(spec.strides) != len(spec.dims):
            message = f"{spec.name} has {len(spec.dims)} dimensions and {len(spec.strides)} strides"
            self.fail(message, self.span(fact.children[0]), "give one stride a dimension, _ where any will do")
        for stride, child in zip(spec.strides, fact.children[1:], strict=True):
            if isinstance(stride, str) and stride not in dims:
                known = ", ".join(sorted(d for d in dims if d)) or "none"
                self.fail(f"no tensor has a dim {stride}", self.span(child.children[0]), f"the dims are {known}")


FACTS = {"strides": Reader.strides, "align": Reader.align, "small": Reader.small}
