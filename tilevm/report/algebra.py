"""The layout algebra as tables: constructors, methods and CuTe's functions, from their own docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tilevm import layout
from tilevm.layout import Layout

CONSTRUCTORS: Sequence[Callable[..., Any]] = (
    layout.spatial,
    layout.local,
    layout.column_spatial,
    layout.column_local,
    layout.replicate,
    layout.row_major,
    layout.column_major,
    layout.strided,
)
VIEWS: Sequence[Callable[..., Any]] = (
    Layout.permute,
    Layout.reshape,
    Layout.flatten,
    Layout.squeeze,
    Layout.unsqueeze,
    Layout.slice,
    Layout.expand,
    Layout.reduce,
)
CUTE: Sequence[Callable[..., Any]] = (
    layout.coalesce,
    layout.complement,
    layout.composition,
    layout.logical_divide,
    layout.zipped_divide,
    layout.logical_product,
    layout.left_inverse,
    layout.right_inverse,
)


def constructors() -> str:
    return table("constructor", CONSTRUCTORS)


def views() -> str:
    return table("method", VIEWS, ".")


def cute() -> str:
    return table("function", CUTE)


def table(head: str, functions: Sequence[Callable[..., Any]], front: str = "") -> str:
    """A row a function: how it is called, and the first paragraph of its docstring, up to what it raises."""
    rows = [f"| {head} | what it gives |", "| --- | --- |"]
    rows += [f"| `{front}{signature(each)}` | {told(each)} |" for each in functions]
    return "\n".join(rows)


def signature(function: Callable[..., Any]) -> str:
    """``spatial(*shape, order=None)``: without annotations and without self."""
    bare = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name != "self":
            bare.append(parameter.replace(annotation=inspect.Parameter.empty))
    return f"{function.__name__}{inspect.Signature(bare)}"


def told(function: Callable[..., Any]) -> str:
    paragraph = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    return paragraph.partition(" Raises")[0].replace("``", "`").replace("|", "\\|")
