"""Operands of matrix instructions by short names: ``sm_80:m16n8k16.f16:a``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from tilevm.layout import Layout
from tilevm.source import TileError, nearest
from tilevm.target import MmaAtom, target

NAME = re.compile(r"\s*([A-Za-z]\w*)\s*:(.*):\s*(\w+)\s*", re.DOTALL)
STEM = re.compile(r"\s*[A-Za-z]\w*\s*:")  # no text of a layout begins so
WORD = re.compile(r"[A-Za-z0-9]+")
MOST = 6  # instructions that a message lists

OPERANDS: Mapping[str, Callable[[MmaAtom], Layout | None]] = {
    "a": lambda atom: atom.a,
    "b": lambda atom: atom.b,
    "c": lambda atom: atom.c,
    "d": lambda atom: atom.c,
    "scale_a": lambda atom: atom.scales.a if atom.scales else None,
    "scale_b": lambda atom: atom.scales.b if atom.scales else None,
}


def is_operand(text: str) -> bool:
    """Whether ``text`` names an operand, well or badly: it begins with a word and a colon."""
    return STEM.match(text) is not None


def operand(text: str) -> Layout:
    """The layout behind ``MACHINE:WORDS:OPERAND``.

    WORDS are of the instruction's name, of its shape (``m16n8k16`` or ``16x8x16``), or its types, in any order between
    dots. Raises TileError where no instruction has them all, where several do that hold the operand differently, and
    for an operand that lies in shared memory.
    """
    found = NAME.fullmatch(text)
    if not found:
        raise TileError(f"{text.strip()!r} names no operand", help="write MACHINE:WORDS:OPERAND: sm_80:m16n8k16.f16:a")
    machine, words, letter = found.groups()
    if letter not in OPERANDS:
        near = nearest(letter, tuple(OPERANDS))
        raise TileError(f"a matrix instruction has no operand {letter!r}", help=said(near) or listed(OPERANDS))
    atoms = having(machine, WORD.findall(words))
    layouts = {layout for atom in atoms if (layout := OPERANDS[letter](atom)) is not None}
    names = list(dict.fromkeys(atom.name for atom in atoms))
    if not layouts:
        raise TileError(f"{listed(names)} holds no {letter} in registers", help="a picture is of what registers hold")
    if len(layouts) > 1:
        message = f"{len(names)} instructions of {machine} have these words, and hold {letter} in different ways"
        raise TileError(message, help=f"add a word that tells them apart: {listed(names)}")
    return layouts.pop()


def having(machine: str, words: list[str]) -> list[MmaAtom]:
    """The instructions that have all the words. Raises TileError with the nearest word where none has."""
    every = target(machine).mma_atoms
    atoms = [atom for atom in every if vocabulary(atom).issuperset(words)]
    if atoms:
        return atoms
    known = sorted(set().union(*map(vocabulary, every)))
    for word in words:
        if word not in known:
            help = said(nearest(word, known)) or f"see tilevm targets {machine}"
            raise TileError(f"no matrix instruction of {machine} has the word {word!r}", help=help)
    raise TileError(
        f"no matrix instruction of {machine} has all of {', '.join(words)}", help=f"see tilevm targets {machine}"
    )


def vocabulary(atom: MmaAtom) -> set[str]:
    """The words that an instruction answers to."""
    words = set(WORD.findall(atom.name))
    types = {dtype.name for dtype in (atom.a_dtype, atom.b_dtype, atom.c_dtype)}
    return words | types | {f"m{atom.m}n{atom.n}k{atom.k}", f"{atom.m}x{atom.n}x{atom.k}"}


def said(near: str | None) -> str | None:
    return f"did you mean {near!r}?" if near else None


def listed(names: Iterable[str]) -> str:
    """Some names in a line."""
    every = list(names)
    return ", ".join(every[:MOST]) + (f" and {len(every) - MOST} more" if len(every) > MOST else "")
