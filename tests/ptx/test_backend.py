"""The emulator as a backend: arguments as callers hold them, aliases, read-only memory, errors with lines."""

from pathlib import Path

import numpy as np
import pytest

from tests.ptx.running import RANDOM
from tilevm.abi import KernelAbi
from tilevm.backend import Argument
from tilevm.backends.ptx import backend
from tilevm.backends.ptx.artifact import Emulated
from tilevm.ir.verify import verify
from tilevm.runtime.arguments import read
from tilevm.source import TileError
from tilevm.text import read_func

TENSORS = "%x: tensor<f32[N], strides=[_]>, %by: f16, %y: tensor<f32[M], strides=[1]>"
SCALE = f"func @scale({TENSORS}, %on: bool) warps(2, sm_80) {{"
SCALE += """
  %t = thread_id : i32
  %p = program_id {axis = 0} : i32
  %block = constant {value = 64, of = i32} : i32
  %first = mul %p, %block : i32
  %i = add %first, %t : i32
  %n = extent %x {axis = 0} : i32
  %in = lt %i, %n : bool
  %in.1 = splat %in {shape = [1]} : bool[1]
  %s = stride %x {axis = 0} : i64
  %wide = cast %i {to = i64} : i64
  %at = mul %wide, %s : i64
  %from = splat %at {shape = [1]} : i64[1]
  %v = global_load %x, %from, %in.1 : f32[1]
  %k = cast %by {to = f32} : f32
  %k.1 = splat %k {shape = [1]} : f32[1]
  %w = mul %v, %k.1 : f32[1]
  %on.1 = splat %on {shape = [1]} : bool[1]
  %r = select %on.1, %w, %v : f32[1]
  %to = splat %i {shape = [1]} : i32[1]
  global_store %y, %r, %to, %in.1
  yield []
}"""


def made(text: str, name: str = "<text>") -> Emulated:
    func = verify(read_func(text, name))
    return backend.compile(func, KernelAbi.of(func))


def given(*values: object) -> list[Argument]:
    return [read(v, f"argument {i}")[0] for i, v in enumerate(values)]


def test_arguments_are_those_of_callers() -> None:
    """Strides of either sign, a float of 16 bits, a bool."""
    kernel, base = made(SCALE), RANDOM.standard_normal(300).astype(np.float32)
    for x in (base[:100], base[::3], base[::-1][:90], base[7:8], base[:0]):
        for on in (True, False):
            y = np.zeros(len(x), np.float32)
            kernel.launch((-(-len(x) // 64), 1, 1), given(x, 2.5, y, on))
            assert np.array_equal(y, x * np.float32(2.5) if on else x)


def test_two_names_of_one_memory_see_each_other() -> None:
    kernel, x = made(SCALE), np.arange(64, dtype=np.float32)
    kernel.launch((1, 1, 1), given(x, 2.0, x, True))
    assert np.array_equal(x, 2 * np.arange(64, dtype=np.float32))


def test_what_is_read_only_stays() -> None:
    kernel, x, y = made(SCALE), np.ones(64, np.float32), np.zeros(64, np.float32)
    y.flags.writeable = False
    with pytest.raises(TileError, match="read-only"):
        kernel.launch((1, 1, 1), given(x, 2.0, y, True))


def test_an_access_out_of_bounds_names_the_line_of_the_kernel(tmp_path: Path) -> None:
    path = tmp_path / "scale.tvm"
    path.write_text(SCALE.replace("global_store %y, %r, %to, %in.1", "global_store %y, %r, %to"), encoding="utf-8")
    kernel = made(path.read_text(encoding="utf-8"), str(path))
    with pytest.raises(TileError) as caught:
        kernel.launch((1, 1, 1), given(np.ones(60, np.float32), 2.0, np.zeros(60, np.float32), True))
    assert "out of bounds: thread 60" in str(caught.value) and "scale.tvm:21:" in str(caught.value)


def test_packed_memory_of_a_sub_byte_type() -> None:
    text = """func @k(%q: tensor<u4[_], strides=[1], packed>, %y: tensor<u8[_], strides=[1]>) warps(1, sm_80) {
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %b = global_load %q, %o {of = u8} : u8[1]
  global_store %y, %b, %o
  yield []
}"""
    q, y = RANDOM.integers(0, 256, 32).astype(np.uint8), np.zeros(32, np.uint8)
    packed, plain = given(q, y)
    assert not isinstance(packed, int | float)
    func = verify(read_func(text))
    dtype = func.params[0].type.dtype  # type: ignore[union-attr]
    tensor = type(packed)(dtype, packed.address, (64,), (1,), 0, 64, q, packed=True)
    made(text).launch((1, 1, 1), [tensor, plain])
    assert np.array_equal(q, y)


def test_stages_binary_and_resources() -> None:
    kernel = made(SCALE)
    assert list(kernel.stages) == ["thread", "ptx"]
    assert kernel.stages["thread"].startswith("func @scale(")
    assert kernel.binary == (kernel.machine.cubin if kernel.machine else kernel.stages["ptx"].encode())
    assert (kernel.resources["threads"], kernel.resources["shared"]) == (64, 0)


def test_the_same_function_gives_the_same_text() -> None:
    assert made(SCALE).stages == made(SCALE).stages
