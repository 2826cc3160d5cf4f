"""Two tables, of statements and of expressions: a class of syntax node, and the function that traces it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .frame import Frame
from .unsupported import refusal

R = TypeVar("R")
Rule = TypeVar("Rule", bound=Callable[..., Any])


class NodeTable(Generic[R]):
    """One function a class of node. What has no row is refused with the way round it."""

    def __init__(self) -> None:
        self._rules: dict[type[ast.AST], Callable[[Any, Frame], R]] = {}

    def rule(self, *kinds: type[ast.AST]) -> Callable[[Rule], Rule]:
        """Decorates the function that traces these nodes."""

        def add(fn: Rule) -> Rule:
            for kind in kinds:
                assert kind not in self._rules, f"two rules for {kind.__name__}"
                self._rules[kind] = fn
            return fn

        return add

    def __call__(self, node: ast.AST, frame: Frame) -> R:
        rule = self._rules.get(type(node))
        if rule is None:
            message, help = refusal(node)
            raise frame.error(message, node, help=help)
        with frame.at(node):
            return rule(node, frame)

    def __contains__(self, kind: type[ast.AST]) -> bool:
        return kind in self._rules


statement: NodeTable[None] = NodeTable()
expression: NodeTable[object] = NodeTable()
