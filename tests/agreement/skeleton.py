"""Random programs made of lines with holes: statements, loops and branches, one inside another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from random import Random

DEEPEST, NESTED = 2, 0.2  # how deep loops and branches stand, and what part of the statements they are


@dataclass(frozen=True)
class Language:
    """What a program is made of: texts with one choice a line, and letters in braces for parts of it.

    ``parts``: by letter, what makes a fresh part. ``plain``: texts of statements, all as likely. ``conditions``: of
    branches and of what leaves a loop.
    """

    parts: Mapping[str, Callable[[Writer], str]]
    plain: tuple[str, ...]
    conditions: str
    leaves: tuple[str, ...] = ("break", "continue")


@dataclass
class Writer:
    """Writes programs of a language. ``words``: by letter, what is the same all through a program."""

    random: Random
    language: Language
    words: Mapping[str, str]

    def one(self, choices: str) -> str:
        """One line of ``choices``, filled in."""
        text = self.random.choice(choices.strip().split("\n"))
        while "{" in text:
            head, _, rest = text.partition("{")
            letter, _, tail = rest.partition("}")
            text = head + (self.words.get(letter) or self.language.parts[letter](self)) + tail
        return text

    def body(self, least: int, most: int, depth: int = 0) -> list[str]:
        """Some statements, indented."""
        return [f"    {line}" for _ in range(self.random.randint(least, most)) for line in self.statement(depth)]

    def statement(self, depth: int) -> Iterable[str]:
        if depth < DEEPEST and self.random.random() < NESTED:
            return self.random.choice((self.loop, self.loop, self.branch))(depth)
        return [self.one(self.random.choice(self.language.plain))]

    def loop(self, depth: int) -> Iterator[str]:
        yield f"for i{depth} in range({self.random.choice(('n', '3', '0'))}):"
        yield from self.body(1, 2, depth + 1)
        if self.random.random() < 0.3:
            yield f"    if {self.one(self.language.conditions)}:"
            yield f"        {self.random.choice(self.language.leaves)}"
        yield from self.body(1, 2, depth + 1)

    def branch(self, depth: int) -> Iterator[str]:
        yield f"if {self.one(self.language.conditions)}:"
        yield from self.body(1, 3, depth + 1)
        yield "else:"
        yield from self.body(1, 3, depth + 1)


def assigned(names: str, value: str) -> str:
    """One of some names assigned, a letter each."""
    return "\n".join(f"{name} = {value}" for name in names)


def swapped(names: str, value: str) -> str:
    """Two of some names assigned at once: one gets the other."""
    return "\n".join(f"{a}, {b} = {b}, {value}" for a, b in permutations(names, 2))
