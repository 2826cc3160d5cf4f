"""Functions for machines without threads."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite


def forget(func: Func) -> Func:
    """``func`` without what it says of layouts: where one program is one thread, they mean nothing."""
    return rewrite(func, rule)


def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
    return [op.x] if isinstance(op, ops.SetLayout | ops.Convert) else None
