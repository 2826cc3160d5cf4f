"""What kernels tell for debugging, left out."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Func, Op, Value, ops, threads
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.passes.dce import drop_unused

TELLING = (ops.Print, ops.Assert, threads.Tell, threads.Check)


def sites(func: Func) -> list[Op]:
    """The instructions that print or assert, in order."""
    return [op for op in walk(func.body) if isinstance(op, TELLING)]


def quiet(func: Func) -> Func:
    """``func`` without them, and without what only they need."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        return () if isinstance(op, TELLING) else None

    return drop_unused(rewrite(func, rule)) if sites(func) else func
