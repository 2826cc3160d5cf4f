"""What a launch costs the host: of the smallest kernel, so that the card is always done before."""

from __future__ import annotations

from functools import partial
from typing import Any

from tilevm.bench.gpu import check
from tilevm.bench.gpu.case import HOST, OURS, Case, Expected, Problem, Rival
from tilevm.bench.gpu.setting import Setting

N = 1024


def launch(s: Setting) -> Case:
    x, y = s.random(N, dtype="float32"), s.random(N, dtype="float32")
    outs, kernel = [s.empty(N, dtype="float32") for _ in range(4)], s.example("vector_add").vector_add

    def own() -> Any:
        s.run(kernel, x, y, outs[0], BLOCK=N)
        return outs[0]

    again = s.prepared(kernel, x, y, outs[3], BLOCK=N)

    def prepared() -> Any:
        again()
        return outs[3]

    theirs = partial(s.torch.add, x, y, out=outs[1])
    rivals = [Rival.once(OURS, own, outs[0]), Rival.once("prepared", prepared, outs[3])]
    rivals.append(Rival.once("torch", theirs, outs[1]))
    if s.triton is not None:
        rivals.append(Rival.once("triton", partial(s.triton.run_add, x, y, outs[2]), outs[2]))

    def expected() -> Expected:
        exact = x.double() + y.double()
        return Expected((exact,), (2.0 * check.half_step(x) * exact.abs(),))

    return Case(0.0, HOST, tuple(rivals), expected)


PROBLEMS = (Problem("launch of 3 tensors", "launch", 3, launch),)
