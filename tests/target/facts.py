"""Facts about fragments, as expressions of their own: what the records of machines are compared with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tilevm.layout import Layout
from tilevm.target import MmaAtom
from tilevm.types import DType

HERE = Path(__file__).parent
KINDS = {16: "16bit", 32: "tf32", 8: "8bit", 4: "4bit", 1: "1bit", 64: "f64"}


def read(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


NVIDIA = read("nvidia.json")
MFMA = read("mfma.json")["instructions"]
PHASES = read("phases.json")


def value(expression: str, **names: Any) -> Any:
    """What a formula of the tables says, of numbers or of arrays."""
    return eval(expression, {"__builtins__": {}}, names)


@dataclass(frozen=True, eq=False)
class Held:
    """Who holds what: of each lane and slot, the index; one array (lanes, slots) a dim."""

    index: tuple[np.ndarray, ...]

    @property
    def slots(self) -> tuple[int, int]:
        lanes, slots = self.index[0].shape
        return lanes, slots

    def gather(self, registers: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The matrix that lies in ``registers`` of shape (lanes, slots); an element that nobody holds is far off."""
        found = np.full(shape, -(2.0**40))
        found[self.index] = registers
        return found

    def scatter(self, matrix: np.ndarray) -> np.ndarray:
        """Registers of shape (lanes, slots), from a matrix."""
        found: np.ndarray = matrix[self.index]
        return found


def held(rules: tuple[str, ...], lanes: int, slots: int, **names: Any) -> Held:
    """The same, by a formula a dim."""
    zero = np.zeros((lanes, slots), np.int64)
    return Held(tuple(zero + value(rule, **names) for rule in rules))


@cache
def nvidia(name: str, lanes: int, n: int = 0) -> Held:
    """A fragment of mma.sync or wgmma by its name in the table; ``n`` for those that depend on it."""
    fact = NVIDIA["fragments"][name]
    slots = value(str(fact["registers"]).replace("/", "//"), N=n) * fact["elements"]
    lane, slot = np.arange(lanes)[:, None], np.arange(slots)[None, :]
    seen = {"lane": lane, "g": lane % 32 // 4, "t": lane % 4, "warp": lane // 32}
    seen |= {"reg": slot // fact["elements"], "sub": slot % fact["elements"]}
    return held((fact["row"], fact["col"]), lanes, slots, **seen)


def amd(fact: dict[str, Any], operand: str, dims: str, slots: int) -> Held:
    """An operand of an MFMA: ``dims`` are the letters of its index, b in front where there are blocks."""
    lane, e = np.arange(64)[:, None], np.arange(slots)[None, :]
    return held(tuple(fact[operand][d] for d in dims), 64, slots, lane=lane, e=e)


@cache
def table(layout: Layout) -> Held:
    """What a layout says of every thread and slot."""
    found = [[layout.index_at(t, r) for r in range(layout.registers)] for t in range(layout.threads)]
    return Held(tuple(np.moveaxis(np.array(found), -1, 0)))


def alike(layout: Layout, fact: Held) -> bool:
    """Whether a layout says what the facts say, of every thread and slot."""
    mine = table(layout)
    return mine.slots == fact.slots and all(map(np.array_equal, mine.index, fact.index))


def names(atom: MmaAtom) -> dict[str, str]:
    """What the table calls those operands of an atom of NVIDIA that lie in registers."""
    m, n, k = atom.shape
    a, b, c = KINDS[atom.a_dtype.bits], KINDS[atom.b_dtype.bits], accumulator(atom.c_dtype)
    if atom.threads == 32:
        return {"a": f"mma.m{m}n{n}k{k}.A_{a}", "b": f"mma.m{m}n{n}k{k}.B_{b}", "c": f"mma.m{m}n{n}.C_{c}"}
    there = {"a": f"wgmma.m{m}k{k}.A_{a}_reg"} if atom.a is not None else {}
    return {**there, "c": f"wgmma.m{m}nN.C_{c}"}


def fragments(atom: MmaAtom) -> Iterator[tuple[str, Held]]:
    """Their facts."""
    for letter, name in names(atom).items():
        yield letter, nvidia(name, atom.threads, atom.n)


def accumulator(dtype: DType) -> str:
    return {16: "f16x2", 32: "f32_s32", 64: "f64"}[dtype.bits]
