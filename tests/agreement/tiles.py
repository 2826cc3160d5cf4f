"""Random programs on tiles of integers: products, reductions, orderings, parts, loads and stores of one tensor, loops.

Integers are exact in any order of summation, so machines have to agree bit for bit.
"""

from __future__ import annotations

from random import Random

ROWS = 12  # of a tile, and columns: neither a vector nor a power of two
TILES, LINES = ("t", "u", "v", "w"), ("r", "s")
HEAD = "import tilevm as tv\n"
KERNEL = """

@tv.kernel
def program{number}(x: tv.Tensor, y: tv.Tensor, n: int):
    t, u = x.load((0, 0), ({R}, {R})), x.load((3, 1), ({R}, {R}))
    v, w = t - u, tv.full(({R}, {R}), 3, tv.i32)
    r, s = t.sum(axis=1), tv.arange({R})
{body}
    for k, tile in enumerate((t, u, v, w)):
        y.store((k * {R}, 0), tile)
    y.store((4 * {R}, 0), r[None, :])
    y.store((4 * {R} + 1, 0), s[None, :])
"""


def program(number: int, random: Random) -> str:
    """One kernel's text: ``program<number>(x, y, n)``."""
    body = statements(random, random.randint(4, 9), depth=0)
    return KERNEL.format(number=number, R=ROWS, body="\n".join("    " + line for line in body))


def statements(random: Random, count: int, depth: int) -> list[str]:
    return [line for _ in range(count) for line in statement(random, depth)]


def statement(random: Random, depth: int) -> list[str]:
    nested = depth < 2 and random.random() < 0.22
    return random.choice(NESTED if nested else PLAIN)(random, depth)


def tile(random: Random) -> str:
    """A tile-valued expression of few parts."""
    return random.choice(EXPRESSIONS)(random)


def name(random: Random) -> str:
    return random.choice(TILES)


def line(random: Random) -> str:
    return random.choice(LINES)


def place(random: Random) -> str:
    return f"({random.randint(-3, 9)}, {random.choice(['n', '0', '-2', '5'])})"


def factor(random: Random) -> str:
    """An operand of a product: a tile, its transpose, or something computed."""
    return random.choice([name(random), f"{name(random)}.T", f"({name(random)} + {name(random)})", load(random)])


def product(random: Random) -> str:
    dtype, acc = random.choice(["i8", "i16", "i32"]), name(random)
    start = random.choice(["", f", {acc}", f", {acc} * {line(random)}[:, None]", f", {acc} + {name(random)}"])
    return f"tv.dot(({factor(random)}).to(tv.{dtype}), ({factor(random)}).to(tv.{dtype}){start})"


def load(random: Random) -> str:
    return f"x.load({place(random)}, ({ROWS}, {ROWS}))"


EXPRESSIONS = (
    lambda random: f"{name(random)} {random.choice('+-*&|^')} {name(random)}",
    lambda random: f"tv.where({name(random)} > {name(random)}, {name(random)}, {name(random)} + 1)",
    lambda random: f"{name(random)}.T",
    lambda random: f"{name(random)} + {line(random)}[{random.choice([':, None', 'None, :'])}]",
    lambda random: f"tv.sort({name(random)}, axis={random.randint(0, 1)}, descending={random.random() < 0.5})",
    lambda random: f"tv.cumsum({name(random)}, axis={random.randint(0, 1)})",
    lambda random: f"{name(random)}.reshape(4, 3 * {ROWS}).T.reshape({ROWS}, {ROWS})",
    lambda random: f"tv.cat(({name(random)}[5:], {name(random)}[:5]))",
    product,
    product,
    load,
)

REDUCED = ("sum", "max", "min", "argmax")


def assign(random: Random, depth: int) -> list[str]:
    return [f"{name(random)} = {tile(random)}"]


def swap(random: Random, depth: int) -> list[str]:
    a, b = random.sample(TILES, 2)
    return [f"{a}, {b} = {b}, {tile(random)}"]


def reduced(random: Random, depth: int) -> list[str]:
    return [f"{line(random)} = {name(random)}.{random.choice(REDUCED)}(axis={random.randint(0, 1)})"]


def store(random: Random, depth: int) -> list[str]:
    return [f"x.store({place(random)}, {random.choice([name(random), tile(random)])})"]


def loop(random: Random, depth: int) -> list[str]:
    body = statements(random, random.randint(1, 4), depth + 1)
    leave = [f"if {line(random)}.sum() > {random.randint(-50, 50)}:", "    break"] if random.random() < 0.2 else []
    return [f"for i{depth} in range({random.choice(['n', '3', '0'])}):", *("    " + b for b in [*body, *leave])]


def branch(random: Random, depth: int) -> list[str]:
    a, b = (statements(random, random.randint(1, 3), depth + 1) for _ in range(2))
    head = f"if {line(random)}.max() > {random.randint(-20, 40)}:"
    return [head, *("    " + s for s in a), "else:", *("    " + s for s in b)]


PLAIN = (assign, assign, assign, swap, reduced, store)
NESTED = (loop, loop, branch)
