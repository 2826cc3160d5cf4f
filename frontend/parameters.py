"""Parameters of kernels and helpers: which are compile-time, and what stands for those left out."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType

from .captures import dotted, follow
from .language import constexpr
from .reading import plain_function


def constexprs(function: Callable[..., object]) -> frozenset[str]:
    """The parameters annotated ``tv.constexpr``, whether annotations are objects or text."""
    known = plain_function(function)
    return frozenset(n for n, a in known.__annotations__.items() if n != "return" and marks(a, known))


def marks(annotation: object, function: FunctionType) -> bool:
    """Whether an annotation is ``tv.constexpr``."""
    if not isinstance(annotation, str):
        return annotation is constexpr
    try:
        chain = dotted(ast.parse(annotation, mode="eval").body)
    except SyntaxError:
        return False
    return bool(chain) and (follow(function, chain) is constexpr or chain[-1] == "constexpr")
