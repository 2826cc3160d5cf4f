"""What the native backend does not take, told before any code is made."""

from __future__ import annotations

from tilevm.ir import Func
from tilevm.ir.rewrite import walk
from tilevm.source import Span, TileError
from tilevm.types import Pointer, Scalar, Tensor, Tile, Type, f16

from .host import Host


def check(func: Func, here: Host) -> None:
    """Raises TileError at the first value of a number type that this host does not have."""
    for param in func.params:
        native(param.type, func.span, here)
    for op in walk(func.body):
        for value in op.results:
            native(value.type, op.span, here)


def native(kind: Type, span: Span | None, here: Host) -> None:
    assert isinstance(kind, Scalar | Tile | Tensor | Pointer)
    if kind.dtype == f16 and not here.has_f16:
        raise TileError(f"{here.name} cannot convert f16", span, help="use bf16 or f32, or device='vm'")
