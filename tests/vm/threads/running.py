"""Thread-level functions, as text, run on the reference machine."""

from typing import Any

import numpy as np
import pytest

from tilevm.abi import KernelAbi
from tilevm.backend import Argument
from tilevm.backends.vm import backend
from tilevm.backends.vm.threads import HazardError, ThreadRun
from tilevm.ir.verify import verify
from tilevm.runtime.arguments import read
from tilevm.text import read_func

Grid = tuple[int, int, int]
XY = "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[N], strides=[1]>"
BOX = """  %b = shared {of = i32, count = 128} : shared<i32[128]>
  %32 = constant {value = 32, of = i32} : i32
  %63 = constant {value = 63, of = i32} : i32
  %1 = constant {value = 1, of = i32} : i32
  %4 = constant {value = 4, of = i32} : i32
  %u = xor %t, %32 : i32
  %other = splat %u {shape = [1]} : i32[1]
  %q = mul %t, %4 : i32
  %four = splat %q {shape = [1]} : i32[1]
  %low = floordiv %t, %32 : i32
  %warp = splat %low {shape = [1]} : i32[1]
  %0 = numbers {values = [0], of = i32} : i32[1]
  %first = eq %tt, %0 : bool[1]
"""


def compiled(text: str) -> ThreadRun:
    func = verify(read_func(text, "<test>"))
    run = backend.compile(func, KernelAbi.of(func))
    assert isinstance(run, ThreadRun)
    return run


def arguments(args: tuple[Any, ...]) -> list[Argument]:
    return [read(value, f"argument {n}")[0] for n, value in enumerate(args)]


def run(text: str, *args: Any, grid: Grid = (1, 1, 1)) -> None:
    """Run the function in ``text`` on numpy arrays and numbers."""
    compiled(text).launch(grid, arguments(args))


def collect(text: str, *args: Any, grid: Grid = (1, 1, 1)) -> tuple[HazardError, ...]:
    return compiled(text).collect(grid, arguments(args))


def function(body: str, params: str = "%x: tensor<i32[N], strides=[1]>", warps: int = 2, target: str = "sm_80") -> str:
    """A function with this body, which has the thread's number as %t and, as an array, as %tt."""
    return f"""func @f({params}) warps({warps}, {target}) {{
  %t = thread_id : i32
  %tt = splat %t {{shape = [1]}} : i32[1]
{body}
  yield []
}}"""


def hazard(text: str, *args: Any) -> HazardError:
    """The hazard that a function raises."""
    with pytest.raises(HazardError) as error:
        run(text, *args)
    return error.value


def line_of(text: str, needle: str) -> int:
    """The line of ``text`` that alone holds ``needle``, from 1."""
    [line] = [n for n, words in enumerate(text.splitlines(), 1) if needle in words]
    return line


def ramp() -> np.ndarray:
    return np.arange(100, 228, dtype=np.int32)


def table(threads: int, registers: int, text: str, dtype: str, warps: int = 1, target: str = "sm_80") -> np.ndarray:
    """The registers (threads, registers) that %r has at the end of a body without arguments."""
    kind = {"i32": np.int32, "f32": np.float32, "f16": np.float16, "u32": np.uint32, "i64": np.int64, "u8": np.uint8}
    out = np.zeros((threads, registers), kind[dtype])
    params = f"%out: tensor<{dtype}[{threads * registers}], strides=[1]>"
    count = ", ".join(map(str, range(registers)))
    body = f"""{text}
  %n.out = constant {{value = {registers}, of = i32}} : i32
  %row.out = mul %t, %n.out : i32
  %rows.out = splat %row.out {{shape = [{registers}]}} : i32[{registers}]
  %at.out = numbers {{values = [{count}], of = i32}} : i32[{registers}]
  %o.out = add %rows.out, %at.out : i32[{registers}]
  global_store %out, %r, %o.out"""
    run(function(body, params, warps, target), out.reshape(-1))
    return out
