"""Python functions made of random pieces of the language: most mean nothing, and all of them parse."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tilevm.frontend import language

PARAMETERS = "x, y, a, b, p, n, u, s, flag"
BEGIN = (
    "t, v, w, q = x.load(0, 8), 0, tv.arange(8), None",
    "xs, ys = [t, t + 1.0], [1, 2, 3]",
    "m, pair = [[1, n], [t]], (n, (2.5, 'ab'))",
)
NAMES = "x y a p n u s flag t v w q xs ys m pair K HELPERS helper early LIST TUPLE None range tv math print".split()
NUMBERS = "0 1 -1 2 -3 7 8 16 2.5 -0.0 1e300 1e-300 10**30 -2**31 2**31 2**63 True False 5e-324 float('nan')".split()
LITERALS = (
    *(
        "'text'",
        "''",
        "()",
        "(1, 2)",
        "(n, s)",
        "(8,)",
        "[1]",
        "[]",
        "[t, n]",
        "{}",
        "{1}",
        "{'a': 1}",
        "...",
        "b'x'",
        "1j",
    ),
    *(
        "f'{n}'",
        "f'{ys}{t.dtype!r}'",
        "f'{1:d}'",
        "f'{2.5:d}'",
        "f'{K:>{v}}'",
        "range(4)",
        "range(n)",
        "range(0, 9, -2)",
    ),
    *("tv.f16", "tv.f32", "tv.i8", "tv.bool_", "tv.u32", "tv.f8e4m3", "tv.i64", "float('inf')", "(lambda: 1)"),
)
BINARY = [*"+ - * / // % ** & | ^ << >> @ == != < <= > >= and or is in".split(), "is not", "not in"]
FUNCTIONS = [f"tv.{name}" for name in language.__all__ if name not in ("Number", "constexpr", "CompileTime")]
BUILTINS = """range len min max int float bool tuple list enumerate zip reversed sum any all sorted abs print round map
    isinstance helper early x.load a.load y.store p.load p.store a.gather y.scatter t.to t.sum t.reshape xs.append
    math.sqrt math.floor math.log math.factorial math.gcd math.hypot tv.f32 str dict set HELPERS[0] nothing""".split()
MEMBERS = sorted({m for c in (language.Tile, language.Tensor, language.Pointer) for m in vars(c) if m[0] != "_"})
METHODS = [*MEMBERS, "append", "extend", "pop", "bits", "nothing", "__class__"]
KEYWORDS = (
    "axis keepdims dtype shape other mask num_stages unroll strict start reverse saturate rounding acc sep".split()
)
INDICES = (":", "None", ":, None", "0", "-1", "1", "1:", "n", "None, ...", "::0", "::-1", "ys[0]", "0, 0", "True", "v")
TARGETS = "t v w n xs ys m q k t,v xs[0] ys[1] m[1] s".split()
STRANGE = "(t,(v,w)) *t,v t.a xs[n] xs[-1] m[0][1] m[0:1] pair[0] x[0]".split()
LONE = """
    pass|break|continue|return|del t|import os|global K|raise t|t: int|t: int = 3|with t: pass|assert False, t|yield t
    assert K == 4, f'{K}'|xs.append(t)|ys.append(ys)|m[1].extend(ys)|ys.insert(0, v)|xs.clear()|ys.reverse()|xs.pop()
    t, xs = xs, t|xs = ys = m|xs, ys = ys, xs|tv.static_print(t, xs, sep='')|m.append(m)|xs += ys|ys *= 2|q = xs
    t[0] += 1|ys[0] += n|def g(): pass|class G: pass|lambda: 0|nonlocal_ = 1|async_ = t|t = yield
"""
SENSE = """
    t + 1.0|n * 2|tv.sum(t)|x.load(n, 8)|xs[0] + t|[e for e in ys]|tv.where(w > n, w, 0)|s * t|t.max()|sum(xs)|max(n, v)
    w.to(tv.f32) + t|[e * s for e in xs]|tv.zeros(8, tv.f32)|(n, s)|early(n, v)|helper(t)|v + 1|n // 3|early(t, n)
    tv.exp(t)|a.load((n, 0), (8, 8))|tv.dot(a.load((0, n), (8, 8)), b.load((n, n), (8, 4)))|p.load(w)|u >> 1|list(ys)
    tuple(xs)|enumerate(ys)|s if flag else 2.0|t.shape[0]|x.shape[0]|math.sqrt(K)|n > 0 and flag|[*ys, 4]|len(xs)|f'{K}'
