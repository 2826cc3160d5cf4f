"""Which names may still be read from a place on, told from the text alone."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache

from .exits import Target
from .reading import in_order, stores

Names = frozenset[str]
NOWHERE = Target(frozenset(), frozenset())


class Flow:
    """For each statement of a function, the names that may be read after it; for each loop, where its exits lead."""

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self.after: dict[ast.stmt, Names] = {}
        self.targets: dict[ast.stmt, Target] = {}
        self.block(body, frozenset(), NOWHERE)

    def block(self, statements: Sequence[ast.stmt], out: Names, target: Target) -> Names:
        """The names read from the start of ``statements`` on, where those of ``out`` are read after them."""
        for node in reversed(statements):
            self.after[node] = out
            out = self.before(node, out, target)
        return out

    def before(self, node: ast.stmt, out: Names, target: Target) -> Names:
        """The names read from before ``node`` on."""
        match node:
            case ast.If():
                sides = self.block(node.body, out, target) | self.block(node.orelse, out, target)
                return read_in(node.test) | sides
            case ast.For() | ast.While():
                return self.loop(node, out)
            case ast.Break():
                return target.after
            case ast.Continue():
                return target.again
            case ast.Return():
                return read_in(node)
        return (out - set(stores(node))) | read_in(node)

    def loop(self, node: ast.For | ast.While, out: Names) -> Names:
        """What is read at the head of a loop is read after each pass too, so this is sought until it stays."""
        test = read_in(node.test) if isinstance(node, ast.While) else frozenset()
        bound = set(stores(node.target)) if isinstance(node, ast.For) else set[str]()
        over = read_in(node.iter) if isinstance(node, ast.For) else frozenset()
        head = out | test
        while True:
            target = self.targets[node] = Target(out, head)
            found = head | (self.block(node.body, head, target) - bound)
            if found == head:
                return head | over
            head = found


@lru_cache(maxsize=4096)
def read_in(node: ast.AST) -> Names:
    """The names that ``node`` reads; an augmented assignment reads what it changes."""
    changed = node.target.id if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) else None
    read = {n.id for n in in_order(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return frozenset(read | {changed} if changed else read)
