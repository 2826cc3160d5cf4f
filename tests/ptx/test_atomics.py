"""Changes of memory with nothing in between: many threads at one place, every change of every type."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.ptx.running import RANDOM, Array, launch, listing, run

NUMPY: dict[str, Any] = {"i8": np.int8, "u16": np.uint16, "i32": np.int32, "u32": np.uint32, "i64": np.int64}
NUMPY |= {"u64": np.uint64, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
INTEGER = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}
ANY: dict[str, Callable[..., Any]] = {"add": np.add, "max": np.maximum, "min": np.minimum}


def text(kind: str, change: str, result: bool = True) -> str:
    """Each of 64 threads changes one of 7 places twice, one thread in four not at all; what was there is kept."""
    kept = "  global_store %old, %r, %where {width = 2}\n" if result else ""
    memory = f"ptr<{kind}, align=16>"
    return f"""func @k(%m: {memory}, %x: {memory}, %old: {memory}) warps(2, sm_80) {{
  %t = thread_id : i32
  %two = constant {{value = 2, of = i32}} : i32
  %a = mul %t, %two : i32
  %where = splat %a {{shape = [1]}} : i32[1]
  %v = global_load %x, %where {{width = 2}} : {kind}[2]
  %seven = numbers {{values = [7, 7], of = i32}} : i32[2]
  %t2 = splat %t {{shape = [2]}} : i32[2]
  %more = numbers {{values = [0, 3], of = i32}} : i32[2]
  %s = add %t2, %more : i32[2]
  %o = mod %s, %seven : i32[2]
  %four = numbers {{values = [4, 4], of = i32}} : i32[2]
  %q = mod %t2, %four : i32[2]
  %three = numbers {{values = [3, 3], of = i32}} : i32[2]
  %mask = ne %q, %three : bool[2]
  %r = global_atomic %m, %v, %o, %mask {{change = {change}}} : {kind}[2]
{kept}  yield []
}}"""


CASES = [(kind, change) for kind in NUMPY for change in (*ANY, "exchange")]
CASES += [(kind, change) for kind in NUMPY for change in INTEGER if np.dtype(NUMPY[kind]).kind in "iu"]


@pytest.mark.parametrize(("kind", "change"), CASES)
def test_every_change_counts(kind: str, change: str) -> None:
    held = np.dtype(NUMPY[kind])
    x = RANDOM.integers(0, 8, 128).astype(held)  # sums that bf16 holds
    m = np.arange(8).astype(held)  # one more, so that bytes fill words
    before, old = m.copy(), np.zeros(128, held)
    code = f"u{held.itemsize}"
    launch(listing(text(kind, change)), [a.view(code) for a in (m, x, old)])
    thread = np.arange(128) // 2
    place, active = (thread + np.arange(128) % 2 * 3) % 7, thread % 4 != 3
    assert not old[~active].astype(np.float64).any()
    for i in range(7):
        given = x[active & (place == i)]
        if change == "exchange":
            assert sorted([*given.tolist(), before[i]]) == sorted([*old[active & (place == i)].tolist(), m[i]])
        else:
            assert m[i] == combined({**ANY, **INTEGER}[change], before[i], given)


def combined(function: Callable[..., Any], start: Any, given: Array) -> Any:
    """All in one: sums here are small whole numbers, exact in every order, but for what wraps."""
    found = start
    with np.errstate(all="ignore"):
        for x in given:
            found = function(found, x)
    return found


@pytest.mark.parametrize(("kind", "change"), [("i32", "add"), ("f32", "add"), ("u64", "max"), ("f16", "add")])
def test_without_a_use_of_the_old_value_it_is_a_reduction(kind: str, change: str) -> None:
    found = listing(text(kind, change, result=False)).text
    assert "red.global" in found and "atom.global" not in found


@pytest.mark.parametrize("kind", ["i8", "u16", "i32", "f32", "i64"])
def test_compare_and_swap(kind: str) -> None:
    """Thread t turns t into 100 - t where it stands, and gets what stood there."""
    held = np.dtype(NUMPY[kind])
    memory = f"ptr<{kind}, align=8>"
    body = f"""func @k(%m: {memory}, %c: {memory}, %v: {memory}, %old: {memory}) warps(1, sm_80) {{
  %t = thread_id : i32
  %o = splat %t {{shape = [1]}} : i32[1]
  %w = global_load %c, %o : {kind}[1]
  %x = global_load %v, %o : {kind}[1]
  %end = numbers {{values = [30], of = i32}} : i32[1]
  %mask = lt %o, %end : bool[1]
  %r = global_atomic_cas %m, %w, %x, %o, %mask : {kind}[1]
  global_store %old, %r, %o
  yield []
}}"""
    m = np.arange(32).astype(held)
    m[5] = 77
    compare, value, old = np.arange(32).astype(held), (100 - np.arange(32)).astype(held), np.ones(32, held)
    wanted = np.where((m == compare) & (np.arange(32) < 30), value, m)
    given = np.where(np.arange(32) < 30, m, 0)
    code = f"u{held.itemsize}"
    run(body, [a.view(code) for a in (m, compare, value, old)])
    assert np.array_equal(m, wanted) and np.array_equal(old, given)
