"""Python's builtins on tuples, lists and what gives their parts: list, tuple, zip, enumerate, reversed, sum, …"""

from __future__ import annotations

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Tile

from ..values import List, Range, Stream, describe, is_int, is_number
from .arguments import static_bool, static_int
from .table import implements

LONGEST = 10_000  # parts of a list; copies of a loop's body


def sequence(builder: Builder, what: str, x: object) -> tuple[object, ...]:
    """The parts of a tuple, a list, a range of compile-time ints, or a stream. Raises TileError for anything else."""
    if isinstance(x, tuple):
        return x
    if isinstance(x, Stream):
        return x.parts
    if isinstance(x, Range):
        return numbers(builder, what, x)
    tile = isinstance(x, Value) and isinstance(x.type, Tile)
    raise TileError(
        f"{what} takes a tuple, a list or a range, not {describe(x)}",
        builder.span,
        help="a tile is one value: work on all of it at once, or reduce it with tv.sum, tv.max, …" if tile else None,
    )


def numbers(builder: Builder, what: str, x: Range) -> tuple[int, ...]:
    """The ints of a range."""
    bounds = [b for b in (x.start, x.stop, x.step) if is_int(b)]
    if len(bounds) < 3:
        late = next(b for b in (x.start, x.stop, x.step) if not is_int(b))
        raise TileError(
            f"{what} needs a range of compile-time ints, and a bound of this one is {describe(late)}",
            builder.span,
            help="a for loop over the range itself runs at run time",
        )
    found = range(*bounds)
    if found:  # of a very long range there is no len
        limit(builder, f"{what}: this range", (found[-1] - found[0]) // found.step + 1)
    return tuple(found)


def limit(builder: Builder, what: str, length: int) -> None:
    """Raises TileError where a list would have too many parts."""
    if length > LONGEST:
        raise TileError(
            f"{what} would have {length} parts, and {LONGEST} is the most",
            builder.span,
            help="keep many numbers in a tile",
        )


@implements(tuple)
def to_tuple(builder: Builder, x: object = ()) -> tuple[object, ...]:
    return tuple(sequence(builder, "tuple", x))


@implements(list)
def to_list(builder: Builder, x: object = ()) -> List:
    return List(sequence(builder, "list", x))


@implements(enumerate)
def enumerated(builder: Builder, x: object, start: object = 0) -> Stream:
    begin = static_int(builder, "enumerate: the start", start)
    return Stream("an enumerate", tuple(enumerate(sequence(builder, "enumerate", x), begin)))


@implements(zip)
def zipped(builder: Builder, *sequences: object, strict: object = False) -> Stream:
    parts = [sequence(builder, "zip", s) for s in sequences]
    if static_bool(builder, "zip: strict", strict) and len({len(p) for p in parts}) > 1:
        lengths = ", ".join(str(len(p)) for p in parts)
        raise TileError(
            f"zip: the lengths are {lengths}, and strict=True asks for one",
            builder.span,
            help="give sequences of one length, or leave strict out to stop with the shortest",
        )
    return Stream("a zip", tuple(zip(*parts, strict=False)))


@implements(reversed)
def backwards(builder: Builder, x: object) -> Stream:
    return Stream("a reversed", tuple(reversed(sequence(builder, "reversed", x))))


@implements(sorted)
def in_rank(builder: Builder, x: object, reverse: object = False) -> List:
    parts = sequence(builder, "sorted", x)
    late = next((p for p in parts if not is_number(p)), None)
    if late is not None:
        raise TileError(
            f"sorted takes compile-time numbers, not {describe(late)}",
            builder.span,
            help="tv.sort sorts the elements of a tile",
        )
    backward = static_bool(builder, "sorted: reverse", reverse)
    return List(sorted((p for p in parts if is_number(p)), reverse=backward))
