"""What is folded and what leaves loops: random programs of integers, constants among them, on two machines."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.ptx.running import RANDOM, run, some
from tilevm.types import DType, dtype

BINARY = ["add", "add", "sub", "mul", "floordiv", "mod", "minimum", "maximum", "and", "or", "xor", "shl", "shr"]
UNARY = ["neg", "abs", "not"]
COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]
WIDTH = 4
Draw = Callable[..., object]


class Program:
    """IR text of a program that grows by random steps on arrays of one type."""

    def __init__(self, draw: Draw, kind: DType) -> None:
        self.draw, self.kind, self.count = draw, kind, 0
        self.lines: list[str] = []
        self.pool: list[str] = []

    def pick(self, among: list[str]) -> str:
        return str(self.draw(st.sampled_from(among)))

    def name(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def line(self, text: str, kind: str = "") -> str:
        name = self.name()
        self.lines.append(f"  {name} = {text} : {kind or self.kind}[{WIDTH}]")
        return name

    def constant(self) -> str:
        """An array of numbers known now: alike, a run, powers of two, edges."""
        low, high = int(self.kind.min), int(self.kind.max)
        edges = [0, 1, 2, 3, 4, 8, 64, 7, 31, 32, self.kind.bits - 1, high, high - 1, low, low + 1]
        edges += [-1, -2, -8] if low else []
        values = [min(max(int(self.pick_number(edges)), low), high) for _ in range(WIDTH)]
        if self.draw(st.booleans()):
            values = [values[0]] * WIDTH
        return self.line(f"numbers {{values = {values}, of = {self.kind}}}")

    def pick_number(self, among: list[int]) -> int:
        found = self.draw(st.sampled_from(among))
        assert isinstance(found, int)
        return found

    def operand(self) -> str:
        return self.constant() if self.draw(st.integers(0, 2)) == 0 else self.pick(self.pool)

    def step(self) -> None:
        choice = self.pick(["binary"] * 6 + ["unary", "select", "cast", "take"])
        if choice == "binary":
            found = self.line(f"{self.pick(BINARY)} {self.operand()}, {self.operand()}")
        elif choice == "unary":
            found = self.line(f"{self.pick(UNARY)} {self.operand()}")
        elif choice == "take":
            registers = [self.pick_number(list(range(WIDTH))) for _ in range(WIDTH)]
            found = self.line(f"take {self.operand()} {{registers = {registers}}}")
        elif choice == "cast":
            other = self.pick(["i8", "u16", "i32", "u32", "i64"])
            away = self.line(f"cast {self.operand()} {{to = {other}}}", other)
            found = self.line(f"cast {away} {{to = {self.kind}}}")
        else:
            where = self.line(f"{self.pick(COMPARE)} {self.operand()}, {self.operand()}", "bool")
            found = self.line(f"select {where}, {self.operand()}, {self.operand()}")
        self.pool.append(found)

    def steps(self, most: int) -> None:
        for _ in range(self.pick_number(list(range(1, most)))):
            self.step()

    def loop(self) -> None:
        """A loop that carries an array, its length known or not."""
        start, carried, index, end = self.pick(self.pool), self.name(), self.name(), self.name()
        if self.draw(st.booleans()):
            end = "%n"
        else:
            self.lines.append(f"  {end} = constant {{value = {self.pick_number([0, 1, 3])}, of = i32}} : i32")
        kind = f"{self.kind}[{WIDTH}]"
        found = self.name()
        self.lines.append(f"  {found} = for %zero, {end}, %one, [{start}] ({index}: i32, {carried}: {kind}) {{")
        outside = list(self.pool)
        number = self.name()
        self.lines.append(f"  {number} = cast {index} {{to = {self.kind}}} : {self.kind}")
        self.pool += [carried, self.line(f"splat {number} {{shape = [{WIDTH}]}}")]
        self.steps(6)
        self.lines.append(f"  yield [{self.pool[-1]}]\n  }} : {kind}")
        self.pool = [*outside, found]

    def text(self) -> str:
        body = "\n".join(self.lines)
        stores = "\n".join(
            f"""  %c{i} = constant {{value = {i * 32 * WIDTH}, of = i32}} : i32
  %p{i} = add %at, %c{i} : i32
  %q{i} = splat %p{i} {{shape = [1]}} : i32[1]
  global_store %out, {name}, %q{i} {{width = {WIDTH}}}"""
            for i, name in enumerate(self.pool[-3:])
        )
        return f"""func @k(%x: ptr<{self.kind}, align=32>, %n: i32, %out: ptr<{self.kind}, align=32>) warps(1, sm_80) {{
  %zero = constant {{value = 0, of = i32}} : i32
  %one = constant {{value = 1, of = i32}} : i32
  %t = thread_id : i32
  %four = constant {{value = {WIDTH}, of = i32}} : i32
  %at = mul %t, %four : i32
  %o = splat %at {{shape = [1]}} : i32[1]
  %x0 = global_load %x, %o {{width = {WIDTH}}} : {self.kind}[{WIDTH}]
  %tk = cast %t {{to = {self.kind}}} : {self.kind}
  %x1 = splat %tk {{shape = [{WIDTH}]}} : {self.kind}[{WIDTH}]
{body}
{stores}
  yield []
}}"""


@st.composite
def programs(draw: Draw) -> tuple[DType, str]:
    kind = dtype(str(draw(st.sampled_from(["i32", "i32", "u32", "i64", "u64", "i8", "u16", "i4"]))))
    made = Program(draw, kind)
    made.pool = ["%x0", "%x1"]
    made.steps(8)
    if draw(st.booleans()):
        made.loop()
        made.steps(4)
    return kind, made.text()


@given(programs())
def test_random_programs(program: tuple[DType, str]) -> None:
    kind, text = program
    x, out = some(kind, 32 * WIDTH), np.zeros(3 * 32 * WIDTH, f"u{kind.numpy_bytes}")
    run(text, [x.view(out.dtype), int(RANDOM.integers(0, 4)), out])


FOLDED = [  # each on what stands before it: x is loaded, numbers are constants
    ("a", "add", "x", 5),
    ("b", "sub", "x", 3),
    ("c", "sub", "a", "b"),
    ("d", "sub", 7, "a"),
    ("e", "mul", "a", 4),
    ("f", "mul", "a", -1),
    ("g", "mul", "b", 3),
    ("h", "sub", "a", "e"),
    ("i", "add", "a", "b"),
    ("j", "sub", "i", "a"),
    ("k", "shl", "a", 3),
    ("l", "shl", "b", 31),
    ("m", "shr", "a", 0),
    ("n", "shr", "b", 77),
    ("o", "floordiv", "a", 4),
    ("p", "floordiv", "b", -1),
    ("q", "floordiv", "a", 0),
    ("r", "mod", "b", 8),
    ("s", "mod", "b", -7),
    ("t", "mod", "b", 0),
    ("u", "mod", "b", -1),
    ("v", "floordiv", "b", 7),
    ("w", "floordiv", 100, "x"),
    ("y", "mod", 100, "x"),
    ("z", "and", "a", -1),
    ("A", "or", "a", -1),
    ("B", "xor", "a", 0),
    ("C", "and", "a", 12),
    ("D", "minimum", "a", "b"),
    ("E", "maximum", 3, "b"),
    ("F", "mul", "i", 6),
    ("G", "sub", "b", "x"),
]


@pytest.mark.parametrize("name", ["i8", "u16", "i32", "u32", "i64", "u64"])
def test_each_fold(name: str) -> None:
    kind = dtype(name)
    lines = []

    def given_as(what: str | int) -> str:
        if isinstance(what, str):
            return f"%{what}"
        held = what if int(kind.min) <= what else what + (1 << kind.bits)
        lines.append(f"  %n{len(lines)} = numbers {{values = [{held}], of = {kind}}} : {kind}[1]")
        return f"%n{len(lines) - 1}"

    for made, op, a, b in FOLDED:
        text = f"  %{made} = {op} {given_as(a)}, {given_as(b)} : {kind}[1]"
        lines.append(text)
    stores = [
        f"""  %at{i} = numbers {{values = [{32 * i}], of = i32}} : i32[1]
  %to{i} = add %at0.t, %at{i} : i32[1]
  global_store %out, %{made}, %to{i}"""
        for i, (made, *_) in enumerate(FOLDED)
    ]
    body = "\n".join([*lines, *stores])
    x, out = some(kind, 32), np.zeros(32 * len(FOLDED), f"u{kind.numpy_bytes}")
    run(
        f"""func @k(%mem: ptr<{kind}>, %out: ptr<{kind}>) warps(1, sm_80) {{
  %id = thread_id : i32
  %at0.t = splat %id {{shape = [1]}} : i32[1]
  %x = global_load %mem, %at0.t : {kind}[1]
{body}
  yield []
}}""",
        [x.view(out.dtype), out],
    )
