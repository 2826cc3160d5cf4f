"""How many programs to run: numbers, or a function of dims, integer arguments and constants."""

from __future__ import annotations

import inspect
import linecache
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from tilevm.abi import pad_grid
from tilevm.source import Note, Span, TileError, nearest
from tilevm.symbolic import Expr, Name, Number, expression
from tilevm.types import Dim, DType, Scalar, Tensor, Type

Grid = int | Sequence[int] | Callable[..., Any]  # what a caller may write in kernel[...]
COUNT_LIMIT = 2**31
MEND = "a grid is one to three counts, such as tv.cdiv(M, BM) or (tv.cdiv(M, BM), tv.cdiv(N, BN))"


@dataclass(frozen=True)
class Extents:
    """A tensor as a grid function sees it: its shape and number type."""

    shape: tuple[Any, ...]
    dtype: DType

    @property
    def ndim(self) -> int:
        return len(self.shape)


def symbols(types: Mapping[str, Type], dims: Mapping[str, Sequence[Dim]]) -> dict[str, Any]:
    """What the names of a grid function stand for while it is traced, in the order of what they are bound to later.

    ``dims``: what the decorator's signature calls the dims of each tensor; they may have other names, or numbers,
    in the types.
    """
    integers = {n: Name(n) for n, t in types.items() if isinstance(t, Scalar) and t.dtype.is_integer}
    found: dict[str, Any] = {**integers}
    for name, kind in types.items():
        if isinstance(kind, Tensor):
            shape = tuple(map(extent, kind.dims))
            for said in (kind.dims, dims.get(name, ())):
                found |= {d.name: e for d, e in zip(said, shape, strict=False) if d.name is not None}
    found |= {n: Extents(tuple(map(extent, t.dims)), t.dtype) for n, t in types.items() if isinstance(t, Tensor)}
    return found | integers


def extent(dim: Dim) -> Expr:
    return Number(dim.size) if dim.size is not None else Name(str(dim.name))


def trace_grid(grid: Grid, names: Mapping[str, Any]) -> tuple[Expr, ...]:
    """The counts that a grid says, or its function gives, as expressions. Raises TileError that shows the function."""
    found = ask(grid, names) if callable(grid) else parts(grid, None)
    return tuple(expression(count if isinstance(count, Expr) else int(count)) for count in found)


def counts(grid: Grid, names: Mapping[str, Any]) -> tuple[int, int, int]:
    """The programs along x, y and z of a grid written at the call."""
    return limited(pad_grid([int(n) for n in (ask(grid, names) if callable(grid) else parts(grid, None))]))


def limited(programs: tuple[int, int, int]) -> tuple[int, int, int]:
    """``programs``, unless some axis has too many."""
    for axis, number in zip("xyz", programs, strict=True):
        if number >= COUNT_LIMIT:
            raise TileError(
                f"the grid has {number} programs along {axis}, and an axis has at most 2**31-1",
                help="give each program more to do, or spread them over two axes",
            )
    return programs


def ask(grid: Callable[..., Any], names: Mapping[str, Any]) -> list[Any]:
    """The counts that ``grid`` gives; it takes the names that it lists, or all of them with ``**_`` or as a dict."""
    where, params = place(grid), parameters(grid)
    strange = [n for n, p in params.items() if p.kind in NAMED and p.default is p.empty and n not in names]
    as_dict = bool(strange) and len(params) == 1
    if strange and not as_dict:
        raise unknown(strange[0], names, where)
    every = any(p.kind is p.VAR_KEYWORD for p in params.values())
    try:
        asked = {n: v for n, v in names.items() if every or n in params}
        return parts(grid(Names(names)) if as_dict else grid(**asked), where)
    except TileError:
        raise
    except Exception as error:  # whatever the user's function raises
        if as_dict:
            raise unknown(strange[0], names, where) from error
        message = f"the grid function fails: {type(error).__name__}: {error}"
        mend = "on dims and arguments it may use + - * // % and tv.cdiv; comparisons on constants only"
        raise TileError(message, where, help=mend) from error


def parameters(grid: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """What a grid function takes. Raises TileError for what is no function, or one that does not tell."""
    try:
        return inspect.signature(grid).parameters
    except (TypeError, ValueError):
        raise TileError(f"the grid is {grid!r}, and not a function written in Python", help=MEND) from None


NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Names(dict[str, Any]):
    """Everything that is bound, for grid functions that take one dict."""

    def __missing__(self, key: str) -> Any:
        raise unknown(key, self, None)


def unknown(name: str, names: Mapping[str, Any], where: Span | None) -> TileError:
    near, known = nearest(name, list(names)), [n for n in names if n.isidentifier()]
    return TileError(
        f"the grid function asks for {name}, which is no dim, integer argument or constant of the kernel",
        where,
        notes=[Note(f"known are {', '.join(known)}")],
        help=f"did you mean {near!r}?" if near else "name some of these and end with **_, as in lambda M, BM, **_: …",
    )


def parts(result: Any, where: Span | None) -> list[Any]:
    """One to three whole counts."""
    several = isinstance(result, Iterable) and not isinstance(result, str) and getattr(result, "ndim", 1) > 0
    found = list(result) if several else [result]
    if not 1 <= len(found) <= 3:
        raise TileError(f"the grid has {len(found)} axes", where, help=MEND)
    for count in found:
        if not isinstance(count, Expr) and not is_whole(count):
            mend = "use // or tv.cdiv, which give whole numbers" if isinstance(count, float) else MEND
            raise TileError(f"the grid holds {count!r}, which is no whole number", where, help=mend)
    return found


def is_whole(count: Any) -> bool:
    """Whether ``count`` is an integer of any kind, and no bool."""
    try:
        return not isinstance(count, bool) and operator.index(count) == count
    except (TypeError, ValueError):
        return False


def place(grid: Callable[..., Any]) -> Span | None:
    """Where the body of a grid function begins: its first line."""
    if not isinstance(grid, FunctionType):
        return None
    code = grid.__code__
    found = [p for p in code.co_positions() if None not in p and p[2] != p[3]]
    line = min((p[0] or 0 for p in found), default=code.co_firstlineno)
    on_it = [(p[2] or 0, p[3] or 0) for p in found if p[:2] == (line, line)]
    text = linecache.getline(code.co_filename, line)
    if not text or not on_it:
        return None
    begin, end = (len(text.encode()[:n].decode(errors="replace")) for n in (min(on_it)[0], max(e for _, e in on_it)))
    return Span(code.co_filename, line, begin, line, end)
