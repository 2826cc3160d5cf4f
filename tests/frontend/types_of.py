"""Types for parameters, by the names the tests give them."""

from collections.abc import Callable
from typing import Any

from tilevm.frontend.trace import trace
from tilevm.ir import Func
from tilevm.types import Dim, DType, Pointer, Scalar, Tensor, Type, bool_, f16, f32, i32, u32


def tensor(dtype: DType, *dims: str | int) -> Tensor:
    """A row-major tensor; a dim is a name or a number."""
    made = tuple(Dim(name=d) if isinstance(d, str) else Dim(size=d) for d in dims)
    return Tensor(dtype, made, (None,) * (len(dims) - 1) + (1,))


TYPES: dict[str, Type] = {
    "x": tensor(f32, "N"),
    "y": tensor(f32, "N"),
    "z": tensor(f32, "N"),
    "a": tensor(f16, "M", "K"),
    "b": tensor(f16, "K", "N"),
    "c": tensor(f16, "M", "N"),
    "p": Pointer(f32),
    "n": Scalar(i32),
    "u": Scalar(u32),
    "s": Scalar(f32),
    "flag": Scalar(bool_),
}


def traced(kernel: Callable[..., Any], types: dict[str, Type] | None = None, **constants: object) -> Func:
    """``kernel`` on parameters typed by their names."""
    code = kernel.__code__
    known = {**TYPES, **(types or {})}
    return trace(kernel, {n: known[n] for n in code.co_varnames[: code.co_argcount] if n in known}, constants)
