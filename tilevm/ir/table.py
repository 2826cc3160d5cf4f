"""A table of rules, one a class of instruction: how every consumer of the IR finds what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from tilevm.ir.core import OPS, Op

P = ParamSpec("P")
R = TypeVar("R")
AnOp = TypeVar("AnOp", bound=Op)
OtherOp = TypeVar("OtherOp", bound=Op)
Rule = Callable[Concatenate[AnOp, P], R]


class Table(Generic[P, R]):
    """Rules for a purpose. A rule for a family serves its members that have no rule of their own."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self._rules: dict[type[Op], Callable[..., R]] = {}
        self._found: dict[type[Op], Callable[..., R] | None] = {}  # the answers of find

    @overload
    def rule(self, kind: type[AnOp], /) -> Callable[[Rule[AnOp, P, R]], Rule[AnOp, P, R]]: ...
    @overload
    def rule(
        self, a: type[AnOp], b: type[OtherOp], /
    ) -> Callable[[Rule[AnOp | OtherOp, P, R]], Rule[AnOp | OtherOp, P, R]]: ...
    @overload
    def rule(
        self, a: type[Op], b: type[Op], c: type[Op], /, *rest: type[Op]
    ) -> Callable[[Rule[Any, P, R]], Rule[Any, P, R]]: ...
    def rule(self, *kinds: type[Op]) -> Callable[[Callable[..., R]], Callable[..., R]]:
        """Decorates the rule for these instructions or families."""

        def add(fn: Callable[..., R]) -> Callable[..., R]:
            for kind in kinds:
                assert kind not in self._rules, f"{self.purpose}: two rules for {kind.__name__}"
                self._rules[kind] = fn
            self._found.clear()
            return fn

        return add

    def find(self, kind: type[Op]) -> Callable[..., R] | None:
        """The rule of the class, or of the nearest family above it."""
        if kind not in self._found:
            self._found[kind] = next((self._rules[c] for c in kind.__mro__ if c in self._rules), None)
        return self._found[kind]

    def __call__(self, op: Op, *args: P.args, **kwargs: P.kwargs) -> R:
        rule: Any = self.find(type(op))
        assert rule is not None, f"{self.purpose}: no rule for {op.name}"
        found: R = rule(op, *args, **kwargs)
        return found

    def __contains__(self, kind: type[Op]) -> bool:
        return self.find(kind) is not None

    def missing(self, kinds: Iterable[type[Op]] | None = None) -> set[str]:
        """Names of the instructions without a rule."""
        wanted = OPS.values() if kinds is None else kinds
        return {k.name for k in wanted if self.find(k) is None}
