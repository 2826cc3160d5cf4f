"""The reference machine of threads finds no race in what the passes made of random programs."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from tests.passes.threads.memory_programs import programs
from tilevm.abi import KernelAbi
from tilevm.backends.vm import backend
from tilevm.backends.vm.threads import Hazard, ThreadRun
from tilevm.ir import Func
from tilevm.ir.rewrite import rewrite, walk
from tilevm.ir.threads import Barrier
from tilevm.ir.verify import verify
from tilevm.passes.threads.barriers import insert_barriers
from tilevm.passes.threads.lives import lives
from tilevm.passes.threads.place import arrange, place_shared
from tilevm.runtime.arguments import read
from tilevm.text import read_func

TRIPS = (0, 1, 4)


def races(func: Func) -> list[str]:
    """What the machine says of threads that meet, on few trips and both branches. Waits are up to the program."""
    run = backend.compile(func, KernelAbi.of(func))
    assert isinstance(run, ThreadRun)
    x = np.zeros(64, np.float32)
    found = []
    for trips in TRIPS:
        for side in (False, True):
            hazards = run.collect((1, 1, 1), [read(value, "given")[0] for value in (trips, side, x)])
            found += [str(h) for h in hazards if h.kind is Hazard.RACE]
    return found


def densest(func: Func) -> Func:
    """The function with its buffers as close as can be."""
    found = lives(func)
    sizes = {life.buffer: life.buffer.slots * life.buffer.count * 4 for life in found}
    return place_shared(func, max(at + sizes[b] for b, at in arrange(found, sizes, lambda a, b: a.meets(b)).items()))


@given(programs())
def test_no_race(text: str) -> None:
    made = verify(insert_barriers(densest(verify(read_func(text)))))
    assert not races(made)


def test_the_machine_would_find_one() -> None:
    text = """func @f(%n: i32, %c: bool, %x: ptr<f32, align=16>) warps(2, sm_80) {
      %k = constant {value = 32, of = i32} : i32
      %t = thread_id : i32
      %u = xor %t, %k : i32
      %o = splat %t {shape = [1]} : i32[1]
      %p = splat %u {shape = [1]} : i32[1]
      %z = constant {value = 0.0, of = f32} : f32
      %d = splat %z {shape = [1]} : f32[1]
      %a = shared {of = f32, count = 64} : shared<f32[64]>
      %b = shared {of = f32, count = 64} : shared<f32[64]>
      shared_store %a, %d, %o
      %v = shared_load %a, %p : f32[1]
      shared_store %b, %d, %o
      %w = shared_load %b, %p : f32[1]
      yield []
    }"""
    made = insert_barriers(densest(read_func(text)))
    barriers = [op for op in walk(made.body) if isinstance(op, Barrier)]
    assert len(barriers) == 3 and not races(made)
    for barrier in barriers:
        assert races(rewrite(made, lambda op, _, drop=barrier: [] if op is drop else None))
