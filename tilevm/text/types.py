"""Types of the text form, refused where no value could be of them."""

from __future__ import annotations

from typing import Any

from lark import Tree

from tilevm.source import TileError
from tilevm.text.constants import Node, whole
from tilevm.types import Dim, Pointer, Scalar, Shared, Slots, Tensor, Tile, Token, Type, dtype


def read_type(data: str, parts: list[Node]) -> Type:
    """The type that a node of the syntax tree called ``data`` says. Raises TileError, without a place."""
    found: Type = TYPES[data](parts)
    return found


def positive(token: object, what: str, least: int = 1) -> int:
    """A whole number from ``least`` on."""
    number = whole(token)
    if number < least:
        raise TileError(f"{what} is a number from {least} on, not {number}", help=f"write {least} or more")
    return number


def extents(tokens: list[Node]) -> tuple[int, ...]:
    return tuple(positive(token, "an extent") for token in tokens)


def tensor(parts: list[Node]) -> Tensor:
    name, *rest = parts
    dims = tuple(dim(p) for p in rest if p.data in ("named", "sized", "unnamed"))
    strides = tuple(whole(p.children[0]) if p.data == "known" else None for p in rest if p.data in ("known", "unknown"))
    if len(dims) != len(strides):
        help = "give one stride a dimension, _ where only the launch knows it"
        raise TileError(f"a tensor of {len(dims)} dimensions has {len(strides)} strides", help=help)
    align = next((p.children[0] for p in rest if p.data == "align"), 1)
    said = {p.data for p in rest}
    return Tensor(dtype(str(name)), dims, strides, positive(align, "align"), "packed" in said, "small" in said)


def dim(node: Node) -> Dim:
    if node.data == "sized":
        return Dim(size=positive(node.children[0], "an extent of a tensor", 0))
    words = [str(c) for c in node.children if not isinstance(c, Tree)]
    widths = [str(c.children[0]) for c in node.children if isinstance(c, Tree)]
    if widths not in ([], ["i64"]):
        help = "write :i64 for an extent that may exceed i32, and nothing for one that may not"
        raise TileError(f"an extent is i32 or i64, not {widths[0]}", help=help)
    name = words.pop(0) if node.data == "named" else None
    return Dim(name=name, divisor=positive(words[0], "a divisor") if words else 1, wide=bool(widths))


TYPES: dict[str, Any] = {
    "scalar": lambda p: Token() if str(p[0]) == "token" else Scalar(dtype(str(p[0]))),
    "tile": lambda p: Tile(dtype(str(p[0])), extents(p[1:])),
    "tensor": tensor,
    "slots": lambda p: Slots(dtype(str(p[0])), extents(p[1:-1]), positive(p[-1], "a count of slots")),
    "shared": lambda p: Shared(dtype(str(p[0])), positive(p[1], "a count of elements")),
    "pointer": lambda p: Pointer(dtype(str(p[0])), positive(p[1].children[0], "align") if len(p) > 1 else 1),
}