"""
CONDITIONS = ("n > 0", "flag", "K == 4", "s < 1.5", "u != 3", "n == v")


def parts(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.strip().split("|")]


class Nonsense:
    """Writes functions."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)

    def one(self, choices: list[str] | tuple[str, ...]) -> str:
        return self.random.choice(choices)

    def atom(self) -> str:
        kind = self.random.randrange(10)
        return self.one(NAMES if kind < 6 else NUMBERS if kind < 8 else LITERALS)

    def expression(self, depth: int = 3) -> str:
        sense = self.random.randrange(4 if depth < 3 else 2) == 0
        if sense or depth == 0:
            return self.one(parts(SENSE)) if sense else self.atom()
        kinds = (self.binary, self.binary, self.unary, self.member, self.call, self.call, self.item, self.choice)
        more = (self.display, self.comprehension, self.compared)
        return self.random.choice((*kinds, *more))(depth - 1)

    def binary(self, depth: int) -> str:
        return f"({self.expression(depth)} {self.one(BINARY)} {self.expression(depth)})"

    def unary(self, depth: int) -> str:
        return f"({self.one(('-', '~', 'not ', '+'))}{self.expression(depth)})"

    def member(self, depth: int) -> str:
        return f"({self.expression(depth)}).{self.one(METHODS)}"

    def call(self, depth: int) -> str:
        function = self.one(self.random.choice((FUNCTIONS, BUILTINS)))
        if self.random.randrange(6) == 0:
            function = self.member(depth)
        given = [self.expression(depth) for _ in range(self.random.randrange(4))]
        if given and self.random.randrange(12) == 0:
            given[-1] = f"*{given[-1]}"
        if self.random.randrange(6) == 0:
            given.append(f"{self.one(KEYWORDS)}={self.expression(0)}")
        if self.random.randrange(60) == 0:
            given.append("**pair")
        return f"{function}({', '.join(given)})"

    def item(self, depth: int) -> str:
        return f"({self.expression(depth)})[{self.one(INDICES)}]"

    def choice(self, depth: int) -> str:
        return f"({self.expression(depth)} if {self.expression(depth)} else {self.expression(depth)})"

    def display(self, depth: int) -> str:
        inner = [self.one(("", "", "", "*")) + self.expression(depth) for _ in range(self.random.randrange(4))]
        if self.random.randrange(2):
            return f"[{', '.join(inner)}]"
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"

    def comprehension(self, depth: int) -> str:
        tests = f" if {self.expression(depth)}" if self.random.randrange(3) == 0 else ""
        again = f" for {self.one(('k', 'v'))} in {self.expression(0)}" if self.random.randrange(4) == 0 else ""
        inner = f"{self.expression(depth)} for {self.one(('k', 't', 'i, j'))} in {self.expression(depth)}{again}{tests}"
        return (
            f"[{inner}]" if self.random.randrange(2) else f"{self.one(('list', 'sum', 'max', 'tuple', 'any'))}({inner})"
        )

    def compared(self, depth: int) -> str:
        sign = lambda: self.one(("<", "==", ">=", "!="))  # noqa: E731
        return f"({self.atom()} {sign()} {self.expression(depth)} {sign()} {self.atom()})"

    def condition(self) -> str:
        """Often one that can be: known at run time, or while compiling."""
        return self.one(CONDITIONS) if self.random.randrange(5) else self.expression(2)

    def target(self) -> str:
        return self.one(TARGETS if self.random.randrange(8) else STRANGE)

    def statement(self, depth: int = 2) -> Iterator[str]:
        kind = self.random.randrange(12)
        if depth == 0 or kind < 4:
            yield f"{self.target()} = {self.expression()}"
        elif kind == 4:
            yield f"{self.one([n for n in TARGETS if ',' not in n])} {self.one(BINARY[:13])}= {self.expression(2)}"
        elif kind == 5:
            start = self.one(("", "return ", "assert ", "y.store(0, ", "x.store(n, "))
            yield f"{start}{self.expression()}{')' if '(' in start else ''}"
        elif kind == 6:
            yield self.one(parts(LONE))
        else:
            yield from self.nested(depth - 1)

    def nested(self, depth: int) -> Iterator[str]:
        over = self.one(("range(4)", "range(n)", "xs", "ys", "enumerate(xs)", "zip(xs, ys)", "tv.static_range(3)", "m"))
        over = over if self.random.randrange(3) else self.expression(2)
        heads = (
            f"if {self.condition()}:",
            f"if {self.condition()}:",
            f"for {self.one(('k', 't', 'i, j', 'v', 'xs[0]'))} in {over}:",
            f"for k in {self.one(('range(4)', 'range(n)', 'range(0, n, -1)', 'tv.range(u)'))}:",
            f"while {self.one(('True', 'n > 3', 'flag', self.condition()))}:",
        )
        head = self.random.choice(heads)
        yield head
        yield from self.body(depth)
        if self.random.randrange(3 if head[0] == "i" else 40) == 0:
            yield "else:"
            yield from self.body(depth)

    def body(self, depth: int) -> Iterator[str]:
        for _ in range(self.random.randint(1, 2)):
            yield from (f"    {line}" for line in self.statement(depth))
        if self.random.randrange(3) == 0:
            yield f"    {self.one(('break', 'continue', 'return', 'n += 1', 'return t', 'v = v + 1', 'xs.append(t)'))}"

    def function(self, name: str) -> str:
        """A function that parses; some of them call a helper that holds the nonsense."""
        while True:
            lines = [*BEGIN, *(line for _ in range(self.random.randint(1, 3)) for line in self.statement())]
            body = "".join(f"    {line}\n" for line in lines)
            text = f"def {name}({PARAMETERS}):\n{body}"
            if self.random.randrange(3) == 0:
                call = f"def {name}({PARAMETERS}):\n    q = inner_{name}({PARAMETERS})\n    y.store(0, q)\n"
                text = f"@tv.function\ndef inner_{name}({PARAMETERS}):\n{body}    return n\n\n\n{call}"
            try:
                compile(text, "<nonsense>", "exec")
            except (SyntaxError, ValueError):
                continue
            return text
