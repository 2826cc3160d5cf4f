"""What is known of numbers holds for any arguments: least numbers, and sums of extents that are never exceeded."""

from __future__ import annotations

import operator
from collections.abc import Callable
from random import Random

from tilevm.ir import Value, ops
from tilevm.passes.bounds import Facts
from tilevm.text import read_func

KINDS: dict[str, Callable[[int, int], int]] = {"minimum": min, "maximum": max, "floordiv": operator.floordiv}
KINDS |= {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
CONSTANTS = (0, 1, 3, 4, 64, -5)


def text(rng: Random) -> str:
    """A function of an extent and a number that computes with them and constants."""
    lines = [f"  %c{i} = constant {{value = {v}, of = i32}} : i32" for i, v in enumerate(CONSTANTS)]
    lines.append("  %k = extent %x {axis = 0} : i32")
    names = ["%n", "%k", *(f"%c{i}" for i in range(len(CONSTANTS)))]
    for i in range(8):
        kind = rng.choice([*KINDS, "minimum", "maximum", "floordiv"])
        b = rng.choice(["%c2", "%c3"]) if kind in ("floordiv", "mul") else rng.choice(names)
        lines.append(f"  %v{i} = {kind} {rng.choice(names)}, {b} : i32")
        names += [f"%v{i}"] * 2
    return "\n".join(["func @f(%x: tensor<f32[K], strides=[1]>, %n: i32) {", *lines, "  yield []", "}\n"])


def numbers(body: tuple[object, ...], n_value: Value, n: int, k: int) -> dict[Value, int]:
    """What each value is."""
    found = {n_value: n}
    for op in body:
        if isinstance(op, ops.Constant):
            found[op.result] = int(op.value)
        elif isinstance(op, ops.Extent):
            found[op.result] = k
        elif isinstance(op, ops.Binary):
            found[op.result] = KINDS[op.name](found[op.a], found[op.b])
    return found


def test_what_is_known_holds() -> None:
    told = 0
    for seed in range(200):
        func = read_func(text(Random(seed)))
        facts = Facts(func)
        for n in (-300, -65, -1, 0, 1, 31, 64, 300):
            for k in (0, 1, 3, 64, 65, 200):
                for value, number in numbers(func.body.ops, func.params[1], n, k).items():
                    if isinstance(value.owner, ops.FloorDiv | ops.Minimum | ops.Maximum):
                        least, top = facts.least(value), facts.top(value, 12)
                        told += (least is not None) + (top is not None)
                        assert least is None or least <= number
                        assert top is None or top.constant + sum(f * k for _, f in top.terms) >= 12 * number
    assert told > 10_000  # or nothing would be asked
