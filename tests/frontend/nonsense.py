"""Python functions made of pieces of the language, as hypothesis chooses them: most mean nothing, and all parse."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

from hypothesis import strategies as st

from tilevm.frontend import language


def parts(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.strip().split("|")]


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
LONE = parts("""
    pass|break|continue|return|del t|import os|global K|raise t|t: int|t: int = 3|with t: pass|assert False, t|yield t
    assert K == 4, f'{K}'|xs.append(t)|ys.append(ys)|m[1].extend(ys)|ys.insert(0, v)|xs.clear()|ys.reverse()|xs.pop()
    t, xs = xs, t|xs = ys = m|xs, ys = ys, xs|tv.static_print(t, xs, sep='')|m.append(m)|xs += ys|ys *= 2|q = xs
    t[0] += 1|ys[0] += n|def g(): pass|class G: pass|lambda: 0|nonlocal_ = 1|async_ = t|t = yield
""")
SENSE = parts("""
    t + 1.0|n * 2|tv.sum(t)|x.load(n, 8)|xs[0] + t|[e for e in ys]|tv.where(w > n, w, 0)|s * t|t.max()|sum(xs)|max(n, v)
    w.to(tv.f32) + t|[e * s for e in xs]|tv.zeros(8, tv.f32)|(n, s)|early(n, v)|helper(t)|v + 1|n // 3|early(t, n)
    tv.exp(t)|a.load((n, 0), (8, 8))|tv.dot(a.load((0, n), (8, 8)), b.load((n, n), (8, 4)))|p.load(w)|u >> 1|list(ys)
    tuple(xs)|enumerate(ys)|s if flag else 2.0|t.shape[0]|x.shape[0]|math.sqrt(K)|n > 0 and flag|[*ys, 4]|len(xs)|f'{K}'
