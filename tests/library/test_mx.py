"""MX blocks and block floating point: kernels on both devices against exact fractions, bit for bit."""

import numpy as np
import pytest

import tilevm as tv
from tests.library.reference import DEVICES, codes_of, element_codes, hard, mx
from tilevm.library import blocks, quantise, quantisers
from tilevm.optional import optional

ELEMENTS = ("f4e2m1", "f6e2m3", "f6e3m2", "f8e4m3", "f8e5m2", "i8")
MODES = ("floor", "ceil", "even", "rceil")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ELEMENTS)
def test_codes_and_scales(name: str, mode: str, device: str) -> None:
    x, kind = hard(), tv.dtype(name)
    found = quantise.mx(x, name, mode=mode, device=device)
    codes, scales = mx(x, kind, mode=mode)
    assert np.array_equal(found.scales, scales)
    assert np.array_equal(codes_of(found), codes)
    assert (found.scales[1, 0], found.scales[2, 1], found.scales[0, 0]) == (0xFF, 0xFF, 0)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "block"), [("f4e2m1", 32), ("f8e5m2", 16), ("i8", 48)])
def test_columns_of_whole_blocks(name: str, block: int, mode: str, device: str) -> None:
    """Where they are many, blocks are a dimension of their own."""
    x, kind = hard(columns=block * 70), tv.dtype(name)
    found = quantise.mx(x, name, block, mode=mode, device=device)
    codes, scales = mx(x, kind, block, mode)
    assert quantise.in_blocks(found, "nearest_even") and not quantise.in_blocks(found, "stochastic")
    assert np.array_equal(found.scales, scales) and np.array_equal(codes_of(found), codes)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("bits", "block"), [(2, 32), (4, 16), (4, 64), (5, 128), (8, 32), (12, 20), (16, 16)])
def test_block_floating_point(bits: int, block: int, device: str) -> None:
    x = hard(columns=150)
    found = quantise.bfp(x, bits, block, device=device)
    codes, scales = mx(x, tv.dtype(f"i{bits}"), block)
    assert np.array_equal(codes_of(found), codes) and np.array_equal(found.scales, scales)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*ELEMENTS, "i4"])
def test_numbers_come_back(name: str, device: str) -> None:
    """code * 2**e, exactly in f32 where it is in range, and rounded once to others; NaN from a scale of NaN."""
    x, kind = hard(), tv.dtype(name)
    q = quantise.mx(x, name, device=device)
    unit = 1.0 if kind.is_float else 2.0 ** (2 - kind.bits)
    scale = np.where(q.scales == 255, np.nan, np.exp2(q.scales.astype(float) - 127)).repeat(32, axis=1)
    exact = tv.decode(codes_of(q), kind) * unit * scale[:, : x.shape[1]]
    for to in ("f32", "f16", "bf16"):
        y = quantise.dequantise(q, to, device=device)
        with np.errstate(over="ignore"):
            assert np.array_equal(y.astype(float), exact.astype(y.dtype).astype(float), equal_nan=True)


@pytest.mark.parametrize("columns", [1, 31, 32, 33, 70])
def test_a_short_block_is_filled_up_with_zeros(columns: int) -> None:
    x = np.random.default_rng(1).standard_normal((5, columns)).astype(np.float32)
    whole = np.zeros((5, -(-columns // 32) * 32), np.float32)
    whole[:, :columns] = x
    short, long = quantise.mx(x, "f6e2m3"), quantise.mx(whole, "f6e2m3")
    assert np.array_equal(short.scales, long.scales)
    assert np.array_equal(codes_of(short), codes_of(long)[:, :columns])


def test_rceil_saturates_nothing_and_floor_may() -> None:
    x = np.full((1, 32), 7.9, np.float32)
    assert quantise.dequantise(quantise.mx(x, "f4e2m1"))[0, 0] == 6
    assert quantise.dequantise(quantise.mx(x, "f4e2m1", mode="rceil"))[0, 0] == 8
    six = quantise.mx(np.full((1, 32), 6, np.float32), "f4e2m1", mode="rceil")
    assert six.scales[0, 0] == 127, "amax / max is a power of two"


def test_axes_before_the_last_are_rows() -> None:
    x = hard(24, 40).reshape(2, 3, 4, 40)
    q, flat = quantise.mx(x, "f4e2m1"), quantise.mx(x.reshape(24, 40), "f4e2m1")
    assert q.shape == (2, 3, 4, 40) and np.array_equal(q.codes, flat.codes) and np.array_equal(q.scales, flat.scales)
    assert quantise.dequantise(q).shape == x.shape
    assert quantise.mx(x[0, 0, 0], "f4e2m1").scales.shape == (1, 2)


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0,)])
def test_nothing_in_nothing_out(shape: tuple[int, ...]) -> None:
    q = quantise.mx(np.zeros(shape, np.float32), "f4e2m1")
    assert q.codes.size == 0 and quantise.dequantise(q).shape == shape


