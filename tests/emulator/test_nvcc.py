"""What nvcc 13.0 made of CUDA kernels (tests/emulator/ptx/*.cu) computes what the kernels say."""

import numpy as np
import pytest

from tests.emulator.running import kernel, module
from tilevm.backends.ptx.emulator import EmulationError, Hazard

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize("n", [1, 31, 1000])
def test_vector_add(n: int) -> None:
    x, y = RANDOM.random((2, n), np.float32)
    out = np.zeros(n, np.float32)
    kernel("nvcc_basic", "vector_add").launch(-(-n // 96), 96, [x, y, out, n])
    assert (out == x + y).all()


def test_reduction_through_shared_memory() -> None:
    x, out = RANDOM.integers(0, 99, 1000).astype(np.float32), np.zeros(3, np.float32)
    kernel("nvcc_basic", "block_sum").launch(3, 256, [x, out, 1000])
    assert out.sum() == x.sum()


def test_shuffles_and_atomics() -> None:
    x, out = RANDOM.integers(-9, 9, 1000, np.int32), np.zeros(1, np.int32)
    kernel("nvcc_basic", "warp_sum").launch(8, 128, [x, out, 1000])
    assert out[0] == x.sum()


def collatz(value: int) -> int:
    count = 0
    while value != 1:
        value, count = (3 * value + 1 if value % 2 else value // 2), count + 1
    return count


def test_divergent_loop() -> None:
    x, out = np.arange(1, 301, dtype=np.uint32), np.zeros(300, np.uint32)
    kernel("nvcc_basic", "collatz").launch(2, 256, [x, out, 300])
    assert out.tolist() == [collatz(v) for v in range(1, 301)]


def test_transpose_in_blocks_of_two_dimensions() -> None:
    x, out = RANDOM.random((50, 70), np.float32), np.zeros((70, 50), np.float32)
    kernel("nvcc_basic", "transpose").launch((3, 2), (32, 8), [x, out, 50, 70])
    assert (out == x.T).all()


def test_histogram_in_shared_memory_given_at_launch() -> None:
    x, out = RANDOM.integers(0, 256, 3000).astype(np.uint8), np.zeros(256, np.uint32)
    kernel("nvcc_basic", "histogram").launch(2, 128, [x, out, 3000], shared_bytes=1024)
    assert (out == np.bincount(x, minlength=256)).all()


def test_two_stages_of_asynchronous_copies() -> None:
    a, b = RANDOM.random((16, 64), np.float32), RANDOM.random((64, 16), np.float32)
    c = np.zeros((16, 16), np.float32)
    kernel("nvcc_async", "tile_product").launch(1, 64, [a, b, c, 64])
    np.testing.assert_allclose(c, a.astype(float) @ b, rtol=1e-5)


def test_matrix_instruction_by_hand() -> None:
    a = RANDOM.standard_normal((16, 16)).astype(np.float16)
    b = RANDOM.standard_normal((16, 8)).astype(np.float16)
    c = np.zeros((16, 8), np.float32)
    kernel("nvcc_async", "mma_direct").launch(1, 32, [a, b, c])
    assert (c == (a.astype(float) @ b.astype(float)).astype(np.float32)).all()


def test_calls() -> None:
    def tangle(x: int, y: int) -> int:
        for i in range(y):
            x = ((x ^ (x << 3)) + i) & 0xFFFFFFFF
        return x

    x, out = RANDOM.integers(0, 1 << 31, 100).astype(np.uint32), np.zeros(100, np.uint32)
    kernel("nvcc_more", "calls").launch(1, 128, [x, out, 100])
    assert out.tolist() == [(tangle(int(v), i % 5) + tangle(i, 2)) & 0xFFFFFFFF for i, v in enumerate(x)]


def test_votes_matches_and_counts() -> None:
    x, out = RANDOM.integers(-50, 50, 64).astype(np.int32), np.zeros((64, 5), np.uint32)
    kernel("nvcc_more", "votes").launch(1, 64, [x, out])
    for t, value in enumerate(x):
        warp = x[t // 32 * 32 : t // 32 * 32 + 32]
        mask = sum(1 << i for i, v in enumerate(warp) if v > 0)
        same = sum(1 << i for i, v in enumerate(warp) if v & 3 == value & 3)
        bits = f"{int(value) & 0xFFFFFFFF:032b}"
        first = 32 - bits.rindex("1") if "1" in bits else 0
        count = same.bit_count() + (bits.index("1") if "1" in bits else 32) + first + int(bits[::-1], 2)
        largest = int(warp.view(np.uint32).max())
        assert out[t].tolist() == [mask, same, 2 + (7 in warp), largest, count & 0xFFFFFFFF]


def test_local_memory() -> None:
    x, out = RANDOM.integers(-50, 50, 64).astype(np.int32), np.zeros(64, np.int32)
    kernel("nvcc_more", "local_array").launch(1, 64, [x, out])
    for t, value in enumerate(map(int, x)):
        kept = [value * i for i in range(32)]
        for i in range(32):
            kept[(value + i) & 31] += kept[i]
        assert out[t] == kept[t & 31]


def test_named_barrier_between_producers_and_consumers() -> None:
    x, out = RANDOM.random(64, np.float32), np.zeros(64, np.float32)
    kernel("nvcc_more", "halves").launch(1, 128, [x, out])
    assert (out == 2 * x).all()


def test_assertions() -> None:
    x, out = np.arange(64, dtype=np.int32), np.zeros(64, np.int32)
    kernel("nvcc_more", "checked").launch(1, 64, [x, out])
    assert (out == x // 7 + x % 7).all()
    x[5] = -1
    with pytest.raises(EmulationError, match="thread 5 failed an assertion") as error:
        kernel("nvcc_more", "checked").launch(1, 64, [x, out])
    assert error.value.kind is Hazard.TRAP


def test_functions_of_mathematics() -> None:
    n = 128
    x, out = (RANDOM.standard_normal(n) * 3).astype(np.float32), np.zeros((9, n), np.float32)
    kernel("nvcc_more", "transcendental").launch(1, n, [x, out, n])
    d = x.astype(float)
    size = np.abs(d)
    wanted = [np.exp(d), np.log(size + 1), np.sin(d), d / 3.7, np.sqrt(size), 1 / np.sqrt(size + 1), size**1.5]
    np.testing.assert_allclose(out, [*wanted, np.tanh(d), np.exp(d)], rtol=1e-6)


def test_long_division() -> None:
    x = RANDOM.integers(-(1 << 62), 1 << 62, 64)
    y = RANDOM.integers(1, 1 << 40, 64) * RANDOM.choice([-1, 1], 64)
    out = np.zeros((64, 2), np.int64)
    kernel("nvcc_numbers", "long_division").launch(1, 64, [x, y, out])
    for a, b, (quotient, rest) in zip(x.tolist(), y.tolist(), out.tolist(), strict=True):
        assert quotient == abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        assert rest == a - quotient * b


def test_atomics() -> None:
    x = RANDOM.integers(-1000, 1000, 96).astype(np.int32)
    cells, wide, total = np.zeros(7, np.int32), np.zeros(1, np.uint64), np.zeros(1, np.float32)
    kernel("nvcc_numbers", "atomics").launch(1, 96, [x, cells, wide, total])
    wanted = [max(x.max(), 0), min(x.min(), 0), np.bitwise_xor.reduce(x), np.bitwise_or.reduce(x), 96 % 10, 7, 3 * 96]
    assert cells.tolist() == wanted
    assert (wide[0], total[0]) == (96 * 95 // 2, 96)


def test_every_kernel_is_known() -> None:
    for name in ("nvcc_basic", "nvcc_async", "nvcc_more", "nvcc_numbers"):
        assert [module(name).kernel(k).name for k in module(name).kernels] == list(module(name).kernels)