""")
CONDITIONS = ("n > 0", "flag", "K == 4", "s < 1.5", "u != 3", "n == v")


class Nonsense:
    """Writes functions. What it writes is the simpler the smaller the numbers are that ``below`` gives."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below  # from 0 up to its argument, which is left out

    def one(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]

    def atom(self) -> str:
        kind = self.below(10)
        return self.one(NAMES if kind < 6 else NUMBERS if kind < 8 else LITERALS)

    def expression(self, depth: int = 3) -> str:
        sense = self.below(4 if depth < 3 else 2) == 0
        if sense or depth == 0:
            return self.one(SENSE) if sense else self.atom()
        kinds = (self.binary, self.binary, self.unary, self.member, self.call, self.call, self.item, self.choice)
        more = (self.display, self.comprehension, self.compared)
        rules = (*kinds, *more)
        return rules[self.below(len(rules))](depth - 1)

    def binary(self, depth: int) -> str:
        return f"({self.expression(depth)} {self.one(BINARY)} {self.expression(depth)})"

    def unary(self, depth: int) -> str:
        return f"({self.one(('-', '~', 'not ', '+'))}{self.expression(depth)})"

    def member(self, depth: int) -> str:
        return f"({self.expression(depth)}).{self.one(METHODS)}"

    def call(self, depth: int) -> str:
        function = self.one((FUNCTIONS, BUILTINS)[self.below(2)])
        if self.below(6) == 5:
            function = self.member(depth)
        given = [self.expression(depth) for _ in range(self.below(4))]
        if given and self.below(12) == 11:
            given[-1] = f"*{given[-1]}"
        if self.below(6) == 5:
            given.append(f"{self.one(KEYWORDS)}={self.expression(0)}")
        if self.below(60) == 59:
            given.append("**pair")
        return f"{function}({', '.join(given)})"

    def item(self, depth: int) -> str:
        return f"({self.expression(depth)})[{self.one(INDICES)}]"

    def choice(self, depth: int) -> str:
        return f"({self.expression(depth)} if {self.expression(depth)} else {self.expression(depth)})"

    def display(self, depth: int) -> str:
        inner = [self.one(("", "", "", "*")) + self.expression(depth) for _ in range(self.below(4))]
        if self.below(2):
            return f"[{', '.join(inner)}]"
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"

    def comprehension(self, depth: int) -> str:
        tests = f" if {self.expression(depth)}" if self.below(3) == 2 else ""
        again = f" for {self.one(('k', 'v'))} in {self.expression(0)}" if self.below(4) == 3 else ""
        inner = f"{self.expression(depth)} for {self.one(('k', 't', 'i, j'))} in {self.expression(depth)}{again}{tests}"
        return f"[{inner}]" if self.below(2) else f"{self.one(('list', 'sum', 'max', 'tuple', 'any'))}({inner})"

    def compared(self, depth: int) -> str:
        sign = lambda: self.one(("<", "==", ">=", "!="))  # noqa: E731
        return f"({self.atom()} {sign()} {self.expression(depth)} {sign()} {self.atom()})"

    def condition(self) -> str:
        """Often one that can be: known at run time, or while compiling."""
        return self.one(CONDITIONS) if self.below(5) < 4 else self.expression(2)

    def target(self) -> str:
        return self.one(TARGETS if self.below(8) < 7 else STRANGE)

    def statement(self, depth: int = 2) -> Iterator[str]:
        kind = self.below(12)
        if depth == 0 or kind < 4:
            yield f"{self.target()} = {self.expression()}"
        elif kind == 4:
            yield f"{self.one([n for n in TARGETS if ',' not in n])} {self.one(BINARY[:13])}= {self.expression(2)}"
        elif kind == 5:
            start = self.one(("", "return ", "assert ", "y.store(0, ", "x.store(n, "))
            yield f"{start}{self.expression()}{')' if '(' in start else ''}"
        elif kind == 6:
            yield self.one(LONE)
        else:
            yield from self.nested(depth - 1)

    def nested(self, depth: int) -> Iterator[str]:
        over = self.one(("range(4)", "range(n)", "xs", "ys", "enumerate(xs)", "zip(xs, ys)", "tv.static_range(3)", "m"))
        over = over if self.below(3) < 2 else self.expression(2)
        heads = (
            f"if {self.condition()}:",
            f"if {self.condition()}:",
            f"for {self.one(('k', 't', 'i, j', 'v', 'xs[0]'))} in {over}:",
            f"for k in {self.one(('range(4)', 'range(n)', 'range(0, n, -1)', 'tv.range(u)'))}:",
            f"while {self.one(('True', 'n > 3', 'flag', self.condition()))}:",
        )
        head = self.one(heads)
        yield head
        yield from self.body(depth)
        if self.below(3 if head[0] == "i" else 40) == 2:
            yield "else:"
            yield from self.body(depth)

    def body(self, depth: int) -> Iterator[str]:
        for _ in range(1 + self.below(2)):
            yield from (f"    {line}" for line in self.statement(depth))
        if self.below(3) == 2:
            yield f"    {self.one(('break', 'continue', 'return', 'n += 1', 'return t', 'v = v + 1', 'xs.append(t)'))}"

    def function(self, name: str) -> str:
        """A function, which may not parse; some of them call a helper that holds the nonsense."""
        lines = [*BEGIN, *(line for _ in range(1 + self.below(3)) for line in self.statement())]
        body = "".join(f"    {line}\n" for line in lines)
        if self.below(3) < 2:
            return f"def {name}({PARAMETERS}):\n{body}"
        call = f"def {name}({PARAMETERS}):\n    q = inner({PARAMETERS})\n    y.store(0, q)\n"
        return f"@tv.function\ndef inner({PARAMETERS}):\n{body}    return n\n\n\n{call}"


def parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            compile(text, "<nonsense>", "exec")
        except (SyntaxError, ValueError):
            return False
    return True


def functions() -> st.SearchStrategy[str]:
    """The text of a module with a function ``kernel``, and maybe a helper before it.

    Each decision is hypothesis's own, so what fails shrinks. One strategy draws them all: with one for each decision
    hypothesis makes most functions by changing those before, and half as many kinds of mistakes come up.
    """
    random = st.randoms(use_true_random=False, note_method_calls=False)
    return random.map(lambda r: Nonsense(r.randrange).function("kernel")).filter(parses)
