"""The IR read back from text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, UnexpectedInput

from tilevm.ir import OPS, THREAD_OPS, Block, Func, Op, Role, Value
from tilevm.ir.core import lying
from tilevm.ir.ops import Yield
from tilevm.ir.threads import ThreadOp
from tilevm.layout import Layout, LayoutError
from tilevm.layout.digits import holds
from tilevm.source import Span, TileError, nearest
from tilevm.symbolic import Expr
from tilevm.text.constants import Node, constant, expr, string
from tilevm.text.form import TOLD, fits, form, hints, required
from tilevm.text.print import constant as written
from tilevm.text.surprise import mend
from tilevm.text.types import positive, read_type
from tilevm.types import Tile, Type

KINDS: dict[str, type[Op] | type[ThreadOp]] = {**OPS, **THREAD_OPS}
AXES = 3  # of a grid, at most
LAYOUTS = 'a layout is written as in "4:1@reg 8:1@thread"; `tilevm layout` draws one'


@cache
def grammar() -> Lark:
    text = Path(__file__).with_name("grammar.lark").read_text()
    return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def read_func(text: str, file: str = "<text>") -> Func:
    """The one function in ``text``. Raises TileError at the place of the first fault."""
    found = read_funcs(text, file)
    if len(found) != 1:
        help = "leave one function in the text; read_funcs reads several"
        raise TileError(f"one function was expected, {len(found)} stand here", Span(file, 1, 0, 1, 1), help=help)
    return found[0]


def read_funcs(text: str, file: str = "<text>") -> list[Func]:
    """Every function in ``text``, in order."""
    try:
        tree = grammar().parse(text)
    except UnexpectedInput as fault:
        line, column = max(fault.line, 1), max(fault.column, 1)
        place = Span(file, line, column - 1, line, column)
        raise TileError("this is not IR text", place, help=mend(fault, grammar())) from None
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
        symbol = node.children[0]
        try:
            return self.read(*node.children)
        except RecursionError:
            help = "let fewer brackets, sums and regions stand in each other"
            raise TileError(f"{symbol} nests deeper than Python's stack", self.span(symbol), help=help) from None

    def read(self, symbol: Token, params: Node, *others: Node) -> Func:
        rest = list(others)
        grid = self.grid(rest.pop(0)) if rest and rest[0].data == "grid" else None
        warps = rest.pop(0) if rest and rest[0].data == "warps" else None
        body = Block(self.params(params), tuple(self.op(o) for o in rest))
        func = Func(str(symbol)[1:], body, grid, self.span(symbol))
        if warps is None:
            return func
        count, target = warps.children
        with self.placed("warps", count):
            return replace(func, warps=positive(count, "a count of warps"), target=str(target))

    def grid(self, node: Node) -> tuple[Expr, ...]:
        if len(node.children) > AXES:
            help = "give one axis to what two counted: their product, taken apart with // and %"
            raise TileError(f"a grid has {AXES} axes at most, not {len(node.children)}", self.span(node), help=help)
        with self.placed("grid", node):
            return tuple(map(expr, node.children))

    def layout(self, node: Node) -> None:
        """A name for a layout."""
        name, text = node.children
        if str(name) in self.layouts:
            raise self.twice(name)
        with self.placed("layout", text):
            self.layouts[str(name)] = Layout.parse(string(text))

    def params(self, node: Node) -> tuple[Value, ...]:
        return tuple(self.define(name, Value(self.type(kind))) for name, kind in (p.children for p in node.children))

    def define(self, token: Token, value: Value) -> Value:
        if str(token) in self.values:
            raise self.twice(token)
        value.hint = hint(str(token))
        self.values[str(token)] = value
        return value

    def twice(self, name: Token) -> TileError:
        return TileError(f"{name} is defined twice", self.span(name), help="give one of the two another name")

    def unknown(self, name: Token, known: Iterable[str], message: str, otherwise: str) -> TileError:
        """That nothing is called ``name``: what it may have meant, or what to do otherwise."""
        near = nearest(str(name), list(known))
        return TileError(message, self.span(name), help=f"did you mean {near}?" if near else otherwise)

    def use(self, token: Token) -> Value:
        if str(token) not in self.values:
            otherwise = "a value is made before it is taken, in the same block or in one around it"
            raise self.unknown(token, self.values, f"{token} is not defined here", otherwise)
        return self.values[str(token)]

    def op(self, node: Node) -> Op:
        made, name, given, attrs, regions, types = node.children
        kind = KINDS.get(str(name))
        if kind is None:
            raise self.unknown(name, KINDS, f"no instruction is called {name}", "docs/ir.md lists all instructions")
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
        if missing := next((field for field in required(kind) if field not in fields), None):
            raise self.formless(kind, name, f"{name}: {missing} is missing")
        with self.placed(str(name), name):
            return kind(span=self.span(name), **fields)

    def formless(self, kind: type[Op], at: Token, message: str) -> TileError:
        """That an instruction is not written as its kind is."""
        return TileError(message, self.span(at), help=f"it is written {form(kind)}")

    @contextmanager
    def placed(self, what: str, node: Node) -> Iterator[None]:
        """Faults inside get the place of ``node``."""
        try:
            yield
        except LayoutError as fault:
            raise TileError(f"{what}: {fault}", self.span(node), help=LAYOUTS) from None
        except TileError as fault:
            fault.span = fault.span or self.span(node)
            raise

    def check(self, op: Op, name: Token, made: list[Token], said: list[Type]) -> None:
        found = [r.type for r in op.results]
        if said == found and len(made) == len(found):
            return
        types = ", ".join(map(str, found))
        names = ", ".join(f"%{i}" for i in range(len(found))) if len(made) != len(found) else ", ".join(made)
        help = f"write {names} = {name} … : {types}" if found else f"write {name} without a result and its type"
        raise TileError(f"{name} yields {types or 'nothing'}", self.span(name), help=help)

    def arguments(self, kind: type[Op], name: Token, given: list[Node]) -> dict[str, Any]:
        fields = [n for n, r in kind.roles.items() if r in (Role.OPERAND, Role.OPERANDS, Role.OPTIONAL)]
        if len(given) > len(fields):
            raise self.formless(kind, name, f"{name} takes {len(fields)} operands, not {len(given)}")
        out: dict[str, Any] = {}
        for field, node in zip(fields, given, strict=False):
            many = kind.roles[field] is Role.OPERANDS
            if (node.data == "many") is not many:
                raise self.formless(kind, name, f"{name}: {field} takes {'a list' if many else 'one value'}")
            if node.data == "none" and kind.roles[field] is not Role.OPTIONAL:
                raise self.formless(kind, name, f"{name}: {field} is not optional")
            values = tuple(self.use(t) for t in node.children)
            out[field] = values if many else values[0] if values else None
        return out

    def attributes(self, kind: type[Op], attrs: list[Node]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for node in attrs:
            name, value = node.children
            if str(name) not in kind.readers:
                has = f"it has {', '.join(kind.readers)}" if kind.readers else "it has none: leave the braces out"
                raise self.unknown(name, kind.readers, f"{kind.name} has no attribute {name}", has)
            if str(name) in out:
                raise TileError(f"{kind.name}: {name} is given twice", self.span(name), help="leave one of the two")
            with self.placed(kind.name, name):
                out[str(name)] = kind.readers[str(name)](self.attribute(kind, name, constant(value)))
        return out

    def attribute(self, kind: type[Op], name: Token, value: Any) -> Any:
        """``value``, after checking that it is what the attribute holds."""
        wanted = hints(kind)[str(name)]
        if not fits(value, wanted):
            what, example = TOLD[wanted]
            message = f"{kind.name}: {name} is {what}, not {'none' if value is None else written(value)}"
            raise TileError(message, self.span(name), help=f"write it as in {name} = {example}")
        return value

    def regions(self, kind: type[Op], name: Token, regions: list[Node]) -> dict[str, Any]:
        fields = [n for n, r in kind.roles.items() if r is Role.REGION]
        if len(fields) != len(regions):
            raise self.formless(kind, name, f"{name} has {len(fields)} regions, not {len(regions)}")
        return {f: self.region(r) for f, r in zip(fields, regions, strict=True)}

    def region(self, node: Node) -> Block:
        outside = dict(self.values)
        params, *ops = node.children
        block = Block(self.params(params), tuple(self.op(o) for o in ops))
        self.values = outside
        if not block.ops or not isinstance(block.end, Yield):
            help = "write yield [] as its last line, with the values that the block hands on"
            raise TileError("a block ends in yield", self.span(node), help=help)
        return block

    def type(self, node: Node) -> Type:
        with self.placed(str(node.data), node):
            found = read_type(node.data, [c for c in node.children if getattr(c, "type", "") != "LAYOUT"])
        names = [c for c in node.children if getattr(c, "type", "") == "LAYOUT"]
        return lying(found, self.assigned(names[0], found)) if names else found

    def assigned(self, name: Token, found: Type) -> Layout:
        """The layout called ``name``, after checking that it holds the tile: its extents may exceed the tile's."""
        if str(name) not in self.layouts:
            otherwise = f'name it in a line of its own: layout {name} = "…"'
            raise self.unknown(name, self.layouts, f"{name} is not defined here", otherwise)
        layout = self.layouts[str(name)]
        if isinstance(found, Tile) and not holds(layout, found.shape):
            raise TileError(
                f"the layout {name} is of shape {list(layout.shape)}, the tile {found}",
                self.span(name),
                help="give it a layout of as many dimensions, whose extents are the tile's or more",
            )
        return layout


def hint(name: str) -> str:
    """What a printed name says beyond its number."""
    stem, _, count = name[1:].rpartition(".")
    stem = stem if count.isdigit() and stem else name[1:]
    return "" if stem.isdigit() else stem