def test_torch_and_other_types_go_in() -> None:
    x = np.random.default_rng(2).standard_normal((6, 64)).astype(np.float16)
    expected = quantise.mx(x.astype(np.float32), "f8e4m3")
    assert np.array_equal(quantise.mx(x, "f8e4m3").codes, expected.codes)
    assert np.array_equal(quantise.mx(np.asfortranarray(x), "f8e4m3").codes, expected.codes)
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    assert np.array_equal(quantise.mx(torch.from_numpy(x), "f8e4m3").codes, expected.codes)


@tv.kernel("x: f32[M, K], w: f32[N, K], y: f32[M, N]", grid=lambda M, N, **_: (tv.cdiv(M, 16), tv.cdiv(N, 16)))
def low_precision_product(x: tv.Tensor, w: tv.Tensor, y: tv.Tensor) -> None:
    i, j = tv.program_id(0) * 16, tv.program_id(1) * 16
    acc = tv.zeros((16, 16), tv.f32)
    for k in tv.range(0, x.shape[1], 64):
        a, a_scale = blocks.quantise_mx(x.load((i, k), (16, 64)), tv.f4e2m1)
        b, b_scale = blocks.quantise_mx(w.load((j, k), (16, 64)), tv.f8e4m3, 32, "rceil")
        acc = tv.dot_scaled(a, a_scale, b.T, b_scale.T, acc)
    y.store((i, j), acc)


@pytest.mark.parametrize("device", DEVICES)
def test_inside_a_kernel_of_ones_own(device: str) -> None:
    rng = np.random.default_rng(3)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((20, 150), (33, 150)))
    y = np.empty((20, 33), np.float32)
    low_precision_product(x, w, y, device=device)
    a = quantise.dequantise(quantise.mx(x, "f4e2m1")).astype(float)
    b = quantise.dequantise(quantise.mx(w, "f8e4m3", mode="rceil")).astype(float)
    assert np.abs(y - a @ b.T).max() <= 150 * 2.0**-23 * (np.abs(a) @ np.abs(b).T).max()


def test_no_pass_changes_a_bit() -> None:
    x, q = hard(16, 70), quantise.mx(hard(16, 70), "f6e3m2")
    how = {"BLOCK": 32, "mode": "even", "rounding": "stochastic", "BM": 4, "BN": 64}
    report = tv.check(quantisers.mx, None, x, *q.arguments(), 5, **how, device="cpu", every_pass=True, tolerance=0.0)
    assert report.blamed is None and not report.hazards


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["f4e2m1", "f8e5m2", "i8", "i3"])
def test_stochastic_rounding_is_the_codecs(name: str, device: str) -> None:
    x, kind, seed = np.random.default_rng(4).standard_normal((19, 90)).astype(np.float32), tv.dtype(name), 2**64 - 3
    q = quantise.mx(x, name, rounding="stochastic", seed=seed, device=device)
    scale = np.exp2(q.scales.astype(float) - 127).repeat(32, axis=1)[:, :90]
    assert np.array_equal(codes_of(q), element_codes(x / scale, kind, rounding="stochastic", seed=seed))


WRONG = {
    "element type": (lambda: quantise.mx(np.zeros((2, 32), np.float32), "u8"), "u8 is no type of MX elements"),
    "wide elements": (lambda: quantise.mx(np.zeros((2, 32), np.float32), "f16"), "f16 is no type of MX elements"),
    "mode": (lambda: quantise.mx(np.zeros((2, 32), np.float32), "f4e2m1", mode="up"), "no mode of MX scales"),
    "rounding": (lambda: quantise.mx(np.zeros((2, 32), np.float32), "f4e2m1", rounding="up"), "no rounding is called"),
    "seed": (lambda: quantise.mx(np.zeros((2, 32), np.float32), "f4e2m1", seed=-1), "the seed is -1"),
    "seed unused": (lambda: quantise.mx(np.zeros((2, 512), np.float32), "f4e2m1", seed=-1), "the seed is -1"),
    "block of truth": (
        lambda: quantise.mx(np.zeros((2, 32), np.float32), "f4e2m1", block=True),
        "a block has a positive number of elements, not True",
    ),
    "block": (lambda: quantise.mx(np.zeros((2, 32), np.float32), "f4e2m1", block=0), "a block has a positive number"),
    "number": (lambda: quantise.mx(3.0, "f4e2m1"), "blocks lie in arrays, not in this float"),
    "result": (lambda: quantise.dequantise(quantise.bfp(np.zeros((2, 32), np.float32), 4), "i8"), "not as i8"),
}


@pytest.mark.parametrize(("call", "says"), WRONG.values(), ids=WRONG)
def test_wrong_use(call: object, says: str) -> None:
    with pytest.raises(tv.TileError, match=says):
        call()


def test_blocks_counted_by_numpy() -> None:
    x = np.ones((2, 32), np.float32)
    assert quantise.mx(x, "f4e2m1", block=np.int64(16)).block == (1, 16)
