"""Values written one after another, some of them as ``*xs``: of calls, tuples and lists."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .calls.sequences import sequence
from .dispatch import expression
from .frame import Frame


def written(nodes: list[ast.expr], frame: Frame) -> Iterator[tuple[ast.expr, object]]:
    """Each value and where it is written; ``*xs`` gives the parts of xs."""
    for node in nodes:
        if isinstance(node, ast.Starred):
            with frame.at(node.value):
                yield from ((node, part) for part in sequence(frame.builder, "*", expression(node.value, frame)))
        else:
            yield node, expression(node, frame)
