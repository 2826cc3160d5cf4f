"""What is launched through the driver gives the numbers of the emulator, bit for bit: it is the same PTX."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.agreement.test_tiles import run
from tests.agreement.tiles import HEAD, program
from tests.cuda.standin import Stub
from tilevm.optional import load_file
from tilevm.source import TileError

EXAMPLES = Path(__file__).parents[2] / "examples"
Run = Callable[[str], tuple[Any, ...]]


def example(name: str) -> Any:
    return load_file(str(EXAMPLES / f"{name}.py"))


def matmul(device: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(s).astype(np.float16) for s in ((40, 64), (64, 48), (48,)))
    c = np.full((40, 48), 7, np.float16)
    example("matmul").matmul(a, b, bias, c, BM=32, BN=32, BK=16, device=device)
    return (c,)


def softmax(device: str) -> tuple[Any, ...]:
    x = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    y = np.zeros_like(x)
    example("softmax").softmax(x, y, BLOCK=128, device=device)
    return (y,)


def attention(device: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 1, n, 16)).astype(np.float16) for n in (37, 50, 50))
    o = np.full_like(q, 7)
    example("attention").attention(q, k, v, o, 0.25, D=16, causal=True, BM=16, BN=16, device=device)
    return (o,)


def quantised(device: str) -> tuple[Any, ...]:
    found = example("quantised_matmul")
    given = found.problem(np.random.default_rng(0), "u3", (3, 32, 128), 64, True)
    return (found.linear(**given, device=device),)


@tv.kernel("x: i32[N], bits: u4[M] packed", grid=lambda N, **_: tv.cdiv(N, 8))
def nibbles(x: tv.Tensor, bits: tv.Tensor):
    at = tv.program_id(0) * 8
    bits.store(at + 1, x.load(at, 8).to(tv.u4))


def packed(device: str) -> tuple[Any, ...]:
    held = np.full(9, 0xFF, np.uint8)
    nibbles(np.arange(16, dtype=np.int32), tv.packed(held, "u4", 18), device=device)
    return (held,)


CASES: dict[str, Run] = {
    "matmul": matmul,
    "softmax": softmax,
    "attention": attention,
    "quantised": quantised,
    "packed": packed,
}


@pytest.mark.parametrize("case", CASES)
def test_machines_agree(stub: Stub, case: str) -> None:
    stub.card(0, (8, 0))  # whose target is the emulator's
    stub.run_kernels()
    found, wanted = CASES[case]("cuda:0"), CASES[case]("emulator")
    assert stub.problems == []
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one, other), np.abs(one.astype(np.float64) - other.astype(np.float64)).max()


@tv.kernel("x: f32[N]", grid=lambda N, **_: tv.cdiv(N, 32))
def telling(x: tv.Tensor):
    program = tv.program_id(0)
    found = x.load(program * 32, 32)
    tv.print("sum", tv.sum(found), "of program", program)
    tv.device_assert(found < 60.0, "x is large")


@pytest.mark.parametrize("most", [59, 96])
def test_what_is_told(stub: Stub, most: int) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    stub.card(0, (8, 0))
    stub.run_kernels()
    x = np.minimum(np.arange(96, dtype=np.float32), most)

    def said(held: Any, **how: Any) -> tuple[str, str]:
        out, error = io.StringIO(), ""
        with redirect_stdout(out):
            try:
                telling(held, **how)
            except TileError as found:
                error = str(found)
        return out.getvalue(), error

    wanted = said(x, device="emulator")
    assert wanted[0].count("sum") == 3 and ("x is large" in wanted[1]) is (most > 60)
    assert said(x, device="cuda:0") == wanted and said(stub.put(x)) == wanted
    assert stub.problems == [] and stub.live()["memory"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_random_programs_agree(stub: Stub, seed: int) -> None:
    stub.card(0, (8, 0))
    stub.run_kernels()
    text = HEAD + program(seed, Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"program{seed}.py")
        file.write_text(text)
        kernel = getattr(load_file(str(file)), f"program{seed}")
        first, second = (run(kernel, seed, device) for device in ("emulator", "cuda:0"))
    assert stub.problems == [] and all(map(np.array_equal, first, second)), text


def test_packed_bytes_of_a_card(stub: Stub) -> None:
    stub.run_kernels()
    held = stub.put(np.full(9, 0xFF, np.uint8))
    nibbles(stub.put(np.arange(16, dtype=np.int32)), tv.packed(held, "u4", 18))
    wanted = tv.pack([15, *range(16), 15], "u4")
    assert stub.problems == [] and held.get().tolist() == wanted.tolist()
    with pytest.raises(TileError, match="packed takes 10 bytes, and the buffer has 9"):
        tv.packed(held, "u4", 19)


def test_check_runs_there(stub: Stub) -> None:
    stub.run_kernels()
    x = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    report = tv.check(example("softmax").softmax, None, x, np.zeros_like(x), BLOCK=128, device="cuda:0")
    assert report.ok, str(report)
    assert report.steps[-1].name == "sm_80 code on cuda:0"
    assert stub.problems == [] and stub.calls("cuLaunchKernelEx") > 0


@tv.kernel("y: i32[N, 8]")
def places(y: tv.Tensor):
    ids = (tv.program_id(0), tv.program_id(1), tv.program_id(2))
    counts = (tv.num_programs(0), tv.num_programs(1), tv.num_programs(2))
    row = ids[0] + counts[0] * (ids[1] + counts[1] * ids[2])
    total = tv.zeros((1, 8), tv.i32)
    for n, value in enumerate((*ids, *counts)):
        total = tv.where(tv.arange(8)[None, :] == n, value, total)
    tv.device_assert(ids[2] < 3, "too far")
    y.store((row, 0), total)


MOST_Y, MOST_Z = 6, 7  # the driver's numbers for the most blocks along y and z


@pytest.mark.parametrize("careful", [False, True])
def test_grids_that_the_card_does_not_count(stub: Stub, careful: bool) -> None:
    stub.run_kernels()
    os.environ["TILEVM_DEBUG"] = "1" if careful else "0"
    for which in (MOST_Y, MOST_Z):
        stub.limit(which, 2)
    for grid in ((2, 2, 2), (2, 3, 1), (1, 2, 3), (3, 3, 3)):
        count = grid[0] * grid[1] * grid[2]
        y, z = np.zeros((count, 8), np.int32), np.zeros((count, 8), np.int32)
        places[grid](y, device="cuda:0")
        places[grid](z, device="emulator")
        assert stub.problems == [] and (y == z).all()
    if careful:
        with pytest.raises(TileError, match=r"in program \(0, 0, 3\)"):
            places[1, 3, 4](np.zeros((12, 8), np.int32), device="cuda:0")
