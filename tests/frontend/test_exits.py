"""Early exits and lists: the IR they become, and that they mean what they mean in Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.agreement.plain import run_plainly
from tests.agreement.programs import COLUMNS, HEAD, ROWS, SIGNATURE, START
from tests.frontend import as_python, exits
from tests.frontend.types_of import check_text, traced
from tilevm.ir.ops import For, While
from tilevm.ir.rewrite import walk
from tilevm.optional import load_file
from tilevm.text import print_func

WHOLE = (
    *(exits.first_above, exits.skipped, exits.newton, exits.guarded, exits.returned, exits.copies, exits.blocked),
    exits.listed,
)
SAME = (
    *(as_python.lists, as_python.names_of_lists, as_python.comprehensions, as_python.builtins, as_python.unpacking),
    as_python.leaving,
)


@pytest.mark.parametrize("kernel", WHOLE, ids=lambda k: k.__name__)
def test_text(kernel: Callable[..., Any], golden: Callable[[Path, str], None]) -> None:
    check_text(kernel, golden)


@pytest.mark.parametrize("function", SAME, ids=lambda k: k.__name__)
def test_compile_time_code_is_python(function: Callable[[], None]) -> None:
    function()
    assert [op.name for op in traced(function).body.ops] == ["yield"]


def copies_of_nothing() -> None:
    """More copies than Python itself can count."""
    assert [] * 2**80 == 2**63 * [] == []
    assert () * 2**80 == (1, 2) * -(2**80) == ()


def test_copies_of_nothing_are_nothing() -> None:
    assert [op.name for op in traced(copies_of_nothing).body.ops] == ["yield"]


def test_only_a_loop_that_is_left_becomes_a_while() -> None:
    kinds = {k.__name__: [type(op) for op in walk(traced(k).body) if isinstance(op, For | While)] for k in WHOLE}
    assert kinds["skipped"] == kinds["blocked"] == [For]
    assert kinds["first_above"] == kinds["returned"] == [While]


def test_known_exits_leave_no_trace() -> None:
    """An exit under a compile-time condition that does not hold changes nothing."""

    def kernel(y: tv.Tensor, n: tv.Tile, STOP: tv.constexpr = False) -> None:
        for k in range(n):
            if STOP:
                break
            y.store(k, 1.0)

    def plain(y: tv.Tensor, n: tv.Tile) -> None:
        for k in range(n):
            y.store(k, 1.0)

    assert print_func(traced(kernel)) == print_func(traced(plain)).replace("@plain", "@kernel")


def test_static_print(capsys: pytest.CaptureFixture[str]) -> None:
    def kernel(x: tv.Tensor, n: tv.Tile, SIZE: tv.constexpr = 8) -> None:
        tiles = [x.load(k * SIZE, SIZE) for k in range(2)]
        tv.static_print("tiles", tiles, (n, 1.5, "s"), SIZE, x.dtype, None, (1,), sep=" | ")
        tv.static_print(f"{len(tiles)} of {tiles[0].shape}", end="!")

    traced(kernel)
    shown = "tiles | [a tile f32[8], a tile f32[8]] | (a run-time i32, 1.5, 's') | 8 | f32 | None | (1,)\n2 of (8,)!"
    assert capsys.readouterr().out == shown


# Programs that came out wrong, or not at all, when random ones were first tried; each as small as it gets.
PROGRAMS = {
    "a name that one branch changes in a loop, read no more": """
        u = a
        for i in range(3):
            if n > 2:
                return
            if n == i:
                u = b
            c = c + u
    """,
    "a list whose other elements stay as they are": """
        xs = [a, b]
        for i, v in enumerate(xs):
            xs[i] = v + 1
            if n == 3:
                return
        a, b = xs
    """,
    "a loop left in every pass keeps what was before it": """
        p = n + 1
        for i in range(n & 1):
            while True:
                if n > 4:
                    return
                return
                p *= i
            p += 1
        a = a + p
    """,
    "some continue, the others return: the next copy is reached": """
        for k in (2, 3):
            if n > 0:
                continue
            while True:
                return
        a = a + 1
    """,
    "both ways out of a branch": """
        for i in range(4):
            if n > 3:
                break
            else:
                continue
            a = a + 100
        a = a + 1
    """,
    "the last numbers that 32 bits hold": """
        for i in range(2147483644, 2147483647, 2):
            a = a + i
            if n > 100:
                break
        for i in range(-2147483646, -2147483648, n - 5):
            b = b + i
            if n > 100:
                break
    """,
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_programs(program: str, device: str, tmp_path: Path) -> None:
    lines = [line.removeprefix("    ") for line in PROGRAMS[program].strip("\n").rstrip().splitlines()]
    ends = [f"    y.store(({row}, 0), {name})" for row, name in enumerate("abc")]
    body = "\n".join([*(f"    {line}" for line in START), *lines, *ends])
    source = f"{HEAD}{SIGNATURE}\ndef kernel(x, y, n):\n{body}\n"
    path = tmp_path / "program.py"
    path.write_text(source)
    kernel = load_file(str(path)).kernel
    x = np.arange(ROWS * COLUMNS, dtype=np.int32).reshape(ROWS, COLUMNS) - 20
    for n in (-1, 0, 1, 3, 4, 5):
        y = np.zeros_like(x)
        kernel(x, y, n, device=device)
        assert y.tolist() == run_plainly(source, x.T.tolist(), n), source
