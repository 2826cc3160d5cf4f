"""What the native backend does not take, told before any code is made."""

from __future__ import annotations

from tilevm.ir import Func
from tilevm.ir.rewrite import walk
from tilevm.source import Span, TileError
from tilevm.types import DType, Kind, Pointer, Scalar, Tensor, Tile, Type, f16

from .host import Host

FLOATS = ("f16", "bf16", "f32", "f64")


def check(func: Func, here: Host) -> None:
    """Raises TileError at the first value of a number type that has no native form yet, or none on this host."""
    for param in func.params:
        native(param.type, func.span, here)
    for op in walk(func.body):
        for value in op.results:
            native(value.type, op.span, here)


def native(kind: Type, span: Span | None, here: Host) -> None:
    assert isinstance(kind, Scalar | Tile | Tensor | Pointer)
    if kind.dtype == f16 and not here.has_f16:
        raise TileError(f"{here.name} cannot convert f16", span, help="use bf16 or f32, or device='vm'")
    if not is_native(kind.dtype):
        raise TileError(
            f"the cpu does not compute in {kind.dtype} yet",
            span,
            help=f"bool, integers of 8 to 64 bits and {', '.join(FLOATS)} do; device='vm' takes every type",
        )


def is_native(dtype: DType) -> bool:
    if dtype.kind is Kind.FLOAT:
        return dtype.name in FLOATS
    return dtype.kind is Kind.BOOL or dtype.bits in (8, 16, 32, 64)
