"""The IR read back from text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput

from tilevm.ir import OPS, THREAD_OPS, Block, Func, Op, Role, Value
from tilevm.ir.core import lying
from tilevm.ir.ops import Yield
from tilevm.ir.threads import ThreadOp
from tilevm.layout import Layout, LayoutError
from tilevm.layout.digits import holds
from tilevm.source import Span, TileError, nearest
from tilevm.symbolic import Expr, Name, Number, combine
from tilevm.types import Dim, Pointer, Scalar, Shared, Slots, Tensor, Tile, Token as Waited, Type, dtype

KINDS: dict[str, type[Op] | type[ThreadOp]] = {**OPS, **THREAD_OPS}
Node = Any  # a lark Tree or Token; lark's own types say no more


@cache
def grammar() -> Lark:
    text = Path(__file__).with_name("grammar.lark").read_text()
    return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def read_func(text: str, file: str = "<text>") -> Func:
    """The one function in ``text``. Raises TileError at the place of the first fault."""
    found = read_funcs(text, file)
    if len(found) != 1:
        raise TileError(f"one function was expected, {len(found)} stand here", Span(file, 1, 0, 1, 1))
    return found[0]


def read_funcs(text: str, file: str = "<text>") -> list[Func]:
    """Every function in ``text``, in order."""
    try:
        tree = grammar().parse(text)
    except UnexpectedInput as fault:
        line, column = max(fault.line, 1), max(fault.column, 1)
        raise TileError("this is not IR text", Span(file, line, column - 1, line, column)) from None
    nodes: list[Node] = tree.children
    reader = Reader(file)
    for node in nodes:
        if node.data == "layout":
            reader.layout(node)
    return [Reader(file, reader.layouts).func(node) for node in nodes if node.data == "func"]


class Reader:
    """Builds one function; values are known by their names from where they stand on."""

    def __init__(self, file: str, layouts: Mapping[str, Layout] | None = None) -> None:
        self.file = file
        self.values: dict[str, Value] = {}
        self.layouts: dict[str, Layout] = dict(layouts or {})

    def span(self, node: Node) -> Span:
        at: Any = node if isinstance(node, Token) else node.meta
        return Span(self.file, at.line, at.column - 1, at.end_line, at.end_column - 1)

    def func(self, node: Node) -> Func:
        symbol, params, *rest = node.children
        grid = tuple(map(expr, rest.pop(0).children)) if rest and rest[0].data == "grid" else None
        warps = rest.pop(0).children if rest and rest[0].data == "warps" else None
        body = Block(self.params(params), tuple(self.op(o) for o in rest))
        func = Func(str(symbol)[1:], body, grid, self.span(symbol))
        return replace(func, warps=int(warps[0]), target=str(warps[1])) if warps else func

    def layout(self, node: Node) -> None:
        """A name for a layout."""
        name, text = node.children
        if str(name) in self.layouts:
            raise TileError(f"{name} is defined twice", self.span(name))
        with self.placed("layout", text):
            self.layouts[str(name)] = Layout.parse(json.loads(str(text)))

    def params(self, node: Node) -> tuple[Value, ...]:
        return tuple(self.define(name, Value(self.type(kind))) for name, kind in (p.children for p in node.children))

    def define(self, token: Token, value: Value) -> Value:
        if str(token) in self.values:
            raise TileError(f"{token} is defined twice", self.span(token))
        value.hint = hint(str(token))
        self.values[str(token)] = value
        return value

    def use(self, token: Token) -> Value:
        if str(token) not in self.values:
            near = nearest(str(token), list(self.values))
            raise TileError(
                f"{token} is not defined here", self.span(token), help=f"did you mean {near}?" if near else None
            )
        return self.values[str(token)]

    def op(self, node: Node) -> Op:
        made, name, given, attrs, regions, types = node.children
        kind = KINDS.get(str(name))
        if kind is None:
            near = nearest(str(name), list(KINDS))
            raise TileError(
                f"no instruction is called {name}", self.span(name), help=f"did you mean {near}?" if near else None
            )
        fields = {**self.arguments(kind, name, given.children), **self.attributes(kind, attrs.children)}
        fields |= self.regions(kind, name, regions.children)
        said = [self.type(t) for t in types.children]
        layouts = tuple(t.layout if isinstance(t, Tile) else None for t in said)
        if any(layouts) and len(made.children) == len(said):
            fields["layouts"] = layouts
        op = self.make(kind, name, fields)
        self.check(op, name, made.children, said)
        for token, value in zip(made.children, op.results, strict=True):
            self.define(token, value)
        return op

    def make(self, kind: type[Op], name: Token, fields: dict[str, Any]) -> Op:
        with self.placed(str(name), name):
            return kind(span=self.span(name), **fields)

    @contextmanager
    def placed(self, what: str, node: Node) -> Iterator[None]:
        """Faults inside get the place of ``node``; what Python says of a wrong type is the user's fault."""
        try:
            yield
        except TypeError as fault:
            raise TileError(f"{what}: {str(fault).split('() ')[-1]}", self.span(node)) from None
        except LayoutError as fault:
            raise TileError(f"{what}: {fault}", self.span(node)) from None
        except TileError as fault:
            fault.span = fault.span or self.span(node)
            raise

    def check(self, op: Op, name: Token, made: list[Token], said: list[Type]) -> None:
        found = [r.type for r in op.results]
        if said != found or len(made) != len(found):
            yields = ", ".join(map(str, found)) or "nothing"
            raise TileError(f"{name} yields {yields}", self.span(name))

    def arguments(self, kind: type[Op], name: Token, given: list[Node]) -> dict[str, Any]:
        fields = [n for n, r in kind.roles.items() if r in (Role.OPERAND, Role.OPERANDS, Role.OPTIONAL)]
        if len(given) > len(fields):
            raise TileError(f"{name} takes {len(fields)} operands, not {len(given)}", self.span(name))
        out: dict[str, Any] = {}
        for field, node in zip(fields, given, strict=False):
            many = kind.roles[field] is Role.OPERANDS
            if (node.data == "many") is not many:
                raise TileError(f"{name}: {field} takes {'a list' if many else 'one value'}", self.span(name))
            if node.data == "none" and kind.roles[field] is not Role.OPTIONAL:
                raise TileError(f"{name}: {field} is not optional", self.span(name))
            values = tuple(self.use(t) for t in node.children)
            out[field] = values if many else values[0] if values else None
        return out

    def attributes(self, kind: type[Op], attrs: list[Node]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for node in attrs:
            name, value = node.children
            if str(name) not in kind.readers:
                raise TileError(f"{kind.name} has no attribute {name}", self.span(name))
            with self.placed(kind.name, name):
                out[str(name)] = kind.readers[str(name)](constant(value))
        return out

    def regions(self, kind: type[Op], name: Token, regions: list[Node]) -> dict[str, Any]:
        fields = [n for n, r in kind.roles.items() if r is Role.REGION]
        if len(fields) != len(regions):
            raise TileError(f"{name} has {len(fields)} regions, not {len(regions)}", self.span(name))
        return {f: self.region(r) for f, r in zip(fields, regions, strict=True)}

    def region(self, node: Node) -> Block:
        outside = dict(self.values)
        params, *ops = node.children
        block = Block(self.params(params), tuple(self.op(o) for o in ops))
        self.values = outside
        if not block.ops or not isinstance(block.end, Yield):
            raise TileError("a block ends in yield", self.span(node))
        return block

    def type(self, node: Node) -> Type:
        with self.placed(str(node.data), node):
            found: Type = TYPES[node.data]([c for c in node.children if getattr(c, "type", "") != "LAYOUT"])
        names = [c for c in node.children if getattr(c, "type", "") == "LAYOUT"]
        return lying(found, self.assigned(names[0], found)) if names else found

    def assigned(self, name: Token, found: Type) -> Layout:
        """The layout called ``name``, after checking that it holds the tile: its extents may exceed the tile's."""
        if str(name) not in self.layouts:
            near = nearest(str(name), list(self.layouts))
            raise TileError(
                f"{name} is not defined here", self.span(name), help=f"did you mean {near}?" if near else None
            )
        layout = self.layouts[str(name)]
        if isinstance(found, Tile) and not holds(layout, found.shape):
            raise TileError(f"the layout {name} is of shape {list(layout.shape)}, the tile {found}", self.span(name))
        return layout


def hint(name: str) -> str:
    """What a printed name says beyond its number."""
    stem, _, count = name[1:].rpartition(".")
    stem = stem if count.isdigit() and stem else name[1:]
    return "" if stem.isdigit() else stem


def tensor(parts: list[Node]) -> Tensor:
    name, *rest = parts
    kinds = [getattr(p, "data", "") for p in rest]
    dims = tuple(dim(p) for p in rest if p.data in ("named", "sized", "unnamed"))
    strides = tuple(int(p.children[0]) if p.data == "known" else None for p in rest if p.data in ("known", "unknown"))
    align = next((int(p.children[0]) for p in rest if p.data == "align"), 1)
    return Tensor(dtype(str(name)), dims, strides, align, "packed" in kinds)


def dim(node: Node) -> Dim:
    if node.data == "sized":
        return Dim(size=int(node.children[0]))
    words = [str(c) for c in node.children if not isinstance(c, Tree)]
    wide = any(isinstance(c, Tree) and str(c.children[0]) == "i64" for c in node.children)
    name = words.pop(0) if node.data == "named" else None
    return Dim(name=name, divisor=int(words[0]) if words else 1, wide=wide)


TYPES: dict[str, Any] = {
    "scalar": lambda p: Waited() if str(p[0]) == "token" else Scalar(dtype(str(p[0]))),
    "tile": lambda p: Tile(dtype(str(p[0])), tuple(int(n) for n in p[1:])),
    "tensor": tensor,
    "slots": lambda p: Slots(dtype(str(p[0])), tuple(int(n) for n in p[1:-1]), int(p[-1])),
    "shared": lambda p: Shared(dtype(str(p[0])), int(p[1])),
    "pointer": lambda p: Pointer(dtype(str(p[0])), int(p[1].children[0]) if len(p) > 1 else 1),
}

WORDS: dict[str, Any] = {"true": True, "false": False, "none": None}
CONSTANTS: dict[str, Any] = {
    "int": lambda c: int(c[0]),
    "float": lambda c: float(c[0]),
    "word": lambda c: WORDS.get(str(c[0]), str(c[0])),
    "string": lambda c: json.loads(str(c[0])),
    "list": lambda c: tuple(map(constant, c)),
}
SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "floordiv": "//", "mod": "%"}


def constant(node: Tree[Token]) -> Any:
    return CONSTANTS[node.data](node.children)


def expr(node: Tree[Token]) -> Expr:
    """An integer expression of the grid."""
    if node.data == "number":
        return Number(int(str(node.children[0])))
    if node.data == "name":
        return Name(str(node.children[0]))
    operator, parts = SYMBOLS.get(node.data), node.children
    if operator is None:
        operator, parts = str(parts[0]), parts[1:]
    a, b = parts
    assert isinstance(a, Tree) and isinstance(b, Tree)
    return combine(operator, expr(a), expr(b))
