"""Random programs on tiles of integers: products, reductions, orderings, parts, loads and stores of one tensor, loops.

Integers are exact in any order of summation, so machines have to agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.agreement.skeleton import Language, Writer, assigned, swapped

ROWS = 12  # of a tile, and columns: neither a vector nor a power of two
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


# One expression a line; for each letter in braces stands a fresh part of that kind, as PARTS says.
EXPRESSION = """
{t} {s} {t}
tv.where({t} > {t}, {t}, {t} + 1)
{t}.T
{t} + {r}[:, None]
{t} + {r}[None, :]
tv.sort({t}, axis={a}, descending={b})
tv.cumsum({t}, axis={a})
{t}.reshape(4, 3 * {R}).T.reshape({R}, {R})
tv.cat(({t}[5:], {t}[:5]))
{p}
{p}
{l}
"""
PRODUCT = """
tv.dot(({f}).to(tv.DTYPE), ({f}).to(tv.DTYPE))
tv.dot(({f}).to(tv.DTYPE), ({f}).to(tv.DTYPE), {t})
tv.dot(({f}).to(tv.DTYPE), ({f}).to(tv.DTYPE), {t} * {r}[:, None])
tv.dot(({f}).to(tv.DTYPE), ({f}).to(tv.DTYPE), {t} + {t})
"""
FACTOR = """
{t}
{t}.T
({t} + {t})
{l}
"""
STORE = """
x.store({o}, {t})
x.store({o}, {e})
"""
PARTS: dict[str, Callable[[Writer], str]] = {
    "t": lambda w: w.random.choice("tuvw"),
    "r": lambda w: w.random.choice("rs"),
    "s": lambda w: w.random.choice("+-*&|^"),
    "a": lambda w: w.random.choice("01"),
    "b": lambda w: w.random.choice(("True", "False")),
    "o": lambda w: f"({w.random.randint(-3, 9)}, {w.random.choice(['n', '0', '-2', '5'])})",
    "l": lambda w: w.one("x.load({o}, ({R}, {R}))"),
    "f": lambda w: w.one(FACTOR),
    "p": lambda w: w.one(PRODUCT).replace("DTYPE", w.random.choice(("i8", "i16", "i32"))),
    "e": lambda w: w.one(EXPRESSION),
    "z": lambda w: str(w.random.randint(-50, 50)),
}
ASSIGN = assigned("tuvw", "{e}")
REDUCED = "\n".join(assigned("rs", f"{{t}}.{fold}(axis={{a}})") for fold in ("sum", "max", "min", "argmax"))
CONDITION = """
{r}.sum() > {z}
{r}.max() > {z}
"""
LANGUAGE = Language(PARTS, (ASSIGN, ASSIGN, ASSIGN, swapped("tuvw", "{e}"), REDUCED, STORE), CONDITION)


def program(number: int, random: Random) -> str:
    """One kernel's text: ``program<number>(x, y, n)``."""
    body = Writer(random, LANGUAGE, {"R": str(ROWS)}).body(4, 9)
    return KERNEL.format(number=number, R=ROWS, body="\n".join(body))
