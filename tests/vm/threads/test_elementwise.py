"""Elementwise instructions give threads what they give a tile of the same elements."""

from typing import Any

import numpy as np
import pytest

from tests.cpu.launch import run as run_tile
from tests.vm.threads.running import run
from tilevm.backends.vm.machine import ELEMENTWISE
from tilevm.backends.vm.threads.block import act

KINDS: dict[str, Any] = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "i32": np.int32, "u8": np.uint8}
CASES = {
    "exp": ("f32", "%r = exp %x : f32{n}", "f32"),
    "erf": ("f32", "%r = erf %x : f32{n}", "f32"),
    "neg": ("f16", "%r = neg %x : f16{n}", "f16"),
    "not": ("u8", "%r = not %x : u8{n}", "u8"),
    "maximum": ("f32", "%r = maximum %x, %y : f32{n}", "f32"),
    "floordiv": ("i32", "%r = floordiv %x, %y : i32{n}", "i32"),
    "mod": ("i32", "%r = mod %x, %y : i32{n}", "i32"),
    "shr": ("i32", "%r = shr %x, %y : i32{n}", "i32"),
    "div": ("f16", "%r = div %x, %y : f16{n}", "f16"),
    "fma of f32": ("f32", "%r = fma %x, %y, %x : f32{n}", "f32"),
    "fma of f64": ("f64", "%r = fma %x, %y, %x : f64{n}", "f64"),
    "select": ("f32", "%c = lt %x, %y : bool{n}\n  %r = select %c, %x, %y : f32{n}", "f32"),
    "narrower": ("f32", "%r = cast %x {{to = f16}} : f16{n}", "f16"),
    "to integers": ("f32", "%r = cast %x {{to = u8, saturate = true}} : u8{n}", "u8"),
    "at random": (
        "f32",
        "%b = view %y {{to = u32}} : u32{n}\n  %r = cast %x, %b {{to = f16, rounding = stochastic}} : f16{n}",
        "f16",
    ),
}
PARAMS = "%p: tensor<{x}[256], strides=[1]>, %q: tensor<{x}[256], strides=[1]>, %o: tensor<{y}[256], strides=[1]>"
TILE = """func @f(PARAMS) {{
  %0 = constant {{value = 0, of = i32}} : i32
  %x = load %p, [%0] {{shape = [256]}} : {x}[256]
  %y = load %q, [%0] {{shape = [256]}} : {x}[256]
  {step}
  store %o, %r, [%0]
  yield []
}}"""
THREADS = """func @f(PARAMS) warps(2, sm_80) {{
  %t = thread_id : i32
  %4 = constant {{value = 4, of = i32}} : i32
  %n = mul %t, %4 : i32
  %nn = splat %n {{shape = [2]}} : i32[2]
  %step = numbers {{values = [0, 2], of = i32}} : i32[2]
  %at = add %nn, %step : i32[2]
  %x4 = global_load %p, %at {{width = 2}} : {x}[4]
  %y4 = global_load %q, %at {{width = 2}} : {x}[4]
{numbers}
  %all = join [%r.0, %r.1, %r.2, %r.3] : {y}[4]
  {step}
  global_store %o, %{result}, %at {{width = 2}}
  yield []
}}"""


def drawn(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    if dtype in ("i32", "u8"):
        return rng.integers(-40 if dtype == "i32" else 0, 100, 256).astype(KINDS[dtype])
    found = (rng.standard_normal(256) * 20).astype(KINDS[dtype])
    found[:4] = np.nan, np.inf, -np.inf, 0
    return found


def numbers(dtype: str, step: str) -> str:
    """The step on the numbers in each register, one after another."""
    lines = []
    for at in range(4):
        lines += [f"  %{v}.{at} = register %{v}4 {{at = {at}}} : {dtype}" for v in "xy"]
        one = step.format(n="")
        for name in ("x", "y", "r", "c", "b"):
            one = one.replace(f"%{name} ", f"%{name}.{at} ").replace(f"%{name},", f"%{name}.{at},")
        lines.append("  " + one)
    return "\n".join(lines)


@pytest.mark.parametrize("result", ["r", "all"])
@pytest.mark.parametrize("name", CASES)
def test_as_on_a_tile(name: str, result: str) -> None:
    """In arrays of registers (r), and number by number (all)."""
    dtype, step, to = CASES[name]
    x, y = drawn(dtype), np.roll(drawn(dtype), 1)
    tile, found = np.zeros(256, KINDS[to]), np.zeros(256, KINDS[to])
    run_tile(
        TILE.replace("PARAMS", PARAMS).format(x=dtype, y=to, step=step.format(n="[256]")),
        (1, 1, 1),
        x,
        y,
        tile,
        device="vm",
    )
    array = step.format(n="[4]").replace("%x", "%x4").replace("%y", "%y4")
    text = THREADS.replace("PARAMS", PARAMS).format(
        x=dtype, y=to, numbers=numbers(dtype, step), step=array, result=result
    )
    run(text, x, y, found)
    assert found.tobytes() == tile.tobytes()


def test_every_elementwise_instruction_is_of_threads_too() -> None:
    assert all(kind in act for kind in ELEMENTWISE)
