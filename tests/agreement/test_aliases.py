"""Lists under several names: what is not refused means what it means in Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
import pytest

from tests.agreement.plain import run_plainly
from tests.agreement.programs import COLUMNS, HEAD, ROWS, SIGNATURE, indented
from tests.conftest import TEST_ALL
from tilevm.optional import load_file
from tilevm.source import TileError

CHUNKS = 4
EACH = 5000 if TEST_ALL else 50
BASE = "" if os.environ.get("CI") == "true" else f"{SystemRandom().randrange(2**32)}-"
HELPERS = """
@tv.function
def same(xs):
    return xs


@tv.function
def either(xs, ys, n):
    if n > 2:
        return xs
    return ys


@tv.function
def changed(xs):
    xs[0] = xs[0] + 1
    return xs
"""
LINES = (
    """
xs = ys|ys = xs|zs = ys|xs, ys = ys, xs|xs = list(ys)|zs = [n, 1]|xs = [xs[1], ys[0]]|ys = same(xs)
zs = either(xs, ys, n)
xs[0] = n|xs[1] += 3|ys[0] = xs[1] * 2|zs[1] = ys[0] + n|xs += [n]|xs.append(n)|ys.reverse()|zs.insert(0, 5)|zs *= 2
m = [xs, ys]|m = [[n, 1], zs]|m[0][0] = 7|m[1] = xs|m[0] = m[1]|m[1][1] = n|xs = m[0]|ys = m[1]|changed(xs)
xs = changed([n, n])|zs = [v + n for v in xs]|m = [list(v) for v in m]|m[0], m[1] = m[1], m[0]|t = (xs, ys)|t[0][1] = n
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
CONDITIONS = ("n > 1", "n == 2", "n & 1 == 1", "True", "xs[0] > 3")


def block(random: Random, depth: int) -> Iterator[str]:
    for _ in range(random.randint(1, 2)):
        kind = random.randrange(7) if depth else 0
        if kind < 4:
            yield random.choice(LINES)
        elif kind == 4:
            yield f"if {random.choice(CONDITIONS)}:"
            yield from indented(block(random, depth - 1))
            if random.randrange(2):
                yield "else:"
                yield from indented(block(random, depth - 1))
        else:
            head = (
                "for i in range(n & 3):",
                "for v in (xs, ys):",
                "for i in range(3):",
                "for k in tv.static_range(2):",
            )
            yield random.choice(head)
            yield from indented(block(random, depth - 1))
            if random.randrange(3) == 0:
                yield f"    if {random.choice(CONDITIONS)}:"
                yield f"        {random.choice(('break', 'continue'))}"


def write(seed: str) -> str:
    random = Random(seed)
    lines = ["xs, ys, zs = [n, 1], [2, n + 1], [3, 4]", "m, t = [[5, n], [6, 7]], ([1, 2], [n, 4])"]
    lines += [line for _ in range(random.randint(1, 3)) for line in block(random, 2)]
    parts = (("xs", "ys"), ("zs", "m[0]"), ("m[1]", "t[0]"))
    for row, (a, b) in enumerate(parts):
        value = f"{a}[0] + {a}[1] * 10 + {a}[-1] * 1000 + {b}[0] * 7 + {b}[-1] * 3 + n * 0 + len({a}) + len({b}) * 5"
        lines.append(f"y.store(({row}, 0), tv.full((1, {COLUMNS}), {value}, tv.i32))")
    return f"{HEAD}{HELPERS}\n\n{SIGNATURE}\ndef kernel(x, y, n):\n" + "\n".join(f"    {line}" for line in lines) + "\n"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_lists_are_pythons_or_refused(chunk: int, tmp_path: Path) -> None:
    accepted = sum(agrees(f"{BASE}{chunk}-{k}", tmp_path / f"lists_{k}.py") for k in range(EACH))
    assert accepted > EACH // 20, "nearly all programs are refused"


def agrees(seed: str, path: Path) -> bool:
    """Whether a program is accepted, and then agrees for each n."""
    source = write(seed)
    path.write_text(source)
    kernel = load_file(str(path)).kernel
    x = np.zeros((ROWS, COLUMNS), np.int32)
    for n in range(6):
        y = np.zeros_like(x)
        try:
            kernel(x, y, n, device="vm")
        except TileError:
            return False
        assert y.tolist() == run_plainly(source, x.T.tolist()[:1], n, COLUMNS), f"seed {seed!r}, n = {n}\n{source}"
    return True
