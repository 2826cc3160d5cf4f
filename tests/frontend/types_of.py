"""Kernels traced on parameters whose types follow from the names that the tests give them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tilevm.frontend.trace import trace
from tilevm.ir import Func
from tilevm.text import print_func, read_func
from tilevm.types import Dim, DType, Pointer, Scalar, Tensor, Type, bool_, f16, f32, i32, u32

GOLDEN = Path(__file__).parent / "golden"


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


def check_text(kernel: Callable[..., Any], golden: Callable[[Path, str], None]) -> None:
    """The kernel's text is read back as it was printed, and equals its golden file."""
    text = print_func(traced(kernel))
    assert print_func(read_func(text)) == text
    golden(GOLDEN / f"{kernel.__name__}.tvm", text)


def traced(kernel: Callable[..., Any], types: dict[str, Type] | None = None, **constants: object) -> Func:
    """``kernel`` on parameters typed by their names."""
    code = kernel.__code__
    known = {**TYPES, **(types or {})}
    return trace(kernel, {n: known[n] for n in code.co_varnames[: code.co_argcount] if n in known}, constants)
