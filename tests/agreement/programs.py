"""Random integer programs: as Python source for a kernel, and run by Python itself."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tilevm.frontend.kernel import Kernel
from tilevm.optional import load_file

NAMES = ("a", "b", "c")
BITS = 32
OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "//": lambda x, y: x // y if y else 0,
    "%": lambda x, y: x % y if y else x,
    "&": lambda x, y: x & y,
    "|": lambda x, y: x | y,
    "^": lambda x, y: x ^ y,
}


def wrap(value: int) -> int:
    value &= (1 << BITS) - 1
    return value - (1 << BITS) if value >> (BITS - 1) else value


@dataclass(frozen=True)
class Expression:
    """Source text, and the same as a function of the variables."""

    text: str
    value: Callable[[dict[str, int]], int]


def leaf(name: str) -> Expression:
    return Expression(name, lambda env: env[name])


def number(n: int) -> Expression:
    return Expression(f"({n})", lambda env: n)


def combined(operator: str, x: Expression, y: Expression) -> Expression:
    work = OPERATORS[operator]
    return Expression(f"({x.text} {operator} {y.text})", lambda env: wrap(work(x.value(env), y.value(env))))


def chosen(x: Expression, y: Expression, a: Expression, b: Expression) -> Expression:
    text = f"tv.where({x.text} < {y.text}, {a.text}, {b.text})"
    return Expression(text, lambda env: a.value(env) if x.value(env) < y.value(env) else b.value(env))


def expressions() -> st.SearchStrategy[Expression]:
    """Expressions of tiles: a number always meets a tile."""
    tiles = st.sampled_from(NAMES).map(leaf)
    leaves = st.one_of(
        tiles, st.just(leaf("n")), st.integers(-(2**31), 2**31 - 1).map(number), st.integers(-4, 4).map(number)
    )
    more = lambda inner: st.one_of(  # noqa: E731
        st.builds(combined, st.sampled_from(sorted(OPERATORS)), tiles, inner),
        st.builds(combined, st.sampled_from(sorted(OPERATORS)), inner, tiles),
        st.builds(chosen, tiles, inner, tiles, tiles),
    )
    return st.builds(combined, st.just("+"), tiles, st.recursive(leaves, more, max_leaves=6))


@dataclass(frozen=True)
class Statement:
    """Lines of source, and the same as a change of the variables."""

    lines: tuple[str, ...]
    run: Callable[[dict[str, int]], None]


def assign(name: str, expression: Expression) -> Statement:
    def run(env: dict[str, int]) -> None:
        env[name] = expression.value(env)

    return Statement((f"{name} = {expression.text}",), run)


def loop(count: int, body: list[Statement]) -> Statement:
    def run(env: dict[str, int]) -> None:
        for i in range(count):
            env["i"] = i
            for s in body:
                s.run(env)

    inner = tuple(f"    {line}" for s in body for line in s.lines)
    return Statement((f"for i in range({count}):", *inner), run)


def branch(limit: int, then: list[Statement], otherwise: list[Statement]) -> Statement:
    def run(env: dict[str, int]) -> None:
        for s in then if env["n"] < limit else otherwise:
            s.run(env)

    first, second = ([f"    {line}" for s in part for line in s.lines] for part in (then, otherwise))
    return Statement((f"if n < {limit}:", *first, "else:", *second), run)


def bodies(depth: int) -> st.SearchStrategy[list[Statement]]:
    simple = st.builds(assign, st.sampled_from(NAMES), expressions())
    if depth == 0:
        return st.lists(simple, min_size=1, max_size=3)
    nested = bodies(depth - 1)
    kinds = (simple, st.builds(loop, st.integers(0, 4), nested), st.builds(branch, st.integers(-3, 3), nested, nested))
    return st.lists(st.one_of(*kinds), min_size=1, max_size=3)


programs = bodies(2)
HEAD = """import tilevm as tv

@tv.kernel("x: i32[3, 16], y: i32[3, 16], n: i32", grid=lambda **_: 1)
def kernel(x: tv.Tensor, y: tv.Tensor, n):
"""
counter = itertools.count()


def compile_source(program: list[Statement]) -> Kernel:
    """The program as a kernel: rows of x go in as a, b, c, and come out as rows of y."""
    lines = [f"{name} = x.load(({row}, 0), (1, 16))" for row, name in enumerate(NAMES)]
    lines += [line for s in program for line in s.lines]
    lines += [f"y.store(({row}, 0), {name})" for row, name in enumerate(NAMES)]
    path = Path(tempfile.mkdtemp()) / f"random_program_{next(counter)}.py"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in lines))
    kernel: Any = load_file(str(path))
    return kernel.kernel


def interpret(program: list[Statement], columns: list[tuple[int, int, int]], n: int) -> list[list[int]]:
    """What Python makes of the program, element by element."""
    rows: list[list[int]] = [[], [], []]
    for column in columns:
        env = dict(zip(NAMES, column, strict=True), n=n)
        for statement in program:
            statement.run(env)
        for row, name in zip(rows, NAMES, strict=True):
            row.append(env[name])
    return rows
