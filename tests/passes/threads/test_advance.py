"""Products of an index are carried: the text, what stays, and the same numbers whatever the loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from tilevm.abi import KernelAbi
from tilevm.backends.ptx import backend as emulator
from tilevm.backends.vm import backend as vm
from tilevm.ir import Func
from tilevm.ir.verify import verify
from tilevm.passes.threads.advance import advance
from tilevm.runtime.arguments import read
from tilevm.text import print_func, read_func

HEAD = "func @f(%lo: i32, %hi: i32, %by: i32, %s: i64, %x: ptr<i64, align=16>) warps(1, sm_80) {"
LOOP = """
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %z = constant {value = 0, of = i64} : i64
  %sum = for %lo, %hi, %by, [%z] (%i: i32, %a: i64) {
    %w = cast %i {to = i64} : i64
    %m = mul %w, %s : i64
    %h = xor %a, %m : i64
    %r = add %h, %a : i64
    yield [%r]
  } : i64
  %v = splat %sum {shape = [1]} : i64[1]
  global_store %x, %v, %o
  yield []
}"""
CARRIED = """
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %z = constant {value = 0, of = i64} : i64
  %0 = cast %lo {to = i64} : i64
  %1 = cast %by {to = i64} : i64
  %2 = mul %0, %s : i64
  %3 = mul %1, %s : i64
  %sum, %4 = for %lo, %hi, %by, [%z, %2] (%i: i32, %a: i64, %m: i64) {
    %w = cast %i {to = i64} : i64
    %h = xor %a, %m : i64
    %r = add %h, %a : i64
    %5 = add %m, %3 : i64
    yield [%r, %5]
  } : i64, i64
  %v = splat %sum {shape = [1]} : i64[1]
  global_store %x, %v, %o
  yield []
}"""


def func(body: str) -> Func:
    return verify(read_func(HEAD + body))


def test_the_text() -> None:
    made = verify(advance(func(LOOP)))
    assert print_func(made) == print_func(func(CARRIED))
    assert advance(made) is made


def test_what_the_loop_changes_is_multiplied() -> None:
    """The other factor is carried, or the product stands in a branch, which may not run."""
    for old, new in (("mul %w, %s", "mul %w, %a"), ("mul %w, %s", "mul %s, %s")):
        same = func(LOOP.replace(old, new))
        assert advance(same) is same


def stored(made: Func, backend: object, *given: int) -> list[int]:
    x = np.zeros(32, np.int64)
    artifact = backend.compile(made, KernelAbi.of(made))  # type: ignore[attr-defined]
    artifact.launch((1, 1, 1), [read(v, "given")[0] for v in (*given, x)])
    return [int(v) for v in x]


ENDS = st.integers(-40, 40) | st.integers(2**31 - 20, 2**31 - 1) | st.integers(-(2**31), -(2**31) + 20)


@given(ENDS, st.integers(0, 30), st.integers(1, 9), st.booleans(), st.integers(-(2**63), 2**63 - 1))
def test_the_numbers_stay(low: int, length: int, step: int, down: bool, factor: int) -> None:
    """Loops up and down, to the edges of i32, and products that wrap."""
    high = max(-(2**31), min(2**31 - 1, low - length if down else low + length))
    given_ = (low, high, -step if down else step, factor)
    plain, made = func(LOOP), verify(advance(func(LOOP)))
    wanted = stored(plain, vm, *given_)
    assert stored(made, vm, *given_) == wanted == stored(made, emulator, *given_)
