"""The main kernels, weakened in one place at a time: PTX on the emulator, threads on the machine that knows them.

Each wait, barrier, guard, mask, bound, swizzle, turn and exchange of values is left out or made wrong. A machine must
report that, or what is computed must not be right. What survives stands in ``survivors/``, each with its reason. Most
mutants of PTX are left to ``TILEVM_TEST_ALL``; ``--update-golden`` writes the files anew and keeps known reasons.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import TEST_ALL
from tests.emulator.mutating import Mutant, mutants, mutated, origins_of
from tests.ptx.mutation import survivors, threads
from tests.ptx.mutation.cases import CASES, case
from tests.ptx.mutation.running import Emulating, emulating, threads_caught
from tests.ptx.mutation.survivors import Survivor, survivor
from tilevm.ir import Block, Func
from tilevm.ir.ops import For
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import Barrier
from tilevm.ir.verify import verify
from tilevm.text import read_func

Golden = Callable[[str | Path, str], None]
HERE = Path(__file__).parent / "survivors"
SAMPLE = 12  # one mutant of so many, where not all are asked for
LEAST = {"ptx": 0.95, "threads": 0.91}  # of mutants, caught; what survives does so for a reason
ALL = ("select", "size", "swizzle", "turn", "shuffle", "or", "slot")  # kinds of which none survives


@cache
def ptx(name: str) -> str:
    return case(name).compiled.stages["ptx"]


@cache
def machine(name: str) -> Emulating:
    return emulating(case(name))


@cache
def function(name: str) -> Func:
    return verify(read_func(case(name).compiled.stages["thread"]))


@cache
def of_ptx(name: str) -> tuple[Mutant, ...]:
    return tuple(mutants(ptx(name)))


@cache
def of_threads(name: str) -> tuple[threads.Mutant, ...]:
    return tuple(threads.mutants(function(name)))


def file(level: str, name: str) -> Path:
    return HERE / level / f"{name.replace(' ', '_')}.txt"


def compare(found: Counter[Survivor], where: Path, complete: bool, golden: Golden) -> None:
    if complete:
        golden(where, survivors.written(found, survivors.read(where)))
    assert not survivors.unlisted(found, survivors.read(where))


def sampled(name: str, all_: Sequence[Mutant]) -> Sequence[Mutant]:
    """Every so many, of every kernel others."""
    return all_[zlib.crc32(name.encode()) % SAMPLE :: SAMPLE]


@pytest.mark.parametrize("name", CASES)
def test_what_is_taken_from_ptx_is_missed(name: str, golden: Golden, request: pytest.FixtureRequest) -> None:
    complete = TEST_ALL or bool(request.config.getoption("--update-golden"))
    lines, emulator, found = ptx(name).split("\n"), machine(name), Counter[Survivor]()
    origins = origins_of(lines)
    for mutant in of_ptx(name) if complete else sampled(name, of_ptx(name)):
        if not emulator.caught(mutated(emulator.emulated.kernel, mutant)):
            found[survivor(mutant.kind, origins[mutant.line - 1], lines[mutant.line - 1])] += 1
    compare(found, file("ptx", name), complete, golden)


@pytest.mark.parametrize("name", CASES)
def test_what_is_taken_from_threads_is_missed(name: str, golden: Golden) -> None:
    assert not threads_caught(case(name), function(name))
    lines, found = case(name).compiled.stages["thread"].split("\n"), Counter[Survivor]()
    for mutant in of_threads(name):
        if not threads_caught(case(name), verify(mutant.func)):
            found[survivor(mutant.kind, "", lines[mutant.line - 1])] += 1
    compare(found, file("threads", name), True, golden)


@pytest.mark.parametrize("level", ["ptx", "threads"])
def test_few_survive_and_each_has_a_reason(level: str) -> None:
    made, alive = Counter[str](), Counter[str]()
    for name in CASES:
        made.update(m.kind for m in (of_ptx(name) if level == "ptx" else of_threads(name)))
        for one, listed in survivors.read(file(level, name)).items():
            assert listed.reason != survivors.UNKNOWN, (name, one)
            alive[one.kind] += listed.count
    assert alive.total() <= (1 - LEAST[level]) * made.total()
    assert not [kind for kind in alive if kind.startswith(ALL)]


def barriers(block: Block) -> list[int]:
    """How many barriers a trip of each loop has, inner loops by themselves."""
    loops = [op for op in walk(block) if isinstance(op, For)]
    return [sum(isinstance(op, Barrier) for op in loop.body.ops) for loop in loops]


TRIPS = {
    "matmul f16 of whole tiles": [1],
    "matmul f16": [1],
    "matmul f16 by columns": [1],
    "matmul f32": [1, 0],
    "softmax": [],
    "layer norm": [],
    "attention": [2, 2],
    "causal attention": [2, 2],
    "causal attention ahead": [2, 2],
    "sort and sum": [0, 0, 0],
    "sort and argsort": [0, 2],
    "matmul of u4": [0],
}


@pytest.mark.parametrize("name", CASES)
def test_barriers_of_a_trip(name: str) -> None:
    assert barriers(function(name).body) == TRIPS[name]
