"""Loops whose tiles share memory: values handed on are those of the last trip, whatever the order."""

import numpy as np
import pytest

from tests.cpu.launch import run

HEAD = """
func @f(%x: tensor<i32[2, 16], strides=[16, 1]>, %y: tensor<i32[2, 16], strides=[16, 1]>) {
  %0 = constant {value = 0, of = i32} : i32
  %1 = constant {value = 1, of = i32} : i32
  %3 = constant {value = 3, of = i32} : i32
  %a = load %x, [%0, %0] {shape = [1, 16]} : i32[1, 16]
  %b = load %x, [%1, %0] {shape = [1, 16]} : i32[1, 16]
  %p, %q = for %0, %3, %1, [%a, %b] (%i: i32, %c: i32[1, 16], %d: i32[1, 16]) {
"""
TAIL = """
  } : i32[1, 16], i32[1, 16]
  store %y, %p, [%0, %0]
  store %y, %q, [%1, %0]
  yield []
}
"""
BODIES = {
    "swap": ("yield [%d, %c]", lambda c, d: (d, c)),
    "fibonacci": ("%e = add %c, %d : i32[1, 16]\nyield [%d, %e]", lambda c, d: (d, c + d)),
    "recomputed": (
        "%e = add %c, %c : i32[1, 16]\n%f = add %e, %d : i32[1, 16]\n%g = sub %e, %d : i32[1, 16]\nyield [%g, %f]",
        lambda c, d: (2 * c - d, 2 * c + d),
    ),
    "one constant": ("%z = splat %1 {shape = [1, 16]} : i32[1, 16]\nyield [%z, %c]", lambda c, d: (c * 0 + 1, c)),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_carried_tiles(name: str, device: str) -> None:
    text, step = BODIES[name]
    x = np.arange(32, dtype=np.int32).reshape(2, 16)
    y = np.zeros_like(x)
    run(HEAD + text + TAIL, (1, 1, 1), x, y, device=device)
    c, d = x
    for _ in range(3):
        c, d = step(c, d)
    assert np.array_equal(y, np.stack([c, d]))
