"""Random integer programs as Python source: a kernel, and what Python itself makes of the same text.

A program works on tiles (``a``, ``b``, ``c``, the list ``xs``), run-time numbers (``n``, ``p``, ``q``, the list
``ks``) and compile-time ones. It is wrapped 32-bit arithmetic under any nesting of loops, branches, ``break``,
``continue``, ``return`` and helpers, so running the text element by element in Python tells what is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
COLUMNS, ROWS = 16, 3
START = tuple(f"{name} = x.load(({row}, 0), (1, {COLUMNS}))" for row, name in enumerate("abc"))
BEGIN = ("p, q = n + 1, n * 2", "xs = [a, b ^ 5, a + c]", "ks = [1, n, 3]")
END = tuple(
    f"y.store(({row}, 0), {value})" for row, value in enumerate(("a + xs[0]", "b + xs[1] * 3 + q", "c + xs[2] + p"))
)
HEAD = "import tilevm as tv\n\n"
SIGNATURE = f'@tv.kernel("x: i32[{ROWS}, {COLUMNS}], y: i32[{ROWS}, {COLUMNS}], n: i32", grid=lambda **_: 1)'


@dataclass(frozen=True)
class Scope:
    """Where a statement stands: what it may read, and how it may leave."""

    tiles: tuple[str, ...] = ("a", "b", "c", "xs[0]", "xs[1]", "xs[2]")
    numbers: tuple[str, ...] = ("n", "p", "q")  # known at run time
    constants: tuple[str, ...] = ("ks[0]", "ks[1]", "ks[2]")  # perhaps known at compile time
    loop: bool = False
    lists: bool = True  # whether xs may change
    result: str | None = None  # what a return gives; None in a kernel
    depth: int = 0


@dataclass
class Writer:
    """Writes one program."""

    random: Random
    left: int = 12  # statements
    counters: int = 0
    helpers: list[list[str]] = field(default_factory=list)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def constant(self, scope: Scope) -> str:
        if self.chance(3):
            return self.pick(*scope.constants)
        small = not self.chance(4)
        return f"({self.random.randint(-4, 4) if small else self.random.randint(-(2**31), 2**31 - 1)})"

    def number(self, scope: Scope, depth: int = 2) -> str:
        """A run-time number: constants always meet one."""
        if depth == 0 or self.chance(3):
            return self.pick(*scope.numbers)
        inner = self.number(scope, depth - 1)
        if self.chance(8):
            return f"{self.pick('min', 'max')}({inner}, {self.number(scope, 0)})"
        if self.chance(8):
            return f"({inner} if {self.condition(scope, 0)} else {self.number(scope, 0)})"
        return self.mixed(inner, self.constant(scope) if self.chance(2) else self.number(scope, depth - 1))

    def tile(self, scope: Scope, depth: int = 2) -> str:
        if depth == 0 or self.chance(4):
            return self.pick(*scope.tiles)
        inner = self.tile(scope, depth - 1)
        kind = self.random.randrange(8)
        if kind == 0:
            return (
                f"tv.where({inner} {self.pick(*COMPARISONS)} {self.number(scope, 1)}, {inner}, {self.tile(scope, 0)})"
            )
        if kind == 1:
            return f"sum({self.pick('xs', 'xs[1:]', '[a, *xs]', '(v for v in xs)', '[v * n for v in xs]')}, {inner})"
        other = (self.constant, self.number, lambda s: self.tile(s, depth - 1))[self.random.randrange(3)]
        return self.mixed(inner, other(scope))

    def mixed(self, x: str, y: str) -> str:
        first, second = self.random.sample((x, y), 2)
        return f"({first} {self.pick(*OPERATORS)} {second})"

    def condition(self, scope: Scope, depth: int = 1) -> str:
        if depth and self.chance(4):
            return f"({self.condition(scope, 0)} {self.pick('and', 'or')} {self.condition(scope, 0)})"
        if depth and self.chance(6):
            return f"not {self.condition(scope, 0)}"
        low = f"({self.number(scope, 1)} & {self.random.choice((1, 3))})"
        side = self.number(scope, 1) if self.chance(2) else low
        return f"({side} {self.pick(*COMPARISONS)} {self.random.randint(-2, 3)})"

    def block(self, scope: Scope) -> Iterator[str]:
        """A few statements. A name that the block makes for itself is read in it only."""
        scope = replace(scope, depth=scope.depth + 1)
        for _ in range(self.random.randint(1, 3)):
            if self.left > 0 and self.chance(6):
                name = f"u{scope.depth}"
                yield f"{name} = {self.tile(scope)}"
                scope = replace(scope, tiles=(*scope.tiles, name))
            yield from self.statement(scope)

    def statement(self, scope: Scope) -> Iterator[str]:
        self.left -= 1
        simple = (self.assign, self.assign, self.assign, self.change_list)
        nested = (self.branch, self.branch, self.count, self.copies, self.wait, self.call)
        if self.left <= 0 or scope.depth > 3:
            yield from self.random.choice(simple)(scope)
        elif self.chance(5):
            yield from self.leave(scope)
        else:
            yield from self.random.choice((*simple, *nested))(scope)

    def assign(self, scope: Scope) -> Iterator[str]:
        sign = self.pick("", "", *(o for o in OPERATORS))
        if self.chance(2):
            yield f"{self.pick('a', 'b', 'c')} {sign}= {self.tile(scope)}"
        elif self.chance(3):
            yield f"p, q = {self.number(scope)}, {self.number(scope)}"
        else:
            yield f"{self.pick('p', 'q')} {sign}= {self.number(scope)}"

    def change_list(self, scope: Scope) -> Iterator[str]:
        at = self.random.randrange(3)
        kind = self.random.randrange(5) if scope.lists else 0
        if kind == 0:
            yield f"ks[{at}] = {self.pick(self.number(scope), str(self.random.randint(-9, 9)))}"
        elif kind == 1:
            yield f"xs[{at}] {self.pick(*OPERATORS)}= {self.tile(scope)}"
        elif kind == 2:
            yield f"xs = [v {self.pick(*OPERATORS)} {self.number(scope, 1)} for v in xs]"
        elif kind == 3:
            yield "xs = [*xs[1:], xs[0]]"
        else:
            yield f"xs[{at}] = {self.tile(scope)}"

    def branch(self, scope: Scope) -> Iterator[str]:
        test = self.condition(scope) if not self.chance(8) else self.pick("True", "False")
        yield f"if {test}:"
        yield from indented(self.block(scope))
        if self.chance(4):
            yield f"elif {self.condition(scope)}:"
            yield from indented(self.block(scope))
        if self.chance(2):
            yield "else:"
            yield from indented(self.block(scope))

    def leave(self, scope: Scope) -> Iterator[str]:
        """A break, continue or return; mostly under a condition."""
        ways = [*(("break", "continue") * 2 if scope.loop else ()), f"return {scope.result or ''}".rstrip()]
        if not self.chance(6):
            yield f"if {self.condition(scope)}:"
            if self.chance(3):
                yield from indented(self.assign(scope))
            yield f"    {self.pick(*ways)}"
        elif scope.depth > 1:
            yield self.pick(*ways)

    def count(self, scope: Scope) -> Iterator[str]:
        """A loop over a range at run time."""
        name = f"i{scope.depth}"
        bounds = self.pick("4", "n & 3", "1, 6, 2", "p & 7, -2, -3", "0, q & 7, (n & 1) + 1", "n & 3, n & 7", "0")
        yield f"for {name} in {self.pick('range', 'tv.range')}({bounds}):"
        yield from indented(self.block(replace(scope, numbers=(*scope.numbers, name), loop=True)))

    def copies(self, scope: Scope) -> Iterator[str]:
        """A loop at compile time."""
        name = f"t{scope.depth}"
        inner = replace(scope, loop=True)
        kind = self.random.randrange(4)
        if kind == 0:
            yield f"for {name} in {self.pick('tv.static_range(3)', '(1, -2)', '[0, 5, 7]', 'reversed((1, 2))')}:"
            inner = replace(inner, constants=(*scope.constants, name))
        elif kind == 1:
            yield f"for {name}, v{name} in enumerate(xs):"
            inner = replace(inner, constants=(*scope.constants, name), tiles=(*scope.tiles, f"v{name}", f"xs[{name}]"))
            if scope.lists and self.chance(2):
                yield f"    xs[{name}] {self.pick(*OPERATORS)}= {self.tile(inner)}"
        elif kind == 2:
            yield f"for v{name} in list(xs):"
            inner = replace(inner, tiles=(*scope.tiles, f"v{name}"))
        else:
            yield f"for {name}, v{name} in zip((2, 3), (a, b)):"
            inner = replace(inner, constants=(*scope.constants, name), tiles=(*scope.tiles, f"v{name}"))
        yield from indented(self.block(replace(inner, lists=scope.lists and kind != 1)))

    def wait(self, scope: Scope) -> Iterator[str]:
        """A loop while a condition holds, which ends after a few passes whatever happens."""
        self.counters += 1
        name = f"w{self.counters}"
        inner = replace(scope, numbers=(*scope.numbers, name), loop=True)
        yield f"{name} = n & 1"
        if self.chance(2):
            yield f"while {name} < 4 and {self.condition(inner, 0)}:"
            yield f"    {name} += 1"
        else:
            yield "while True:"
            yield f"    {name} += 1"
            yield f"    if {name} > {self.random.randint(1, 4)}:"
            yield f"        {self.pick('break', f'return {scope.result or str()}'.rstrip())}"
        yield from indented(self.block(inner))

    def call(self, scope: Scope) -> Iterator[str]:
        """A call of a helper, which is written now."""
        if scope.result is not None:
            return
        result = self.pick("a, p", "a * 2, n + p", "xs[1], max(p, q)")
        name, writer = f"helper{len(self.helpers)}", Writer(self.random, left=5)
        body = writer.block(Scope(result=result))
        self.helpers.append(
            [
                "@tv.function",
                f"def {name}(a, b, c, n, p, q, xs, ks):",
                "    xs, ks = list(xs), list(ks)",
                *indented(body),
                f"    return {result}",
            ]
        )
        given = f"{self.tile(scope)}, b, c, {self.number(scope)}, p, q, xs, ks"
        yield f"{self.pick('a', 'b')}, {self.pick('p', 'q')} = {name}({given})"


def indented(lines: Iterator[str]) -> Iterator[str]:
    """A body, which is never empty."""
    found = list(lines)
    return (f"    {line}" for line in found or ["pass"])


def write(seed: str) -> str:
    """The source of a module with a kernel."""
    random = Random(seed)
    writer = Writer(random, left=random.randint(2, 9))
    lines = [*START, *BEGIN]
    while writer.left > 0:
        lines += writer.block(Scope())
    lines += END
    helpers = ["\n".join(h) for h in writer.helpers]
    kernel = "\n".join((SIGNATURE, "def kernel(x, y, n):", *(f"    {line}" for line in lines)))
    return HEAD + "\n\n\n".join((*helpers, kernel)) + "\n"
