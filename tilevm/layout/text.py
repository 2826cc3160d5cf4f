"""Reading the text of a layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import NoReturn, TypeAlias, TypeVar

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from tilevm.layout.error import LayoutError
from tilevm.layout.mode import MEM, Mode, Modes
from tilevm.layout.xor import HIGHEST_BIT, Swizzle, Xor

T = TypeVar("T")
Tree: TypeAlias = tuple[tuple[T, ...], ...]  # items, and what stands in each at any depth
Stride: TypeAlias = tuple[Token, Token | None]  # with its axis
Group: TypeAlias = Tree[tuple[Token, Stride]]
Flip: TypeAlias = tuple[Token, tuple[int, int]]  # where it stands; target and sources
Parts: TypeAlias = tuple[tuple[Modes, ...], Modes, Xor]  # dims, replicas and swizzle


def read(text: str) -> Parts:
    """The dims, replicas and swizzle that ``text`` spells. Raises LayoutError with the position of what is wrong."""
    if not isinstance(text, str):
        raise TypeError(f"the text of a layout is a str, not {type(text).__name__}")
    quickly = printed(text)
    if quickly is not None:
        return quickly
    try:
        return parser().parse(text)  # type: ignore[return-value]  # the reader makes Parts of the tree
    except UnexpectedInput as unexpected:
        found, position = surprise(unexpected, text)
    fail(position, f"unexpected {found} after {text[:position][-20:]!r}")


RUN = re.compile(r"(?:\((\d+(?:,\d+)*)\)|(\d+)):(?:\((\d+@[a-z]+(?:,\d+@[a-z]+)*)\)|(\d+@[a-z]+)|(0))", re.ASCII)
ROW = re.compile(r"\d+(?:\^\d+)+", re.ASCII)
FEW = 1 << 12  # characters


def printed(text: str) -> Parts | None:
    """What ``str`` printed, read ten times as fast as by the grammar; None for anything else, mistakes among it."""
    dims: list[Modes] = []
    replicas: Modes = ()
    rows: list[tuple[int, int]] = []
    if len(text) > FEW:
        return None
    words = iter(text.split(" "))
    try:
        for word in words:
            if word == "rep":
                replicas = plain_run(next(words))
            elif word == "xor":
                rows = [plain_row(row) for row in words]
                if not rows:
                    return None
            else:
                if replicas:
                    return None
                dims.append(plain_run(word))
        return tuple(dims), replicas, Xor(tuple(rows))
    except (ValueError, StopIteration):  # a LayoutError among them: the grammar tells the place
        return None


def plain_run(word: str) -> Modes:
    """The modes of one group. Raises ValueError for anything but what ``spell`` gives."""
    found = RUN.fullmatch(word)
    if found is None:
        raise ValueError(word)
    extents = (found[1] or found[2]).split(",")
    if found[5]:
        return () if extents == ["1"] else plain_run("")
    strides = (found[3] or found[4]).split(",")
    return tuple(
        Mode(int(extent), axis, int(stride))
        for extent, (stride, axis) in zip(extents, (part.split("@") for part in strides), strict=True)
    )


def plain_row(word: str) -> tuple[int, int]:
    """A bit and the mask of those that flip it."""
    if not ROW.fullmatch(word):
        raise ValueError(word)
    target, *sources = map(int, word.split("^"))
    if len(set(sources)) < len(sources) or max(sources) > HIGHEST_BIT:
        raise ValueError(word)
    return target, sum(1 << source for source in sources)


@cache
def parser() -> Lark:
    """Built once, when a text is first read."""
    grammar = files("tilevm.layout").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="layout", parser="lalr", transformer=Reader(), maybe_placeholders=True)


def surprise(unexpected: UnexpectedInput, text: str) -> tuple[str, int | None]:
    """What the parser met, and where."""
    if isinstance(unexpected, UnexpectedCharacters):
        return repr(unexpected.char), unexpected.pos_in_stream
    if isinstance(unexpected, UnexpectedToken) and unexpected.token.type != "$END":
        return repr(str(unexpected.token)), unexpected.token.start_pos
    return "end", len(text)


def fail(position: int | None, message: str) -> NoReturn:
    raise LayoutError(f"layout text, character {(position or 0) + 1}: {message}")


class Reader(Transformer[Token, Parts]):
    """From tokens to dims and replicas, while the parser runs; so no depth of brackets exhausts the stack."""

    def extent(self, children: list[Token]) -> Tree[Token]:
        return ((children[0],),)

    def stride(self, children: list[Token]) -> Tree[Stride]:
        return (((children[0], children[1]),),)

    def extents(self, children: list[Tree[T]]) -> Tree[T]:
        return tuple(tuple(chain.from_iterable(child)) for child in children if child is not None)

    strides = extents

    def group(self, children: tuple[Tree[Token], Token, Tree[Stride]]) -> Group:
        extents, colon, strides = children
        if [len(item) for item in extents] != [len(item) for item in strides]:
            fail(colon.start_pos, "the extents and strides beside it differ in form")
        return tuple(tuple(zip(*pair, strict=True)) for pair in zip(extents, strides, strict=True))

    def replicas(self, children: list[Group]) -> Replicas:
        return Replicas(modes(children[0]))

    def swizzle(self, children: list[Token | None]) -> Xor:
        start, *numbers = [child for child in children if child is not None]
        return placed(start, lambda: Swizzle(*map(int, numbers[:3])))

    def flip(self, children: list[Token]) -> Flip:
        target, *sources = map(int, children)
        if max(sources) > HIGHEST_BIT:
            fail(children[0].start_pos, f"xor bits must be in 0 … {HIGHEST_BIT - 1}")
        if len(set(sources)) < len(sources):
            fail(children[0].start_pos, "a source bit stands twice")
        return children[0], (target, sum(1 << source for source in sources))

    def flips(self, children: list[Flip]) -> Xor:
        return placed(children[0][0], lambda: Xor(tuple(row for _, row in children)))

    def layout(self, children: Sequence[Group | Replicas | Xor]) -> Parts:
        groups = [child for child in children if isinstance(child, tuple) and not isinstance(child, Replicas)]
        replicas = next((child for child in children if isinstance(child, Replicas)), Replicas())
        xors = [child for child in children if isinstance(child, Xor)]
        if len(groups) == 1 and is_cute(groups[0]):
            runs = tuple(modes((item,), MEM) for item in groups[0])
        else:
            runs = tuple(modes(group) for group in groups)
        xor = Xor()
        for found in xors:
            xor = xor.then(found)
        return runs, tuple(replicas), xor


class Replicas(tuple[Mode, ...]):
    """The modes behind ``rep``, told from the groups of the dims by their class."""


def placed(token: Token, build: Callable[[], Xor]) -> Xor:
    """What ``build`` gives, a refusal with its place."""
    try:
        return build()
    except LayoutError as error:
        fail(token.start_pos, str(error))


def is_cute(group: Group) -> bool:
    """Whether no stride names an axis."""
    return not any(axis for item in group for _, (_, axis) in item)


def modes(group: Group, default: str | None = None) -> Modes:
    return tuple(mode(extent, stride, axis or default) for item in group for extent, (stride, axis) in item)


def mode(extent: Token, stride: Token, axis: str | None) -> Mode:
    """One mode. A unit needs no axis, for it moves on none."""
    if axis is None and int(extent) != 1:
        fail(stride.start_pos, f"stride {stride} needs an axis, as in {stride}@{MEM}")
    try:
        return Mode(int(extent), str(axis or MEM), int(stride))
    except LayoutError as error:
        fail(extent.start_pos, str(error))
