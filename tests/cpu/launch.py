"""IR text run on the CPU backend."""

from typing import Any

import numpy as np

from tilevm.driver import compile_func, place
from tilevm.runtime.arguments import read
from tilevm.text import read_func


def run(text: str, grid: tuple[int, int, int], *args: Any, device: str = "cpu") -> None:
    """Compile the function in ``text`` and run it on numpy arrays and numbers."""
    built = compile_func(read_func(text), place(device))
    arguments = [read(value, f"argument {n}")[0] for n, value in enumerate(args)]
    built.artifact.launch(grid, arguments)


def vector(dtype: str, size: int = 64) -> str:
    """The type of a 1-d tensor argument."""
    return f"tensor<{dtype}[{size}], strides=[1]>"


def unary(op: str, x: np.ndarray, dtype: str, device: str = "cpu") -> np.ndarray:
    """``op`` of every element, through a kernel of one program."""
    out = np.empty_like(x)
    kind = vector(dtype, x.size)
    text = f"""
    func @f(%x: {kind}, %y: {kind}) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %t = load %x, [%0] {{shape = [{x.size}]}} : {dtype}[{x.size}]
      %r = {op} %t : {dtype}[{x.size}]
      store %y, %r, [%0]
      yield []
    }}"""
    run(text, (1, 1, 1), x, out, device=device)
    return out


def binary(op: str, x: np.ndarray, y: np.ndarray, dtype: str, out_dtype: str = "", device: str = "cpu") -> np.ndarray:
    """``x op y`` for every element; ``out_dtype`` where the result has another type."""
    to = out_dtype or dtype
    out = np.empty(x.shape, bool if to == "bool" else x.dtype)
    text = f"""
    func @f(%x: {vector(dtype, x.size)}, %y: {vector(dtype, x.size)}, %z: {vector(to, x.size)}) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %a = load %x, [%0] {{shape = [{x.size}]}} : {dtype}[{x.size}]
      %b = load %y, [%0] {{shape = [{x.size}]}} : {dtype}[{x.size}]
      %r = {op} %a, %b : {to}[{x.size}]
      store %z, %r, [%0]
      yield []
    }}"""
    run(text, (1, 1, 1), x, y, out, device=device)
    return out
